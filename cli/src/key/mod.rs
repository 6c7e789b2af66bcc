//! `iamctl key`.

use crate::noun::noun;

noun! {
    /// Keys of the platform, generation by generation
    #[command(after_help = DAYS)]
    Verbs { List(list), Show(show), Inventory(inventory), Calendar(calendar), Plan(plan), Rotate(rotate), Pause(pause), Resume(resume), Abort(abort), Revoke(revoke) }
}

const DAYS: &str = "\
The planned rotation: see who is ready, run it, and the dated steps are taken by
themselves; a step that would break somebody waits.
  iamctl key calendar
  iamctl key plan --purpose token-signing --at 2026-12-01T02:00:00+08:00
  iamctl key rotate --plan R7K39QDX
  iamctl rp credential ack hospital-authority --plan R7K39QDX
  iamctl key plan R7K39QDX

The leaked key of a relying party: revoked and blocked everywhere at once.
  iamctl rp credential leaked --key found.pem --since 2026-11-20
  iamctl cert issue --rp sandbox-bank --csr new.csr --out new.crt

Three in the morning, our own key is in other hands: a new one signs at once,
the old one's tokens are refused from that moment. Call the relying parties that
the reply names: no notice reaches them.
  iamctl key rotate --emergency --reason key-compromise
  iamctl rp show hospital-authority
  iamctl key plan --list
  iamctl audit verify";

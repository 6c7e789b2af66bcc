//! The proof that what an authority has issued verifies, before anybody depends on it.

use openssl::stack::Stack;
use openssl::x509::X509StoreContext;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;

use crate::certificate::Certificate;
use crate::crl::RevocationList;
use crate::error::{Doing, PkiError};
use domain::Timestamp;

const DOING: &str = "verify a chain";
const CHAIN: &str = "the chain";

/// Proves that a certificate verifies at a moment: by its authority, under the root, and by the lists of both, which are theirs, of
/// that moment, and name neither.
///
/// `chain` is the certificate, its authority and the root; `lists` those of the authority and of the root. Errors with what does
/// not hold.
pub fn prove(chain: &[Certificate; 3], lists: &[RevocationList; 2], now: Timestamp) -> Result<(), PkiError> {
    let [leaf, authority, root] = chain;
    let mut trusted = X509StoreBuilder::new().doing(DOING)?;
    trusted.add_cert(root.x509()?.clone()).doing(DOING)?;
    let mut parameters = X509VerifyParam::new().doing(DOING)?;
    parameters.set_time(now.micros().div_euclid(1_000_000));
    trusted.set_param(&parameters).doing(DOING)?;
    let mut between = Stack::new().doing(DOING)?;
    between.push(authority.x509()?.clone()).doing(DOING)?;
    let mut context = X509StoreContext::new().doing(DOING)?;
    let verdict = context
        .init(&trusted.build(), leaf.x509()?, &between, |context| context.verify_cert().map(|good| (good, context.error())));
    let (good, error) = verdict.doing(DOING)?;
    if !good {
        return Err(PkiError::unfit(CHAIN, error.error_string()));
    }
    for (list, (issuer, subject)) in lists.iter().zip([(authority, leaf), (root, authority)]) {
        let name = &subject.view().subject;
        if !list.is_signed_by(issuer)? {
            return Err(PkiError::unfit(CHAIN, format!("the list for {name} is not signed by its authority")));
        }
        if now < list.this_update() || list.next_update() <= now {
            return Err(PkiError::unfit(CHAIN, format!("the list for {name} is not of this moment")));
        }
        if list.entries().any(|entry| entry.serial == subject.view().serial) {
            return Err(PkiError::unfit(CHAIN, format!("{name} is revoked")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::authority::{Authority, AuthorityName, AuthorityPurpose};
    use crate::crl::Revoked;
    use crate::generate::{KeyKind, PrivateKey};
    use crate::instance::Instance;
    use domain::{Environment, RevocationReason};

    fn now() -> Timestamp {
        "2022-05-31T12:00:00+08:00".parse().unwrap()
    }

    struct Office {
        root: Authority,
        operators: Authority,
        leaf: Certificate,
    }

    fn office() -> Office {
        let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
        let key = || PrivateKey::generate(KeyKind::P256).unwrap();
        let root = Authority::new_root(&instance, 1, key(), now()).unwrap();
        let operators = root.new_issuing(AuthorityName::new(AuthorityPurpose::Operators, 2), key(), now()).unwrap();
        let planned = operators.plan_responder(&key().public().unwrap(), now()).unwrap();
        let leaf = operators.sign(&planned).unwrap();
        Office { root, operators, leaf }
    }

    impl Office {
        fn list(&self, of: &Authority, at: Timestamp, revoked: Vec<&Certificate>) -> RevocationList {
            let entry = |certificate: &Certificate| Revoked {
                serial: certificate.view().serial.clone(),
                at,
                reason: RevocationReason::Superseded,
            };
            let entries: Vec<Revoked> = revoked.into_iter().map(entry).collect();
            RevocationList::issue(of, 1, at, at.plus(Duration::from_hours(24)), entries).unwrap()
        }

        fn chain(&self) -> [Certificate; 3] {
            [self.leaf.clone(), self.operators.certificate().clone(), self.root.certificate().clone()]
        }
    }

    #[test]
    fn a_chain_holds_with_the_lists_of_the_moment_and_not_otherwise() {
        let (office, other) = (office(), office());
        let (root, operators) = (&office.root, &office.operators);
        let clean = || [office.list(operators, now(), vec![]), office.list(root, now(), vec![])];
        prove(&office.chain(), &clean(), now()).unwrap();
        let why = |chain: &[Certificate; 3], lists: &[RevocationList; 2], at| prove(chain, lists, at).unwrap_err().to_string();
        let [_, authority, own] = office.chain();
        let foreign = [other.leaf.clone(), authority.clone(), own];
        assert!(why(&foreign, &clean(), now()).contains("local issuer"), "{}", why(&foreign, &clean(), now()));
        let strangers = [office.leaf.clone(), authority, other.root.certificate().clone()];
        assert!(prove(&strangers, &clean(), now()).is_err());
        let revoked = [office.list(operators, now(), vec![&office.leaf]), office.list(root, now(), vec![])];
        assert!(why(&office.chain(), &revoked, now()).ends_with("ocsp, O=iAM Smart platform (sandbox) is revoked"));
        let revoked = [office.list(operators, now(), vec![]), office.list(root, now(), vec![operators.certificate()])];
        assert!(why(&office.chain(), &revoked, now()).contains("operators-2"));
        let swapped = [office.list(root, now(), vec![]), office.list(operators, now(), vec![])];
        assert!(why(&office.chain(), &swapped, now()).contains("not signed by its authority"));
        let tomorrow = now().plus(Duration::from_hours(24));
        assert!(why(&office.chain(), &clean(), tomorrow).contains("not of this moment"));
    }
}

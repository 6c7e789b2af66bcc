//! Citizens' signing certificates, many at once: each counter and each phone asks for itself, and they share commits.

use api::account::SuspendAccount;
use domain::{HolderKind, SuspensionReason};
use futures_util::future::join_all;
use pki::{KeyKind, PrivateKey, make_csr};
use server::certificate::citizen;
use tests::{World, both_engines};

const KIOSK: &str = "harbour-road-sports-centre";

fn request(key: &PrivateKey) -> String {
    make_csr(key, "phone").unwrap()
}

fn fresh() -> String {
    request(&PrivateKey::generate(KeyKind::P256).unwrap())
}

async fn states(world: &World, account: domain::AccountId) -> Vec<String> {
    let mut read = world.app.store.read().await.unwrap();
    let mut states: Vec<_> =
        read.certificates_of(HolderKind::Account, &account.to_string()).await.unwrap().into_iter().map(|row| row.state).collect();
    states.sort();
    states
}

both_engines! {
    async fn many_at_once_each_get_one_and_each_is_audited(world: &World) {
        let mut accounts = Vec::new();
        for number in 0..8 {
            accounts.push(world.citizen(&format!("CITIZEN {number}")).with_plus().registers_at_kiosk(KIOSK).await.account);
        }
        let suspended = accounts[7];
        let suspend = SuspendAccount { account: suspended, reason: SuspensionReason::LostDevice, call: None, note: None };
        world.first().call(&suspend).await.unwrap();
        // One of them presses twice.
        accounts.push(accounts[0]);
        let asked: Vec<_> = accounts.iter().map(|account| (*account, fresh())).collect();
        let issued = join_all(asked.iter().map(|(account, csr)| citizen::issue(&world.app, *account, csr))).await;
        let codes: Vec<_> = issued.iter().map(|one| one.as_ref().err().map(server::failure::Failure::code)).collect();
        assert!(codes[1..7].iter().all(Option::is_none), "{codes:?}");
        assert_eq!(codes[7].as_deref(), Some("cert.account"));
        let twice: Vec<_> = [&codes[0], &codes[8]].into_iter().flatten().collect();
        assert!(twice.is_empty() || twice == ["store.contended"], "{twice:?}");
        for account in &accounts[1..7] {
            assert_eq!(states(world, *account).await, ["valid"]);
        }
        assert_eq!(states(world, accounts[0]).await, ["revoked", "valid"], "of two, one takes the other's place");
        assert_eq!(states(world, suspended).await, [""; 0]);
        let mut entries: Vec<_> = world.audited("cert.issue").await.into_iter().map(|(_, subject, _)| subject).collect();
        let done = accounts.iter().zip(&codes).filter(|(_, code)| code.is_none());
        let mut subjects: Vec<_> = done.map(|(account, _)| account.to_string()).collect();
        entries.sort();
        subjects.sort();
        assert_eq!(entries, subjects, "an entry for each, whoever's commit it came with");
    }

    async fn one_key_for_two_citizens_is_never_certified_twice(world: &World) {
        let mut accounts = Vec::new();
        for number in 0..2 {
            accounts.push(world.citizen(&format!("CITIZEN {number}")).with_plus().registers_at_kiosk(KIOSK).await.account);
        }
        let csr = request(&PrivateKey::generate(KeyKind::P256).unwrap());
        let issued = join_all(accounts.iter().map(|account| citizen::issue(&world.app, *account, &csr))).await;
        assert!(issued.iter().filter(|one| one.is_ok()).count() <= 1);
        for refused in issued.into_iter().filter_map(Result::err) {
            assert_eq!(refused.code(), "cert.key-in-use");
        }
    }
}

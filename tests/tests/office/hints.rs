//! A command that a refusal or the calendar names is one that runs as it stands there.

use api::certificate::{ListCertificates, RenewCertificate, RevokeCertificate, ShowCertificate};
use api::inventory::ListInventory;
use api::key::{RevokeKey, RotateKey};
use api::operator::AddOperator;
use api::{Operation, Problem, Role};
use domain::{ActivateAt, Clock, HolderKind, ItemKind, KeyPurpose, RevocationReason};
use tests::{World, both_engines};

use super::inventory::inventory;

/// The words of a line as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut characters) = (Vec::new(), String::new(), false, line.chars());
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => word.extend(characters.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

/// The commands of a text, each of which the command line takes with everything it wants.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for rest in text.split("'iamctl ").skip(1) {
        // A name may have an apostrophe, within its own quotes.
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == '\'' && !quoted
        });
        let line = words(&rest[..end.unwrap()]);
        let filled = line.iter().map(|word| if word == "PURPOSE" { "token-signing".to_owned() } else { word.clone() });
        let given = cli::command().try_get_matches_from(std::iter::once("iamctl".to_owned()).chain(filled));
        if line != ["enrol"] {
            assert!(given.is_ok(), "{text}: {}", given.unwrap_err());
        }
        found.push(line);
    }
    assert!(!found.is_empty(), "{text}");
    found
}

async fn hint<O: Operation>(world: &World, op: &O, code: &str) -> Vec<Vec<String>>
where
    O::Reply: std::fmt::Debug,
{
    let Problem { code: told, hint, .. } = world.first().call(op).await.unwrap_err();
    assert_eq!(told, code);
    commands(&hint.unwrap())
}

both_engines! {
    async fn an_operator_is_invited_again_as_they_stand_on_record(world: &World) {
        let name = "Wong's \"night\" desk `x` $HOME";
        let wong = AddOperator { id: "wong".parse().unwrap(), name: name.to_owned(), roles: vec![Role::KeyOfficer, Role::Auditor] };
        let code = world.first().call(&wong).await.unwrap().code.unwrap();
        let csr = pki::make_csr(&pki::PrivateKey::generate(pki::KeyKind::P256).unwrap(), "wong").unwrap();
        world.enrolment(&code, &csr).await.reply.unwrap();
        let all = ListCertificates { holder_kind: Some(HolderKind::Operator), ..Default::default() };
        let all = world.first().call(&all).await.unwrap().items;
        let serial = all.into_iter().find(|one| one.holder == "wong").unwrap().serial;
        let again = ["operator", "add", "wong", "--name", name, "--role", "key-officer,auditor"];
        let renew = RenewCertificate { serial: serial.clone(), csr: None, validity: None };
        assert_eq!(hint(world, &renew, "cert.renewed-otherwise").await, [again]);
        let shown = world.first().call(&ShowCertificate { serial: serial.clone() }).await.unwrap().next.unwrap();
        assert_eq!(commands(&shown), [again]);
        let kind = ListInventory { kind: Some(ItemKind::Certificate), ..ListInventory::default() };
        let items = inventory(world, &kind).await;
        let how = items.iter().find(|item| item.id == serial.as_str()).unwrap().how.clone().unwrap();
        assert_eq!(commands(&how)[0], again);
    }

    async fn a_certificate_in_use_names_the_rotation_that_replaces_it(world: &World) {
        let list = ListCertificates { holder_kind: Some(HolderKind::Key), ..Default::default() };
        let all = world.first().call(&list).await.unwrap().items;
        let responder = all.into_iter().find(|one| one.profile == "ocsp-responder").unwrap();
        let revoke = |reason| RevokeCertificate { serial: responder.serial.clone(), reason };
        let planned = hint(world, &revoke(RevocationReason::Superseded), "cert.in-use").await.remove(0);
        assert_eq!(planned[..5], ["key", "rotate", "--purpose", "ocsp", "--line"]);
        let stolen = hint(world, &revoke(RevocationReason::KeyCompromise), "cert.in-use").await.remove(0);
        assert!(stolen.contains(&"--emergency".to_owned()) && stolen.contains(&planned[5]), "{stolen:?}");
        // As it stands there, it is done.
        let op = api::rotation::EmergencyRotation {
            purpose: KeyPurpose::Ocsp, name: Some(planned[5].clone()), algorithm: None, reason: RevocationReason::KeyCompromise,
        };
        world.first().call(&op).await.unwrap();
    }

    async fn a_key_that_somebody_else_has_is_not_answered_with_a_verb_that_revokes_nothing(world: &World) {
        let too_early = RotateKey { activate: ActivateAt::Time(world.clock.now()), ..RotateKey::of(KeyPurpose::TokenSigning) };
        let named = hint(world, &too_early, "key.activation-too-early").await.remove(0);
        assert!(named.contains(&"--emergency".to_owned()), "{named:?}");
        for kid in ["stamps-1", "operators-1"] {
            let op = RevokeKey { kid: kid.parse().unwrap(), reason: RevocationReason::KeyCompromise };
            hint(world, &op, "key.revoked-otherwise").await;
        }
    }
}

mod answers;
mod requests;

use domain::{RevocationReason, Timestamp};

use super::*;
use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::generate::{KeyKind, PrivateKey};
use crate::office::{DAY, Desk, NOW, Office, attime, key};

/// The responder of an authority.
fn responder(authority: &Authority, kind: KeyKind) -> Responder {
    let key = PrivateKey::generate(kind).unwrap();
    let planned = authority.plan_responder(&key.public().unwrap(), NOW).unwrap();
    Responder::load(authority.certificate(), authority.sign(&planned).unwrap(), key).unwrap()
}

/// A desk with the certificates that `openssl ocsp` asks with and verifies by.
fn desk(office: &Office, leaf: &Certificate) -> Desk {
    let desk = Desk::new();
    desk.put_certificates("issuer.pem", &[office.citizens.certificate()]);
    desk.put_certificates("trusted.pem", &[office.root.certificate(), office.citizens.certificate()]);
    desk.put_certificates("leaf.pem", &[leaf]);
    desk
}

/// The request that `openssl ocsp` makes about `leaf.pem`.
fn asked(desk: &Desk, options: &str) -> Vec<u8> {
    let (good, said) = desk.openssl(&format!("ocsp{options} -issuer issuer.pem -cert leaf.pem -reqout request.der"));
    assert!(good, "{said}");
    desk.read("request.der")
}

/// What is known at [`NOW`], good for a day.
fn says(certificate: &CertId, status: CertificateStatus) -> SingleAnswer {
    SingleAnswer { certificate: certificate.clone(), status, this_update: NOW, next_update: NOW.plus(DAY) }
}

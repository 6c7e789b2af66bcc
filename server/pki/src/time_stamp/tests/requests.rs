//! Requests: what is read of them, what is refused by name, and what is none.

use super::*;

#[track_caller]
fn refused(asked: &Asked, reason: TimeStampRefusal) {
    let fault = asked.read().unwrap_err();
    assert!(matches!(fault, TimeStampFault::Refused(refusal) if refusal == reason), "{fault}");
}

#[test]
fn requests_repeat_in_the_token_as_they_came() {
    let service = Service::new();
    let holds = |reply: &[u8], field: &[u8]| reply.windows(field.len()).any(|window| window == field);
    // Numbers as they may be: zero, with a sign byte, negative, and as long as it goes.
    for nonce in [&[0][..], &[0, 0x80], &[0x80], &[0xff, 0x7f], &[0x7f; 64]] {
        let nonce = tlv(0x02, nonce);
        let reply = service.granted(&Asked::honest().with(nonce.clone()).with(tlv(0x01, &[0xff])).read().unwrap());
        assert_eq!(TimeStampToken::from_reply(&reply).unwrap().imprint().digest(), [7; 32]);
        assert!(holds(&reply, &nonce), "{nonce:02x?}");
    }
    for parameters in [&[][..], &[0x05, 0x00]] {
        let mut asked = Asked::honest();
        asked.algorithm = sequence(&[&oid(SHA256), parameters]);
        let reply = service.granted(&asked.read().unwrap());
        assert!(holds(&reply, &sequence(&[&asked.algorithm, &asked.digest])), "{parameters:?}");
    }
}

#[test]
fn well_formed_requests_are_refused_by_name() {
    let mut asked = Asked::honest();
    for hash in [
        "1.3.14.3.2.26",
        "2.16.840.1.101.3.4.2.4",
        "2.16.840.1.101.3.4.2.8",
        "1.2.840.113549.2.5",
        "2.25.329800735698586629295641978511506172918",
    ] {
        asked.algorithm = sequence(&[&oid128(hash)]);
        refused(&asked, TimeStampRefusal::Algorithm);
    }
    asked.algorithm = sequence(&[&oid(SHA256), &integer(&[1])]);
    refused(&asked, TimeStampRefusal::Algorithm);
    for length in [0, 20, 31, 33, 48, 60_000] {
        let mut asked = Asked::honest();
        asked.digest = tlv(0x04, &vec![7; length]);
        refused(&asked, TimeStampRefusal::DataFormat);
    }
    for version in [&[0][..], &[2], &[0xff], &[1, 0]] {
        let mut asked = Asked::honest();
        asked.version = tlv(0x02, version);
        refused(&asked, TimeStampRefusal::Request);
    }
    refused(&Asked::honest().with(tlv(0x02, &[0x7f; 65])), TimeStampRefusal::Request);
    refused(&Asked::honest().with(oid("1.2.3.4")), TimeStampRefusal::Policy);
    refused(&Asked::honest().with(oid128("2.25.329800735698586629295641978511506172918")), TimeStampRefusal::Policy);
    let asked = Asked::honest().with(oid(TIME_STAMP_POLICY)).with(integer(&[5])).with(tlv(0x01, &[0]));
    assert!(!asked.read().unwrap().wants_certificate(), "said in so many words");
    refused(&asked.with(tlv(0xa0, &extension("1.2.3", false, b""))), TimeStampRefusal::Extension);
}

/// An object identifier with one arc of up to 128 bits at its end, such as a UUID has.
fn oid128(dotted: &str) -> Vec<u8> {
    let Some(arc) = dotted.strip_prefix("2.25.").map(|arc| arc.parse::<u128>().unwrap()) else { return oid(dotted) };
    let groups = (0..19).rev().map(|group| (arc >> (7 * group)) as u8 & 0x7f).skip_while(|group| *group == 0);
    let mut contents: Vec<u8> = std::iter::once(0x69).chain(groups.map(|group| group | 0x80)).collect();
    *contents.last_mut().unwrap() &= 0x7f;
    tlv(0x06, &contents)
}

#[test]
fn garbage_is_no_request() {
    let garbage = |bytes: &[u8]| {
        let fault = TimeStampRequest::from_der(bytes).unwrap_err();
        assert!(matches!(fault, TimeStampFault::Garbage(_)), "{fault}");
    };
    for bytes in [&b""[..], b"hello", b"\x30", b"\x30\x80\x00\x00", b"{}", b"\x30\x00"] {
        garbage(bytes);
    }
    let good = Asked::honest().der();
    garbage(&[&good[..], &[0]].concat());
    garbage(&vec![0x30; LARGEST_TIME_STAMP + 1]);
    garbage(&vec![0x30; LARGEST_TIME_STAMP]);
    // Fields in another order, twice, or of another kind.
    garbage(&Asked::honest().with(integer(&[5])).with(oid(TIME_STAMP_POLICY)).der());
    garbage(&Asked::honest().with(integer(&[5])).with(integer(&[5])).der());
    garbage(&Asked::honest().with(tlv(0x01, &[1])).der());
    garbage(&Asked::honest().with(tlv(0x02, &[0, 5])).der());
    garbage(&Asked::honest().with(tlv(0x02, &[])).der());
    garbage(&Asked::honest().with(bits(&[1])).der());
    let mut asked = Asked::honest();
    asked.digest = tlv(0x24, &tlv(0x04, &[7; 32]));
    garbage(&asked.der());
    for bytes in damaged(&good) {
        // Whatever it is, it is not taken for what it was.
        if let Ok(request) = TimeStampRequest::from_der(&bytes) {
            assert_ne!(&request, &Asked::honest().read().unwrap(), "{bytes:02x?}");
        }
    }
}

#[test]
fn digests_have_the_length_of_their_hash() {
    for hash in ImprintHash::ALL {
        for length in 0..70 {
            assert_eq!(Imprint::new(hash, &vec![1; length]).is_ok(), length == hash.length());
        }
        assert_eq!(hash.digest(b"x").len(), hash.length());
    }
}

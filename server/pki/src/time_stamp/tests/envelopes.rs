//! Tokens in envelopes that somebody else has made, or altered.

use super::*;

/// The token with its envelope, or what is in it, changed.
fn changed(token: &[u8], change: impl FnOnce(&mut SignedData)) -> Vec<u8> {
    let mut content_info = ContentInfo::from_der(token).unwrap();
    let mut signed: SignedData = content_info.content.decode_as().unwrap();
    change(&mut signed);
    content_info.content = Any::encode_from(&signed).unwrap();
    written(&content_info).unwrap()
}

/// The token with its one signer changed.
fn resigned(token: &[u8], change: impl FnOnce(&mut cms::signed_data::SignerInfo)) -> Vec<u8> {
    changed(token, |signed| {
        let mut signer = signed.signer_infos.0.as_slice()[0].clone();
        change(&mut signer);
        signed.signer_infos = vec![signer].try_into().unwrap();
    })
}

#[test]
fn envelopes_that_no_authority_makes_are_refused() {
    let service = Service::new();
    let token = service.token();
    let refused = |altered: &[u8]| service.verified(altered).unwrap_err().to_string();
    assert_eq!(changed(&token, |_| ()), token);
    let none = changed(&token, |signed| signed.signer_infos = Vec::new().try_into().unwrap());
    assert!(refused(&none).ends_with("it has another number of signers than one"));
    let two = changed(&token, |signed| {
        let signer = signed.signer_infos.0.as_slice()[0].clone();
        let other = cms::signed_data::SignerInfo { signature: OctetString::new(*b"x").unwrap(), ..signer.clone() };
        signed.signer_infos = vec![signer, other].try_into().unwrap();
    });
    assert!(refused(&two).ends_with("it has another number of signers than one"));
    let data = "1.2.840.113549.1.7.1".parse().unwrap();
    let plain = changed(&token, |signed| signed.encap_content_info.econtent_type = data);
    assert!(refused(&plain).ends_with("what is signed is not the content of a time stamp"));
    assert!(refused(&changed(&token, |signed| signed.encap_content_info.econtent = None)).contains("not the content"));
    assert!(refused(&resigned(&token, |signer| signer.signed_attrs = None)).ends_with("it has no signed attributes"));
    for place in 0..3 {
        let without = resigned(&token, |signer| {
            let mut attributes = signer.signed_attrs.take().unwrap().into_vec();
            attributes.remove(place);
            signer.signed_attrs = Some(attributes.try_into().unwrap());
        });
        assert!(refused(&without).ends_with("is missing or there twice"), "{place}");
    }
    let above = RawCertificate::read(service.authority.certificate().der()).unwrap();
    let serial_number = x509_cert::serial_number::SerialNumber::new(above.serial).unwrap();
    let sid = IssuerAndSerialNumber { issuer: above.issuer.read().unwrap(), serial_number };
    let two_names = resigned(&token, |signer| signer.sid = SignerIdentifier::IssuerAndSerialNumber(sid));
    assert!(refused(&two_names).ends_with("it names two signers"));
    let sha512 = resigned(&token, |signer| signer.digest_alg = ImprintHash::Sha512.identifier().unwrap());
    assert!(refused(&sha512).ends_with("its algorithms are not those of its key"));
    let ecdsa512 = resigned(&token, |signer| signer.signature_algorithm.oid = "1.2.840.10045.4.3.4".parse().unwrap());
    assert!(refused(&ecdsa512).ends_with("its algorithms are not those of its key"));
    // Not signed data at all.
    let mut content_info = ContentInfo::from_der(&token).unwrap();
    content_info.content_type = data;
    assert!(refused(&written(&content_info).unwrap()).ends_with("it is not signed data"));
}

#[test]
fn a_critical_extension_is_not_passed_over() {
    let service = Service::new();
    let known = ContentInfo::from_der(&service.token()).unwrap().content.decode_as::<SignedData>().unwrap();
    let content = known.encap_content_info.econtent.unwrap().decode_as::<OctetString>().unwrap();
    for (critical, good) in [(false, true), (true, false)] {
        let mut info = TstInfo::from_der(content.as_bytes()).unwrap();
        let extensions = sequence(&[&extension("1.2.3.4", critical, b"x")]);
        info.extensions = Some(x509_cert::ext::Extensions::from_der(&extensions).unwrap());
        let token = service.stamper.signed(written(&info).unwrap(), true).unwrap();
        assert_eq!(service.verified(&written(&token).unwrap()).is_ok(), good);
    }
}

#[test]
fn a_token_with_thousands_of_algorithms_is_not_sorted() {
    // 60 KB of algorithms in the worst order.
    let each = (0..6_000u16).rev().map(|number| {
        let [high, low] = [(number >> 7) as u8 | 0x80, number as u8 & 0x7f];
        sequence(&[&[0x06, 0x06, 0x2a, 0x03, 0x04, 0x05, high, low]])
    });
    let set = tlv(0x31, &each.collect::<Vec<_>>().concat());
    let signed = sequence(&[&integer(&[3]), &set, &sequence(&[&oid("1.2.840.113549.1.9.16.1.4")]), &tlv(0x31, &[])]);
    let token = sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xa0, &signed)]);
    assert!(token.len() < LARGEST_TIME_STAMP);
    // Measured before it is decoded, and so not for seconds.
    let fault = TimeStampToken::from_der(&token).unwrap_err().to_string();
    assert_eq!(fault, "the time stamp is malformed: ASN.1 DER message is too long");
    assert!(TimeStampToken::from_der(&vec![0x30; LARGEST_TIME_STAMP + 1]).is_err());
}

//! What a request asks for besides its key, and the names in it.

use super::*;

#[test]
fn who_asks_for_an_authority_is_refused() {
    let ca = sequence(&[&tlv(0x01, &[0xff])]);
    for critical in [false, true] {
        refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, critical, &ca)).der(), "csr.ca-requested");
    }
    let with_length = sequence(&[&tlv(0x01, &[0xff]), &integer(&[0])]);
    refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &with_length)).der(), "csr.ca-requested");
    refused(Forged::honest().asking(extension(KEY_USAGE, true, &tlv(0x03, &[2, 0x84]))).der(), "csr.ca-requested");
    // Not asking, in so many words.
    accepted(&Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &sequence(&[]))));
    // BER's other TRUE is no DER.
    let ber = sequence(&[&tlv(0x01, &[0x01])]);
    refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &ber)).der(), "csr.encoding");
    // In the attribute that an older Windows uses.
    let mut forged = Forged::honest();
    let extensions = sequence(&[&extension(BASIC_CONSTRAINTS, true, &ca)]);
    forged.attributes.push(sequence(&[&oid("1.3.6.1.4.1.311.2.1.14"), &set(&[&extensions])]));
    refused(forged.der(), "csr.ca-requested");
}

#[test]
fn wildcards_and_addresses_are_refused() {
    let asking = |names: &[(u8, &[u8])]| Forged::honest().asking(extension(SUBJECT_ALT_NAME, false, &general_names(names)));
    refused(asking(&[(DNS, b"*.gov.hk")]).der(), "csr.san");
    refused(asking(&[(DNS, b"good.example"), (DNS, b"www.*.example")]).der(), "csr.san");
    refused(asking(&[(0x87, &[127, 0, 0, 1])]).der(), "csr.san");
    refused(asking(&[(0x87, &[0; 16])]).der(), "csr.san");
    refused(asking(&[(DNS, b"192.0.2.1")]).der(), "csr.san");
    refused(asking(&[(DNS, b"::1")]).der(), "csr.san");
    refused(asking(&[(DNS, b"a\0b.example")]).der(), "csr.name");
    refused(asking(&[(0x86, b"https://x\n.example")]).der(), "csr.name");
    refused(asking(&[(DNS, "稅務局.example".as_bytes())]).der(), "csr.encoding");
    refused(asking(&[(0x0c, b"untagged")]).der(), "csr.encoding");
}

#[test]
fn unknown_extensions_are_refused_when_critical_and_named_when_not() {
    let unknown = |critical| Forged::honest().asking(extension("1.2.3.4", critical, b"x"));
    let refusal = refused(unknown(true).der(), "csr.extension");
    assert_eq!(refusal.message, "the critical extension 1.2.3.4 is not known here");
    let request = accepted(&unknown(false).named(0x0c, b"chan"));
    assert_eq!(request.ignored(&profile::OPERATOR, "chan"), ["extension 1.2.3.4"]);
}

#[test]
fn names_that_show_as_something_else_are_refused() {
    const UTF8: u8 = 0x0c;
    for bad in [
        "a\0b",
        "a\u{1b}]0;owned\u{7}",
        "line\nline",
        "tab\tbed",
        "\u{202e}nahc",
        "a\u{2066}b",
        "zero\u{200b}width",
        "a\u{feff}b",
        "a\u{9b}b",
    ] {
        refused(Forged::honest().named(UTF8, bad.as_bytes()).der(), "csr.name");
    }
    refused(Forged::honest().named(UTF8, b"\xff\xfe").der(), "csr.name");
    refused(Forged::honest().named(0x13, b"printable\0").der(), "csr.name");
    refused(Forged::honest().named(0x13, b"\xe9t\xe9").der(), "csr.name");
    // UTF-16: a bidi override, and half a surrogate pair.
    refused(Forged::honest().named(0x1e, &[0x20, 0x2e, 0, b'a']).der(), "csr.name");
    refused(Forged::honest().named(0x1e, &[0xd8, 0x00]).der(), "csr.name");
    refused(Forged::honest().named(0x1e, &[0, b'a', 0]).der(), "csr.name");
    // No text at all.
    refused(Forged::honest().named(0x05, b"").der(), "csr.name");
    // In the second part as well as in the first.
    let mut forged = Forged::honest();
    forged.subject = sequence(&[&attribute("2.5.4.3", UTF8, b"chan"), &attribute("2.5.4.10", UTF8, b"O\0")]);
    refused(forged.der(), "csr.name");
}

#[test]
fn ordinary_names_of_all_scripts_and_encodings_pass_and_are_named() {
    for (tag, value, shown) in [
        (0x0c, "陳大文".as_bytes(), "陳大文"),
        (0x13, b"Chan, Tai Man", "Chan, Tai Man"),
        (0x16, b"chan@example.hk", "chan@example.hk"),
        (0x14, b"Andr\xe9", "André"),
        (0x1e, &[0x96, 0x73], "陳"),
    ] {
        let request = accepted(&Forged::honest().named(tag, value));
        assert_eq!(request.ignored(&profile::OPERATOR, "chan"), [format!("subject CN={shown}")]);
    }
    let mut forged = Forged::honest();
    forged.subject = sequence(&[]);
    assert!(accepted(&forged).ignored(&profile::OPERATOR, "chan").is_empty());
}

#[test]
fn what_is_asked_beyond_the_profile_is_ignored_and_named() {
    let mut forged = Forged::honest()
        .asking(extension(KEY_USAGE, true, &tlv(0x03, &[5, 0xa0])))
        .asking(extension(
            EXTENDED_KEY_USAGE,
            false,
            &sequence(&[&oid("1.3.6.1.5.5.7.3.2"), &oid("1.3.6.1.5.5.7.3.1"), &oid("1.3.6.1.5.5.7.3.9"), &oid("1.2.3")]),
        ))
        .asking(extension(
            SUBJECT_ALT_NAME,
            false,
            &general_names(&[
                (DNS, b"etax.ird.example"),
                (0x81, b"a@ird.example"),
                (0x86, b"https://ird.example"),
                (0xa4, &sequence(&[])),
                (0x88, &[0x2a]),
            ]),
        ))
        .asking(extension("2.5.29.14", false, &tlv(0x04, b"own idea")));
    forged.subject = sequence(&[
        &attribute("2.5.4.6", 0x13, b"HK"),
        &attribute("2.5.4.10", 0x0c, b"Inland Revenue Department"),
        &attribute("2.5.4.3", 0x0c, b"etax"),
    ]);
    forged.attributes.push(sequence(&[&oid("1.2.840.113549.1.9.7"), &set(&[&tlv(0x0c, b"hunter2")])]));
    forged.attributes.push(sequence(&[&oid("1.2.3.9"), &set(&[])]));
    let request = accepted(&forged);
    let common = [
        "subject CN=etax, O=Inland Revenue Department, C=HK",
        "subjectAltName DNS:etax.ird.example",
        "subjectAltName email:a@ird.example",
        "subjectAltName URI:https://ird.example",
        "subjectAltName a directory name",
        "subjectAltName another kind of name",
        "keyUsage keyEncipherment",
    ];
    let rest = ["extendedKeyUsage OCSPSigning", "extendedKeyUsage 1.2.3", "attribute challengePassword", "attribute 1.2.3.9"];
    let ignored = request.ignored(&profile::OPERATOR, "etax");
    assert_eq!(ignored, [&common[..], &["extendedKeyUsage serverAuth"], &rest].concat());
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn a_request_of_an_old_tool_without_attributes_passes() {
    // Old tools leave the attributes out instead of sending an empty set.
    let forged = Forged::honest();
    let info = sequence(&[&forged.version, &forged.subject, &forged.public_key]);
    let signature = openssl::sign::Signer::new(forged.digest, &forged.signer).unwrap().sign_oneshot_to_vec(&info).unwrap();
    CsrRequest::parse(&sequence(&[&info, &forged.signature_algorithm, &bits(&signature)])).unwrap();
}

#[test]
fn a_subject_of_thousands_of_parts_is_read_in_one_go() {
    let part = attribute("2.5.4.11", 0x0c, b"x");
    let mut forged = Forged::honest();
    forged.subject = tlv(0x30, &part.repeat(3000));
    accepted(&forged);
}

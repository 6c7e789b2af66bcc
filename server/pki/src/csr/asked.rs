//! What a request asks for besides the certification of its key.

use std::net::IpAddr;

use der::{Tag, TagNumber};

use super::names;
use super::refusal::{CsrRefusal, refuse};
use super::structure::{Structure, fault};
use crate::profile::{ExtendedUse, KeyUse, Profile};
use crate::tlv::{Extension, Tlv, dotted, oid};

const CHALLENGE_PASSWORD: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07];

/// Everything asked for, in words that are safe to show.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    subject: String,
    alternative_names: Vec<String>,
    key_uses: Vec<&'static str>,
    extended_uses: Vec<String>,
    others: Vec<String>,
}

impl Asked {
    /// Reads and checks subject, attributes and extensions.
    pub(super) fn read(structure: &Structure<'_>) -> Result<Self, CsrRefusal> {
        let mut asked = Self { subject: names::subject(&structure.subject)?, ..Self::default() };
        for extension in &structure.extensions {
            asked.extension(extension)?;
        }
        for attribute in &structure.attributes {
            asked.others.push(match *attribute {
                // A password; its value stays where it is.
                CHALLENGE_PASSWORD => "attribute challengePassword".to_owned(),
                other => format!("attribute {}", dotted(other)),
            });
        }
        Ok(asked)
    }

    fn extension(&mut self, extension: &Extension<'_>) -> Result<(), CsrRefusal> {
        match extension.oid {
            oid::SUBJECT_ALT_NAME => self.alternative_names(extension),
            oid::BASIC_CONSTRAINTS => self.basic_constraints(extension),
            oid::KEY_USAGE => self.key_usage(extension),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage(extension),
            // Computed from the key by ourselves, whatever is asked.
            oid::SUBJECT_KEY_IDENTIFIER => Ok(()),
            unknown if extension.critical => {
                let refusal = refuse("csr.extension", format!("the critical extension {} is not known here", dotted(unknown)));
                Err(refusal.mend("ask for it as not critical, or leave it out"))
            }
            unknown => {
                self.others.push(format!("extension {}", dotted(unknown)));
                Ok(())
            }
        }
    }

    fn basic_constraints(&mut self, extension: &Extension<'_>) -> Result<(), CsrRefusal> {
        let read = || {
            let mut walk = Tlv::only(extension.value)?.inside()?;
            match walk.next_if(Tag::Boolean)? {
                Some(flag) => flag.read::<bool>(),
                None => Ok(false),
            }
        };
        if read().map_err(inner_fault)? {
            return Err(refuse("csr.ca-requested", "the request asks for a certificate authority (CA:TRUE)"));
        }
        Ok(())
    }

    fn key_usage(&mut self, extension: &Extension<'_>) -> Result<(), CsrRefusal> {
        const NAMES: [&str; 9] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
            "decipherOnly",
        ];
        let bits = Tlv::only(extension.value).map_err(inner_fault)?;
        let [_unused, bytes @ ..] = bits.value else {
            return Err(refuse("csr.encoding", "the key usage asked for is not DER"));
        };
        if bits.tag != Tag::BitString {
            return Err(refuse("csr.encoding", "the key usage asked for is not DER"));
        }
        let is_set = |bit: usize| bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
        self.key_uses = NAMES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| *name).collect();
        if self.key_uses.contains(&"keyCertSign") {
            return Err(refuse("csr.ca-requested", "the request asks to sign certificates (keyCertSign)"));
        }
        Ok(())
    }

    fn extended_key_usage(&mut self, extension: &Extension<'_>) -> Result<(), CsrRefusal> {
        let uses = Tlv::only(extension.value)
            .and_then(|sequence| sequence.inside()?.rest(Some(Tag::ObjectIdentifier)))
            .map_err(inner_fault)?;
        self.extended_uses = uses
            .iter()
            .map(|each| match each.value {
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01] => "serverAuth".to_owned(),
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02] => "clientAuth".to_owned(),
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03] => "codeSigning".to_owned(),
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04] => "emailProtection".to_owned(),
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08] => "timeStamping".to_owned(),
                [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09] => "OCSPSigning".to_owned(),
                [0x55, 0x1d, 0x25, 0x00] => "anyExtendedKeyUsage".to_owned(),
                other => dotted(other),
            })
            .collect();
        Ok(())
    }

    fn alternative_names(&mut self, extension: &Extension<'_>) -> Result<(), CsrRefusal> {
        let names = Tlv::only(extension.value).and_then(|sequence| sequence.inside()?.rest(None)).map_err(inner_fault)?;
        for name in names {
            let Tag::ContextSpecific { number, .. } = name.tag else {
                return Err(refuse("csr.encoding", "an alternative name asked for is not DER"));
            };
            let text = || {
                let text = std::str::from_utf8(name.value).ok().filter(|text| text.is_ascii());
                names::checked(text.ok_or_else(|| refuse("csr.encoding", "an alternative name is not an IA5String"))?)
            };
            let shown = match number {
                TagNumber::N1 => format!("email:{}", text()?),
                TagNumber::N2 => format!("DNS:{}", host(text()?)?),
                TagNumber::N6 => format!("URI:{}", text()?),
                TagNumber::N4 => "a directory name".to_owned(),
                TagNumber::N7 => return Err(refuse("csr.san", "the request asks for an IP address")),
                _ => "another kind of name".to_owned(),
            };
            self.alternative_names.push(shown);
        }
        Ok(())
    }

    /// What a certificate of this profile and common name does not give.
    pub(super) fn beyond(&self, profile: &Profile, common_name: &str) -> Vec<String> {
        let mut ignored = Vec::new();
        if !self.subject.is_empty() && self.subject != format!("CN={common_name}") {
            ignored.push(format!("subject {}", self.subject));
        }
        ignored.extend(self.alternative_names.iter().map(|name| format!("subjectAltName {name}")));
        let granted = |name: &str| match name {
            "digitalSignature" => profile.key_usage.contains(&KeyUse::DigitalSignature),
            "nonRepudiation" => profile.key_usage.contains(&KeyUse::NonRepudiation),
            _ => false,
        };
        ignored.extend(self.key_uses.iter().filter(|name| !granted(name)).map(|name| format!("keyUsage {name}")));
        let granted = |name: &str| {
            profile.extended.iter().any(|each| {
                name == match each {
                    ExtendedUse::ClientAuth => "clientAuth",
                    ExtendedUse::ServerAuth => "serverAuth",
                    ExtendedUse::DocumentSigning => "1.3.6.1.5.5.7.3.36",
                    ExtendedUse::OcspSigning => "OCSPSigning",
                    ExtendedUse::TimeStamping => "timeStamping",
                }
            })
        };
        let refused = self.extended_uses.iter().filter(|name| !granted(name));
        ignored.extend(refused.map(|name| format!("extendedKeyUsage {name}")));
        ignored.extend(self.others.iter().cloned());
        ignored
    }
}

fn host(name: &str) -> Result<&str, CsrRefusal> {
    if name.contains('*') {
        return Err(refuse("csr.san", "the request asks for a wildcard name"));
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err(refuse("csr.san", "the request asks for an IP address as a DNS name"));
    }
    Ok(name)
}

/// Inside an extension it is clear that this is a request; only its encoding can be wrong.
fn inner_fault(error: der::Error) -> CsrRefusal {
    CsrRefusal { code: "csr.encoding", ..fault(error) }
}

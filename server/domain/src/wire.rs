//! How the words of this crate look on the wire: one macro for values written as a string, one
//! for closed lists of words.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};

/// A word that is not on the list it was taken from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a known {what}", crate::text::visible(.given))]
pub struct UnknownWord {
    /// What the list is of, in words: `tier`, `suspension reason`.
    pub what: &'static str,
    /// The word as given, cut to 64 characters.
    pub given: String,
    /// The words there are.
    pub known: &'static [&'static str],
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, given: &str, known: &'static [&'static str]) -> UnknownWord {
        UnknownWord { what, given: given.chars().take(64).collect(), known }
    }
}

/// Reads a string through `FromStr`, and refuses a value of another type without repeating it.
pub(crate) struct TextVisitor<T> {
    expecting: &'static str,
    target: PhantomData<T>,
}

impl<T> TextVisitor<T> {
    pub(crate) fn new(expecting: &'static str) -> Self {
        TextVisitor { expecting, target: PhantomData }
    }

    fn not_text<E: Error>(&self) -> E {
        E::custom(format_args!("expected {} as a string", self.expecting))
    }
}

impl<T> Visitor<'_> for TextVisitor<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as a string", self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<T, E> {
        Err(self.not_text())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Err(self.not_text())
    }
}

/// `Deserialize` and `JsonSchema` for a type written as a string and read by its `FromStr`.
/// `$format` names the form in the schema; the reader of files looks it up there. `$ask` is `deserialize_str`, or
/// `deserialize_any` for personal data: a deserializer that is asked for a string and finds a number writes the number into its
/// error, one that is asked for anything leaves the error to the visitor.
macro_rules! reads_as_text {
    ($name:ident, $ask:ident, $expecting:literal, $format:literal, $example:literal) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.$ask($crate::wire::TextVisitor::new($expecting))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "format": $format,
                    "description": $expecting,
                    "examples": [$example],
                })
            }
        }
    };
}

/// The same with `Serialize` through `Display`.
macro_rules! text_form {
    ($name:ident, $expecting:literal, $format:literal, $example:literal) => {
        $crate::wire::text_form!($name, deserialize_str, $expecting, $format, $example);
    };
    ($name:ident, $ask:ident, $expecting:literal, $format:literal, $example:literal) => {
        $crate::wire::reads_as_text!($name, $ask, $expecting, $format, $example);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// A closed list of words: each has its spelling on the wire and a small number for storage.
/// Numbers and spellings are stored in databases; they are added to, never changed or reused.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $what:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $code:literal => $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                #[serde(rename = $text)]
                $variant,
            )+
        }

        impl $name {
            /// Every word, in the order of the definition.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Every spelling, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The spelling on the wire, in files and in columns of text.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The number stored in event and counter rows.
            pub const fn code(self) -> i16 {
                match self { $($name::$variant => $code),+ }
            }

            /// The word with that number.
            pub const fn from_code(code: i16) -> Option<$name> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // `pad` so that a width in the caller's format string works.
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::wire::UnknownWord;

            fn from_str(text: &str) -> Result<$name, $crate::wire::UnknownWord> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::wire::UnknownWord::new($what, text, $name::WORDS)),
                }
            }
        }
    };
}

pub(crate) use {reads_as_text, text_form, words};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{Category, Function, Tier, Timestamp};

    /// Spellings and numbers lie in databases and files: they are added to, never changed.
    macro_rules! every_word_keeps {
        ($($name:ident: $spelled:literal),+ $(,)?) => {
            $({
                let spelled: Vec<String> =
                    crate::$name::ALL.iter().map(|word| format!("{}={word}", word.code())).collect();
                assert_eq!(spelled.join(" "), $spelled, stringify!($name));
                let codes: BTreeSet<i16> = crate::$name::ALL.iter().map(|word| word.code()).collect();
                assert_eq!(codes.len(), crate::$name::ALL.len(), "each number once");
                for word in crate::$name::ALL {
                    assert_eq!(crate::$name::from_code(word.code()), Some(*word));
                    assert_eq!(word.as_str().parse(), Ok(*word));
                    let json = serde_json::to_string(word).unwrap();
                    assert_eq!(json, format!("\"{word}\""));
                    assert_eq!(serde_json::from_str::<crate::$name>(&json).unwrap(), *word);
                }
                assert_eq!(crate::$name::from_code(i16::MAX), None);
            })+
        };
    }

    #[test]
    fn words_and_numbers_are_what_is_stored() {
        every_word_keeps! {
            Tier: "1=iam-smart 2=iam-smart-plus",
            Channel: "1=remote 2=kiosk 3=counter 4=mobile-team",
            AccountState: "1=active 2=suspended 3=closed",
            AccountEventKind: "1=registered 2=upgraded 3=suspended 4=re-registered 5=reversed 6=closed 7=downgraded",
            SuspensionReason: "1=lost-device 2=stolen-device 3=suspected-fraud 4=caller-request 5=deceased 6=other",
            ClosureReason: "1=citizen-request 2=deceased 3=departure",
            Sex: "1=F 2=M",
            Environment: "1=sandbox 2=production",
            Function: "1=authentication 2=form-filling 3=signing 4=notification 5=step-up",
            Sector: "1=government 2=public 3=private",
            Industry: "1=public-utilities 2=insurance 3=banking-and-financial-services 4=telecommunications 5=ict 6=healthcare 7=other",
            PartyState: "1=active 2=suspended 3=retired",
            ServiceState: "1=active 2=suspended 3=retired",
            UsageChannel: "1=app 2=qr 3=backchannel",
            Outcome: "1=completed 2=failed 3=refused 4=timed-out 5=cancelled",
            KeyPurpose: "1=token-signing 2=root-ca 3=issuing-ca 4=ocsp 5=time-stamping 6=server-tls 7=audit 8=data 9=blind-index 10=pairwise",
            KeyAlgorithm: "1=ES256 2=PS256 3=Ed25519 4=A256GCM 5=HS256",
            PlanState: "1=planned 2=running 3=paused 4=held 5=done 6=aborted 7=lapsed",
            HoldCause: "1=parties-not-ready 2=work-unfinished",
            RotationStep: "1=publish 2=wait 3=activate 4=drain 5=retire",
            StepState: "1=done 2=under-way 3=ahead 4=called-off",
            Attribution: "1=own-address 2=certificate 3=acknowledgement",
            Verdict: "1=ready 2=not-ready 3=unknown 4=no-credential 5=no-service 6=not-tracked",
            KeyState: "1=published 2=active 3=draining 4=retired 5=revoked",
            RevocationReason: "0=unspecified 1=key-compromise 2=ca-compromise 3=affiliation-changed 4=superseded 5=cessation-of-operation 6=certificate-hold 9=privilege-withdrawn",
            ClientProfile: "1=fapi2 2=oidc",
            ClientAuthentication: "1=private_key_jwt 2=tls_client_auth 3=client_secret",
            SenderConstraint: "1=dpop 2=mtls 3=none",
            Ciba: "1=poll 2=ping",
            CredentialKind: "1=jwks 2=certificate",
            CredentialType: "1=jwks 2=jwks-url 3=certificate 4=client-secret",
            CredentialSource: "1=manifest 2=added 3=url 4=issued",
            RegistrationState: "1=begun 2=verified 3=completed 4=refused 5=expired 6=abandoned",
            RegistrationKind: "1=first 2=re-registration 3=upgrade",
            RequestState: "1=waiting 2=approved 3=refused 4=expired 5=cancelled 6=redeemed 7=ended",
            Claim: "1=name 2=name#zh-Hant 3=gender 4=birthdate 5=phone_number 6=phone_number_verified",
            Scope: "1=openid 2=profile 3=phone 4=offline_access",
            CredentialState: "1=active 2=revoked 3=expired 4=superseded",
        }
        assert_eq!(Category::ALL.len(), 12);
        assert_eq!(crate::District::ALL.len(), 18);
    }

    #[test]
    fn only_a_completed_request_is_a_use_and_only_plus_may_sign() {
        let uses: Vec<_> = crate::Outcome::ALL.iter().filter(|outcome| outcome.is_use()).collect();
        assert_eq!(uses, [&crate::Outcome::Completed]);
        let plus: Vec<_> = Function::ALL.iter().filter(|function| function.needs() == Tier::IamSmartPlus).collect();
        assert_eq!(plus, [&Function::Signing]);
    }

    #[test]
    fn an_unknown_word_is_shown_safely() {
        let error = "iam-smart-pluss\u{1b}".parse::<Tier>().unwrap_err();
        assert_eq!(error.to_string(), "'iam-smart-pluss\\u{1b}' is not a known tier");
        let long = "x".repeat(10_000).parse::<Tier>().unwrap_err();
        assert_eq!(long.given.len(), 64);
    }

    #[test]
    fn a_value_of_another_type_is_named_by_what_is_wanted() {
        let error = serde_json::from_str::<Timestamp>("true").unwrap_err().to_string();
        assert!(error.contains("an RFC 3339 time"), "{error}");
        for json in ["null", "[]", "{}", "true", "1.5", "-1"] {
            let error = serde_json::from_str::<crate::Hkic>(json).unwrap_err().to_string();
            assert!(error.contains("an HKIC number as a string"), "{error}");
        }
    }

    #[test]
    fn widths_in_format_strings_are_kept() {
        assert_eq!(format!("[{:>10}] [{:<8}]", Tier::IamSmart, Function::Signing), "[ iam-smart] [signing ]");
    }
}

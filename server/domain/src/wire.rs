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
    /// The word most likely meant, when one is near enough.
    pub fn suggestion(&self) -> Option<&'static str> {
        crate::text::suggest(&self.given, self.known)
    }

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

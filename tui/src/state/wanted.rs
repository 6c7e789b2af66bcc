//! Which certificates are listed: a filter as it is typed, as it is asked for, and as the command line has it.

use std::fmt;

use api::certificate::ListCertificates;
use api::page::PageRequest;
use domain::{CertificateState, HolderKind};

use crate::call::shell_word;

/// Rows that are asked for at a time, and held: an inventory of thousands is turned page by page.
pub(crate) const PAGE: u32 = 200;

/// Which certificates are listed. The server sorts them out, so that a page is full of what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only this state; every one but what is only planned when absent.
    pub state: Option<CertificateState>,
    /// Only holders of this kind.
    pub kind: Option<HolderKind>,
    /// Only this holder: an operator, a relying party, an account, a key.
    pub holder: Option<String>,
    /// Only this authority's.
    pub issuer: Option<String>,
    /// Only this profile.
    pub profile: Option<String>,
    /// Only what ends within so many days.
    pub within: Option<u32>,
}

/// What is good now: what has ended would otherwise stand before everything that is about to end.
impl Default for Wanted {
    fn default() -> Self {
        let state = Some(CertificateState::Valid);
        Self { state, kind: None, holder: None, issuer: None, profile: None, within: None }
    }
}

impl Wanted {
    /// Reads a filter: `all`, a state, a kind of holder, days as `30d`, `issuer:NAME`, `profile:NAME`, or a holder.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut wanted = Self::default();
        for word in text.split_whitespace() {
            let days = word.strip_suffix('d').filter(|days| !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit()));
            match word.split_once(':') {
                Some(("issuer", name)) if !name.is_empty() => wanted.issuer = Some(name.to_owned()),
                Some(("profile", name)) if !name.is_empty() => wanted.profile = Some(name.to_owned()),
                Some(("holder", id)) if !id.is_empty() => wanted.holder = Some(id.to_owned()),
                Some((what, _)) => {
                    return Err(format!("'{what}:' is not understood: issuer:NAME, profile:NAME and holder:ID are"));
                }
                None if word == "all" => wanted.state = None,
                None => match (days, word.parse(), word.parse()) {
                    (Some(days), ..) => {
                        let days = days.parse().map_err(|_| format!("{days} days are too many"))?;
                        wanted.within = Some(days);
                    }
                    (None, Ok(state), _) => wanted.state = Some(state),
                    (None, _, Ok(kind)) => wanted.kind = Some(kind),
                    _ if wanted.holder.is_some() => return Err(format!("one holder at a time: '{word}' is one too many")),
                    _ => wanted.holder = Some(word.to_owned()),
                },
            }
        }
        Ok(wanted)
    }

    /// The page of the list behind `after`.
    #[must_use]
    pub fn page(&self, after: Option<String>) -> ListCertificates {
        let wanted = self.clone();
        ListCertificates {
            holder_kind: wanted.kind,
            holder: wanted.holder,
            issuer: wanted.issuer,
            profile: wanted.profile,
            state: wanted.state,
            ends_within_days: wanted.within,
            not_ended: self.state.is_none(),
            page: PageRequest { after, limit: Some(PAGE) },
        }
    }

    /// The command that lists the same.
    pub(crate) fn command(&self) -> String {
        let flag = |name: &str, value: Option<String>| value.map(|value| format!(" --{name} {}", shell_word(&value)));
        let flags = [
            flag("state", self.state.map(|state| state.to_string())),
            flag("kind", self.kind.map(|kind| kind.to_string())),
            flag("holder", self.holder.clone()),
            flag("issuer", self.issuer.clone()),
            flag("profile", self.profile.clone()),
            flag("within", self.within.map(|days| days.to_string())),
        ];
        format!("iamctl cert list{}", flags.into_iter().flatten().collect::<String>())
    }
}

/// The words that read back as the same.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            match self.state {
                None => Some("all".to_owned()),
                Some(CertificateState::Valid) => None,
                Some(state) => Some(state.to_string()),
            },
            self.kind.map(|kind| kind.to_string()),
            self.within.map(|days| format!("{days}d")),
            self.issuer.as_ref().map(|name| format!("issuer:{name}")),
            self.profile.as_ref().map(|name| format!("profile:{name}")),
            self.holder.as_ref().map(|id| format!("holder:{id}")),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_back_as_it_was_written() {
        for (text, command) in [
            ("", "iamctl cert list --state valid"),
            ("all", "iamctl cert list"),
            ("revoked relying-party", "iamctl cert list --state revoked --kind relying-party"),
            ("30d issuer:operators-1", "iamctl cert list --state valid --issuer operators-1 --within 30"),
            ("all profile:server holder:listeners-1", "iamctl cert list --holder listeners-1 --profile server"),
        ] {
            let wanted = Wanted::read(text).unwrap();
            assert_eq!((wanted.to_string().as_str(), wanted.command().as_str()), (text, command));
        }
        assert_eq!(Wanted::read("sandbox-bank").unwrap().holder.as_deref(), Some("sandbox-bank"));
        for wrong in ["sandbox-bank hongkong-post", "owner:x", "issuer:", "99999999999d"] {
            assert!(Wanted::read(wrong).is_err(), "{wrong}");
        }
    }
}

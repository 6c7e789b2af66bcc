//! What a service may learn of a citizen at a login: the standard claims of OpenID Connect (Core 1.0, section 5.1) that the platform
//! knows, and the scopes that ask for them (section 5.4). Everything else of a person is e-ME's.

use serde_json::{Value, json};

use crate::wire::words;
use crate::{Profile, Sex};

words! {
    /// A claim about the citizen.
    pub enum Claim, "claim" {
        /// Name on the card, English, surname first.
        Name = 1 => "name",
        /// Name on the card, Chinese. Not everybody has one.
        NameZhHant = 2 => "name#zh-Hant",
        /// Sex on the card, `female` or `male`. Not on every card.
        Gender = 3 => "gender",
        /// Date of birth, `YYYY-MM-DD`.
        Birthdate = 4 => "birthdate",
        /// The phone that the account lives on, E.164.
        PhoneNumber = 5 => "phone_number",
        /// Whether somebody has made sure that the phone is the citizen's (OpenID Connect Core 1.0, section 5.1). Registration takes the
        /// number as it is given and sends nothing there, so it never says so.
        PhoneNumberVerified = 6 => "phone_number_verified",
    }
}

impl Claim {
    /// Its value; none where the card does not have it.
    #[must_use]
    pub fn of(self, profile: &Profile) -> Option<Value> {
        match self {
            Claim::Name => Some(json!(profile.name.en)),
            Claim::NameZhHant => profile.name.zh_hant.as_ref().map(|name| json!(name)),
            Claim::Gender => profile.sex.map(|sex| match sex {
                Sex::F => json!("female"),
                Sex::M => json!("male"),
            }),
            Claim::Birthdate => Some(json!(profile.birth_date.to_string())),
            Claim::PhoneNumber => Some(json!(profile.phone.expose())),
            Claim::PhoneNumberVerified => Some(json!(false)),
        }
    }
}

words! {
    /// A scope of an authorization request.
    pub enum Scope, "scope" {
        /// A login: an ID token comes with it.
        OpenId = 1 => "openid",
        /// Name, sex and date of birth.
        Profile = 2 => "profile",
        /// Phone number.
        Phone = 3 => "phone",
        /// Refresh tokens.
        OfflineAccess = 4 => "offline_access",
    }
}

impl Scope {
    /// The claims that it asks for.
    #[must_use]
    pub const fn claims(self) -> &'static [Claim] {
        match self {
            Scope::OpenId | Scope::OfflineAccess => &[],
            Scope::Profile => &[Claim::Name, Claim::NameZhHant, Claim::Gender, Claim::Birthdate],
            Scope::Phone => &[Claim::PhoneNumber, Claim::PhoneNumberVerified],
        }
    }
}

/// The claims that some scopes ask for, each once, in one order.
#[must_use]
pub fn claims_of(scopes: &[Scope]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = scopes.iter().flat_map(|scope| scope.claims()).copied().collect();
    claims.sort_by_key(|claim| claim.code());
    claims.dedup();
    claims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_asks_for_its_claims_once() {
        assert_eq!(
            claims_of(&[Scope::Phone, Scope::OpenId, Scope::Profile, Scope::Phone]),
            [Claim::Name, Claim::NameZhHant, Claim::Gender, Claim::Birthdate, Claim::PhoneNumber, Claim::PhoneNumberVerified]
        );
        assert_eq!(claims_of(&[Scope::OpenId]), []);
    }
}

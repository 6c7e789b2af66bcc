//! The words around relying parties and their services.

use crate::wire::words;
use crate::{Refusal, RelyingPartyId};

words! {
    /// Who runs a relying party.
    pub enum Sector, "sector" {
        /// A bureau or department.
        Government = 1 => "government",
        /// A public body, such as the Hospital Authority.
        Public = 2 => "public",
        /// A company or other private organisation.
        Private = 3 => "private",
    }
}

words! {
    /// The industry of a private relying party.
    pub enum Industry, "industry" {
        /// Water, electricity and gas suppliers.
        PublicUtilities = 1 => "public-utilities",
        /// Insurers.
        Insurance = 2 => "insurance",
        /// Banks, stored value facilities, brokers.
        BankingAndFinancialServices = 3 => "banking-and-financial-services",
        /// Telephone and network operators.
        Telecommunications = 4 => "telecommunications",
        /// Information and communications technology.
        Ict = 5 => "ict",
        /// Private hospitals, clinics and their platforms.
        Healthcare = 6 => "healthcare",
        /// Anything else.
        Other = 7 => "other",
    }
}

words! {
    /// The twelve categories of the service catalogue (S20 Annex 1).
    pub enum Category, "category" {
        /// Licence applications and renewals.
        LicenceApplicationsAndRenewals = 1 => "licence-applications-and-renewals",
        /// General applications and registrations.
        GeneralApplicationsAndRegistrations = 2 => "general-applications-and-registrations",
        /// Public transport.
        PublicTransport = 3 => "public-transport",
        /// Permits and other business applications.
        PermitsAndBusinessApplications = 4 => "permits-and-business-applications",
        /// Education.
        Education = 5 => "education",
        /// Employment applications and services.
        Employment = 6 => "employment",
        /// Medical and health services.
        MedicalAndHealth = 7 => "medical-and-health",
        /// Subsidies applications.
        Subsidies = 8 => "subsidies",
        /// Public housing.
        PublicHousing = 9 => "public-housing",
        /// Public enquiries.
        PublicEnquiries = 10 => "public-enquiries",
        /// Postal services.
        PostalServices = 11 => "postal-services",
        /// Other public services.
        OtherPublicServices = 12 => "other-public-services",
    }
}

words! {
    /// What a service may ask of a citizen's account.
    pub enum Function, "function" {
        /// Log in.
        Authentication = 1 => "authentication",
        /// Release of stored e-ME fields into a form, with consent.
        FormFilling = 2 => "form-filling",
        /// Digital signing with legal backing (`iam-smart-plus` only).
        Signing = 3 => "signing",
        /// Personalised, opt-in messages.
        Notification = 4 => "notification",
        /// A fresh approval in the middle of a session.
        StepUp = 5 => "step-up",
    }
}

words! {
    /// The state of a relying party.
    pub enum PartyState, "relying party state" {
        /// Its services may be used.
        Active = 1 => "active",
        /// Stopped for now; `resume` brings it back.
        Suspended = 2 => "suspended",
        /// Gone for good; its history stays.
        Retired = 3 => "retired",
    }
}

words! {
    /// The state of one service. What a citizen meets is the worse of this and the party's.
    pub enum ServiceState, "service state" {
        /// May be used.
        Active = 1 => "active",
        /// Stopped for now.
        Suspended = 2 => "suspended",
        /// Gone for good; its history stays.
        Retired = 3 => "retired",
    }
}

impl Function {
    /// The tier a citizen needs for it.
    pub const fn needs(self) -> crate::Tier {
        match self {
            Function::Signing => crate::Tier::IamSmartPlus,
            Function::Authentication | Function::FormFilling | Function::Notification | Function::StepUp => crate::Tier::IamSmart,
        }
    }
}

impl PartyState {
    /// The state after a suspension. `rp` is for the words of a refusal.
    ///
    /// # Errors
    /// When it is suspended already: the reason on record stays the one of the first. When it is retired.
    pub fn suspend(self, rp: &RelyingPartyId) -> Result<PartyState, Refusal> {
        match self {
            PartyState::Active => Ok(PartyState::Suspended),
            PartyState::Suspended => Err(Refusal::new("rp.suspended", format!("relying party {rp} is suspended already"))
                .hint(format!("see 'iamctl rp history {rp}'"))),
            PartyState::Retired => Err(retired(rp)),
        }
    }

    /// The state after it was let go on.
    ///
    /// # Errors
    /// When it is not suspended.
    pub fn resume(self, rp: &RelyingPartyId) -> Result<PartyState, Refusal> {
        match self {
            PartyState::Suspended => Ok(PartyState::Active),
            PartyState::Active => Err(Refusal::new("rp.not-suspended", format!("relying party {rp} is not suspended"))
                .hint(format!("see 'iamctl rp show {rp}'"))),
            PartyState::Retired => Err(retired(rp)),
        }
    }

    /// The state after another manifest was applied: a suspended party stays suspended.
    ///
    /// # Errors
    /// When it is retired.
    pub fn take_manifest(self, rp: &RelyingPartyId) -> Result<PartyState, Refusal> {
        match self {
            PartyState::Active | PartyState::Suspended => Ok(self),
            PartyState::Retired => Err(retired(rp)),
        }
    }
}

fn retired(rp: &RelyingPartyId) -> Refusal {
    Refusal::new("rp.retired", format!("relying party {rp} is retired, which is final"))
        .hint("bring the organisation back under another id")
}

impl ServiceState {
    /// What a citizen meets: the worse of the service's own state and its party's.
    #[must_use]
    pub const fn under(self, party: PartyState) -> ServiceState {
        match (self, party) {
            (ServiceState::Retired, _) | (_, PartyState::Retired) => ServiceState::Retired,
            (ServiceState::Suspended, _) | (_, PartyState::Suspended) => ServiceState::Suspended,
            (ServiceState::Active, PartyState::Active) => ServiceState::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_in_every_state() {
        use PartyState::{Active, Retired, Suspended};
        type Verb = fn(PartyState, &RelyingPartyId) -> Result<PartyState, Refusal>;
        let rp: RelyingPartyId = "sandbox-bank".parse().unwrap();
        for (state, verb, expected) in [
            (Active, PartyState::suspend as Verb, Ok(Suspended)),
            (Suspended, PartyState::suspend, Err("rp.suspended")),
            (Retired, PartyState::suspend, Err("rp.retired")),
            (Active, PartyState::resume, Err("rp.not-suspended")),
            (Suspended, PartyState::resume, Ok(Active)),
            (Retired, PartyState::resume, Err("rp.retired")),
            (Active, PartyState::take_manifest, Ok(Active)),
            (Suspended, PartyState::take_manifest, Ok(Suspended)),
            (Retired, PartyState::take_manifest, Err("rp.retired")),
        ] {
            let after = verb(state, &rp);
            assert!(after.as_ref().err().is_none_or(|refusal| refusal.message.contains("sandbox-bank")), "{after:?}");
            assert_eq!(after.map_err(|refusal| refusal.code), expected, "{state}");
        }
    }

    #[test]
    fn a_citizen_meets_the_worse_of_service_and_party() {
        for (service, active, suspended) in [
            (ServiceState::Active, ServiceState::Active, ServiceState::Suspended),
            (ServiceState::Suspended, ServiceState::Suspended, ServiceState::Suspended),
            (ServiceState::Retired, ServiceState::Retired, ServiceState::Retired),
        ] {
            assert_eq!(service.under(PartyState::Active), active);
            assert_eq!(service.under(PartyState::Suspended), suspended);
            assert_eq!(service.under(PartyState::Retired), ServiceState::Retired);
        }
    }
}

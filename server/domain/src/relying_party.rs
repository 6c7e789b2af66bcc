//! The words around relying parties and their services.

use crate::wire::words;

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

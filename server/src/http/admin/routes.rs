//! Every operation and the function that performs it.

use api::Operation;
use api::{
    account as account_api, audit as audit_api, certificate as certificate_api, credential as credential_api,
    hotline as hotline_api, instance as instance_api, inventory as inventory_api, job as job_api, key as key_api,
    operator as operator_api, registration as registration_api, relying_party as rp_api, rotation as rotation_api,
    sandbox as sandbox_api, service as service_api, stats as stats_api,
};

use super::mount::mount;
use crate::http::openapi::Described;
use crate::{
    account, audit, certificate, credential, hotline, instance, inventory, job, key, operator, registration, relying_party,
    sandbox, service, stats, usage,
};

macro_rules! operations {
    ($($operation:ty => $run:path,)*) => {
        /// Names of the operations that are mounted.
        pub const NAMES: &[&str] = &[$(<$operation as Operation>::NAME),*];

        /// Every operation.
        pub fn mounted() -> Described {
            let described = Described::new();
            $(let described = mount::<$operation, _>(described, $run);)*
            described
        }
    };
}

operations! {
    account_api::AccountHistory => account::history::history,
    account_api::ImportAccounts => account::import::import,
    account_api::ListAccounts => account::list::list,
    account_api::ShowAccount => account::show::show,
    account_api::SuspendAccount => account::suspend::suspend,
    audit_api::ExportAudit => audit::export::export,
    audit_api::ListAudit => audit::list::list,
    audit_api::ListCheckpoints => audit::export::checkpoints,
    audit_api::ShowAudit => audit::show::show,
    audit_api::UnsealedAudit => audit::export::unsealed,
    credential_api::AddCredential => credential::add::add,
    credential_api::ListCredentials => credential::list::list,
    credential_api::ReportLeak => credential::leaked::leaked,
    credential_api::RevokeCredential => credential::revoke::revoke,
    hotline_api::CloseCall => hotline::close::close,
    hotline_api::FindCaller => hotline::find::find,
    hotline_api::OpenCall => hotline::open::open,
    instance_api::CheckInstance => instance::check::check,
    instance_api::ShowOverview => instance::overview::overview,
    inventory_api::ListInventory => inventory::list::list,
    inventory_api::ShowCalendar => inventory::calendar::calendar,
    job_api::CancelJob => job::cancel::cancel,
    job_api::ListJobs => job::list::list,
    job_api::ShowJob => job::show::show,
    key_api::ListKeys => key::list::list,
    certificate_api::CheckCertificates => certificate::check::check,
    certificate_api::IssueCertificate => certificate::issue::issue,
    certificate_api::ListCertificates => certificate::list::list,
    certificate_api::RenewCertificate => certificate::renew::renew,
    certificate_api::RevokeCertificate => certificate::revoke::revoke,
    certificate_api::ShowCertificate => certificate::show::show,
    key_api::RevokeKey => key::revoke::revoke,
    key_api::RotateKey => key::rotate::rotate,
    key_api::ShowKey => key::show::show,
    operator_api::AddOperator => operator::add::add,
    operator_api::DisableOperator => operator::disable::disable,
    operator_api::EnableOperator => operator::enable::enable,
    operator_api::ListOperators => operator::list::list,
    operator_api::ShowOperator => operator::show::show,
    operator_api::WhoAmI => operator::whoami::whoami,
    registration_api::AddStation => registration::station::add::add,
    registration_api::CountRegistrations => registration::list::count,
    registration_api::ListRegistrations => registration::list::list,
    registration_api::ListStations => registration::station::list::list,
    registration_api::RetireStation => registration::station::retire::retire,
    registration_api::ShowRegistration => registration::show::show,
    rp_api::ApplyParties => relying_party::apply::apply,
    rp_api::ListParties => relying_party::list::list,
    rp_api::PartyHistory => relying_party::history::history,
    rp_api::PlanParties => relying_party::plan::plan,
    rp_api::ResumeParty => relying_party::resume::resume,
    rp_api::ShowParty => relying_party::show::show,
    rp_api::SuspendParty => relying_party::suspend::suspend,
    rotation_api::AcknowledgeKeys => key::ack::ack,
    rotation_api::AbortPlan => key::abort::abort,
    rotation_api::EmergencyRotation => key::emergency::emergency,
    rotation_api::ListPlans => key::plans::plans,
    rotation_api::PausePlan => key::pause::pause,
    rotation_api::PlanRotation => key::plan::plan,
    rotation_api::ResumePlan => key::resume::resume,
    rotation_api::RunPlan => key::run::run,
    rotation_api::ShowPlan => key::plans::show,
    sandbox_api::ListRequests => sandbox::requests::requests,
    sandbox_api::Populate => sandbox::populate::populate,
    service_api::ListServices => service::list::list,
    service_api::ShowService => service::show::show,
    stats_api::ImportUses => usage::import::import,
    stats_api::ExportEvents => stats::export::export,
    stats_api::FreezeMonth => stats::freeze::freeze,
    stats_api::ListFrozen => stats::freeze::frozen,
    stats_api::RestateMonth => stats::restate::restate,
    stats_api::VerifyMonth => stats::verify::verify,
    stats_api::AccountsReport => stats::accounts::accounts,
    stats_api::LegcoReport => stats::legco::legco,
    stats_api::ListDefinitions => stats::ledger::list,
    stats_api::RecordDefinitions => stats::define::define,
    stats_api::TopServices => stats::top::top,
    stats_api::TrendReport => stats::trend::trend,
    stats_api::UsageReport => stats::usage::usage,
}

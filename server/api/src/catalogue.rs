//! Every operation, as data: what `explain`, the OpenAPI document and the role matrix are made of.

use crate::{Approval, Effect, Operation, Role};

/// An operation, described.
pub struct OperationInfo {
    /// `noun.verb`.
    pub name: &'static str,
    /// Who may ask.
    pub roles: &'static [Role],
    /// What it does.
    pub effect: Effect,
    /// Whether a second person must agree.
    pub approval: Approval,
    /// JSON Schema of the request; its `description` says what the operation does.
    pub request: fn() -> schemars::Schema,
    /// JSON Schema of the reply.
    pub reply: fn() -> schemars::Schema,
}

fn info<O: Operation>() -> OperationInfo {
    OperationInfo {
        name: O::NAME,
        roles: O::ROLES,
        effect: O::EFFECT,
        approval: O::APPROVAL,
        request: || schemars::schema_for!(O),
        reply: || schemars::schema_for!(O::Reply),
    }
}

/// Every operation there is, by name.
#[must_use]
pub fn operations() -> Vec<OperationInfo> {
    use crate::{
        account, audit, certificate, credential, hotline, instance, inventory, job, key, operator, registration, relying_party,
        rotation, sandbox, service, stats,
    };
    let mut all = vec![
        info::<account::AccountHistory>(),
        info::<account::ImportAccounts>(),
        info::<account::ListAccounts>(),
        info::<account::ShowAccount>(),
        info::<account::SuspendAccount>(),
        info::<audit::ExportAudit>(),
        info::<audit::ListAudit>(),
        info::<audit::ListCheckpoints>(),
        info::<audit::ShowAudit>(),
        info::<audit::UnsealedAudit>(),
        info::<certificate::CheckCertificates>(),
        info::<certificate::IssueCertificate>(),
        info::<certificate::ListCertificates>(),
        info::<certificate::RenewCertificate>(),
        info::<certificate::RevokeCertificate>(),
        info::<certificate::ShowCertificate>(),
        info::<credential::AddCredential>(),
        info::<credential::ListCredentials>(),
        info::<credential::ReportLeak>(),
        info::<credential::RevokeCredential>(),
        info::<hotline::CloseCall>(),
        info::<hotline::FindCaller>(),
        info::<hotline::OpenCall>(),
        info::<instance::CheckInstance>(),
        info::<instance::ShowOverview>(),
        info::<inventory::ListInventory>(),
        info::<inventory::ShowCalendar>(),
        info::<job::CancelJob>(),
        info::<job::ListJobs>(),
        info::<job::ShowJob>(),
        info::<key::ListKeys>(),
        info::<key::RevokeKey>(),
        info::<key::RotateKey>(),
        info::<key::ShowKey>(),
        info::<operator::AddOperator>(),
        info::<operator::DisableOperator>(),
        info::<operator::EnableOperator>(),
        info::<operator::ListOperators>(),
        info::<operator::ShowOperator>(),
        info::<operator::WhoAmI>(),
        info::<registration::AddStation>(),
        info::<registration::CountRegistrations>(),
        info::<registration::ListRegistrations>(),
        info::<registration::ListStations>(),
        info::<registration::RetireStation>(),
        info::<registration::ShowRegistration>(),
        info::<relying_party::ApplyParties>(),
        info::<relying_party::ListParties>(),
        info::<relying_party::PartyHistory>(),
        info::<relying_party::PlanParties>(),
        info::<relying_party::ResumeParty>(),
        info::<relying_party::ShowParty>(),
        info::<relying_party::SuspendParty>(),
        info::<rotation::AbortPlan>(),
        info::<rotation::AcknowledgeKeys>(),
        info::<rotation::EmergencyRotation>(),
        info::<rotation::ListPlans>(),
        info::<rotation::PausePlan>(),
        info::<rotation::PlanRotation>(),
        info::<rotation::ResumePlan>(),
        info::<rotation::RunPlan>(),
        info::<rotation::ShowPlan>(),
        info::<sandbox::ListRequests>(),
        info::<sandbox::Populate>(),
        info::<service::ListServices>(),
        info::<service::ShowService>(),
        info::<stats::ImportUses>(),
        info::<stats::ExportEvents>(),
        info::<stats::FreezeMonth>(),
        info::<stats::ListFrozen>(),
        info::<stats::RestateMonth>(),
        info::<stats::VerifyMonth>(),
        info::<stats::AccountsReport>(),
        info::<stats::LegcoReport>(),
        info::<stats::ListDefinitions>(),
        info::<stats::RecordDefinitions>(),
        info::<stats::TopServices>(),
        info::<stats::TrendReport>(),
        info::<stats::UsageReport>(),
    ];
    all.sort_by_key(|operation| operation.name);
    all
}

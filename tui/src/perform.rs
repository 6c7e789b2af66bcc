//! Performs what the state asks for: one generic call for each operation, its outcome as an event.

use api::account::SuspendAccount;
use api::certificate::ShowCertificate;
use api::hotline::{CloseCall, FindCaller, OpenCall};
use api::instance::{CheckInstance, ShowOverview};
use api::inventory::ListInventory;
use api::job::CancelJob;
use api::key::{ListKeys, RevokeKey, RotateKey, ShowKey};
use api::operator::WhoAmI;
use api::page::PageRequest;
use api::relying_party::{ListParties, ResumeParty, ShowParty, SuspendParty};
use api::rotation::{AbortPlan, EmergencyRotation, ListPlans, PausePlan, PlanRotation, ResumePlan, RunPlan, ShowPlan};
use api::stats::{LegcoReport, ListFrozen, TrendOf, TrendReport, UsageBy, UsageReport};
use api::{Effect, Operation};
use client::{CallOptions, Connection, Paged, surroundings};
use domain::Month;

use crate::call::{Call, KeyLine, MonthFigures, Read, Reply, Write, shell_word};
use crate::event::{Sent, Trouble};
use crate::export::{export, possible};

/// Calls the server. `key` is the one that the same write was sent under before.
pub(crate) async fn perform(connection: &Connection, call: Call, key: Option<String>) -> Result<Reply, Trouble> {
    let caller = Caller { connection, key: key.unwrap_or_else(client::new_idempotency_key) };
    match call {
        Call::Read(read) => caller.read(read).await,
        Call::Find { call, who } => {
            let by = who.identify().map_err(|trouble| *trouble)?;
            // Wiped before the answer is waited for; the request wipes its own copy.
            drop(who);
            caller.call(&FindCaller { call, by }).await.map(Reply::Found)
        }
        Call::Export { as_at, file } => {
            possible(&file).map_err(|trouble| *trouble)?;
            let reply = caller.call(&LegcoReport::as_at(as_at)).await?;
            let name = file.display().to_string();
            let ending = file.extension().and_then(|ending| ending.to_str()).map_or("text", |ending| match ending {
                "txt" => "text",
                other => other,
            });
            let command = format!("iamctl stats legco --as-at {as_at} -o {ending} --to {}", shell_word(&name));
            let bytes = export(reply, file).await.map_err(|trouble| *trouble)?;
            Ok(Reply::Exported { file: name, bytes, command })
        }
        Call::Write(write) => caller.write(write).await,
    }
}

struct Caller<'a> {
    connection: &'a Connection,
    key: String,
}

impl Caller<'_> {
    /// How long a call may take is the operation's own, as on the command line.
    fn options(&self) -> CallOptions {
        CallOptions { idempotency_key: Some(self.key.clone()), ..CallOptions::default() }
    }

    async fn call<O: Operation>(&self, op: &O) -> Result<O::Reply, Trouble> {
        let answered = self.connection.call(op, &self.options()).await;
        let sent = match O::EFFECT {
            Effect::Read => Sent::Regularly,
            Effect::ReadPersonal => Sent::Once,
            Effect::Write(_) => Sent::Under(&self.key),
        };
        answered.map(|answered| answered.reply).map_err(|error| Trouble::of(&error, sent))
    }

    async fn list<O: Paged>(&self, op: O) -> Result<Vec<O::Item>, Trouble> {
        let listed = self.connection.list_all(op, &self.options(), None).await;
        listed.map_err(|error| Trouble::of(&error, Sent::Regularly))
    }

    async fn read(&self, read: Read) -> Result<Reply, Trouble> {
        Ok(match read {
            Read::WhoAmI => Reply::WhoAmI(self.call(&WhoAmI {}).await?),
            Read::Overview(days) => Reply::Overview(self.call(&ShowOverview { days: Some(days) }).await?),
            Read::Checks => Reply::Checks(self.call(&CheckInstance {}).await?),
            Read::Parties => Reply::Parties(self.list(ListParties::default()).await?),
            Read::Party(rp) => Reply::Party(Box::new(self.call(&ShowParty { rp }).await?)),
            Read::Keys => Reply::Keys(self.list(ListKeys::default()).await?),
            Read::Key(kid) => Reply::Key(Box::new(self.call(&ShowKey { kid }).await?)),
            Read::Certificates(wanted, after) => Reply::Certificates(self.call(&wanted.page(after)).await?),
            Read::Certificate(serial) => Reply::Certificate(Box::new(self.call(&ShowCertificate { serial }).await?)),
            Read::Ending => {
                let ends_within_days = Some(crate::state::ending::days());
                Reply::Ending(self.call(&ListInventory { ends_within_days, ..ListInventory::default() }).await?)
            }
            // A few a month: the newest two hundred are years of them.
            Read::Plans => {
                let page = PageRequest { after: None, limit: Some(200) };
                Reply::Plans(self.call(&ListPlans { page, ..ListPlans::default() }).await?.items)
            }
            Read::Month(wanted) => Reply::Month(Box::new(self.month(wanted).await?)),
            Read::ServiceMonths(service, to) => {
                let op = TrendReport { of: TrendOf::Service(service), from: None, to, known_at: None, view: None };
                Reply::ServiceMonths(Box::new(self.call(&op).await?))
            }
            Read::Plan(plan) => Reply::Plan(Box::new(self.call(&ShowPlan { plan }).await?)),
        })
    }

    /// Figures of a month; without one, of the last that has any.
    async fn month(&self, wanted: Option<Month>) -> Result<MonthFigures, Trouble> {
        let op = TrendReport { of: TrendOf::Uses, from: None, to: None, known_at: None, view: None };
        let trend = self.call(&op).await?;
        let last = trend.months.iter().rev().find(|row| row.value.is_some_and(|uses| uses > 0)).or(trend.months.last());
        let month = wanted.or(last.map(|row| row.month)).unwrap_or_else(|| surroundings::now().hk_day().month());
        let by = |by| UsageReport { by, from: Some(month), to: Some(month), known_at: None, view: None };
        let services = self.call(&by(UsageBy::Service)).await?;
        let sectors = self.call(&by(UsageBy::Sector)).await?;
        let frozen = self.call(&ListFrozen {}).await?.into_iter().find(|frozen| frozen.month == month);
        Ok(MonthFigures { month, trend, services, sectors, frozen })
    }

    async fn write(&self, write: Write) -> Result<Reply, Trouble> {
        Ok(match write {
            Write::SuspendParty(rp, reason) => Reply::PartySuspended(Box::new(self.call(&SuspendParty { rp, reason }).await?)),
            Write::ResumeParty(rp, reason) => Reply::PartyResumed(Box::new(self.call(&ResumeParty { rp, reason }).await?)),
            Write::RotateKey(purpose, algorithm, activate) => {
                Reply::Rotated(self.call(&RotateKey { algorithm, activate, ..RotateKey::of(purpose) }).await?)
            }
            Write::RevokeKey(kid, reason) => Reply::Revoked(self.call(&RevokeKey { kid, reason }).await?),
            Write::OpenCall => Reply::Opened(self.call(&OpenCall {}).await?),
            Write::SuspendAccount { account, reason, call, note } => {
                let note = note.map(|note| note.to_string());
                let mut op = SuspendAccount { account, reason, call, note };
                let suspended = self.call(&op).await;
                zeroize::Zeroize::zeroize(&mut op.note);
                Reply::Suspended(suspended?)
            }
            Write::CloseCall(call) => Reply::Closed(self.call(&CloseCall { call }).await?),
            Write::PlanRotation(KeyLine { purpose, name, algorithm }, activate) => {
                Reply::Planned(Box::new(self.call(&PlanRotation { purpose, name, algorithm, activate }).await?))
            }
            Write::RunPlan(plan, override_reason) => Reply::Rotated(self.call(&RunPlan { plan, override_reason }).await?),
            Write::PausePlan(plan) => Reply::PlanChanged(Box::new(self.call(&PausePlan { plan }).await?)),
            Write::ResumePlan(plan, override_reason) => {
                Reply::PlanChanged(Box::new(self.call(&ResumePlan { plan, override_reason }).await?))
            }
            Write::AbortPlan(plan) => Reply::PlanChanged(Box::new(self.call(&AbortPlan { plan }).await?)),
            Write::Emergency(KeyLine { purpose, name, algorithm }, reason) => {
                Reply::Rotated(self.call(&EmergencyRotation { purpose, name, algorithm, reason }).await?)
            }
            Write::CancelJob(job) => Reply::Cancelled(self.call(&CancelJob { job }).await?),
        })
    }
}

//! The command line as a whole: nouns with their verbs, and the verbs without a noun.

use api::Exit;
use clap::{CommandFactory, Parser, Subcommand};

use crate::flags::Globals;
use crate::session::Session;
use crate::verb::perform;
use crate::{account, audit, cert, completions, context, dashboard, doctor, enrol, events, explain, help, hotline};
use crate::{job, key, man, operator, registration, rp, sandbox, service, stats, whoami};

/// Operate the national digital-identity platform
#[derive(Debug, Parser)]
#[command(
    name = "iamctl",
    version,
    term_width = 80,
    disable_help_subcommand = true,
    after_help = "Begin with 'iamctl context import DIR/first-operator/context.yaml' or
'iamctl enrol', then 'iamctl doctor'. 'iamctl help exit-codes' lists what a
script sees; 'iamctl explain' explains operations, manifest fields and error
codes."
)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(subcommand)]
    Rp(rp::Verbs),
    #[command(subcommand)]
    Service(service::Verbs),
    #[command(subcommand)]
    Key(key::Verbs),
    #[command(subcommand)]
    Cert(cert::Verbs),
    #[command(subcommand)]
    Hotline(hotline::Verbs),
    #[command(subcommand)]
    Account(account::Verbs),
    #[command(subcommand)]
    Stats(stats::Verbs),
    #[command(subcommand)]
    Operator(operator::Verbs),
    #[command(subcommand)]
    Audit(audit::Verbs),
    #[command(subcommand)]
    Registration(registration::Verbs),
    #[command(subcommand)]
    Job(job::Verbs),
    #[command(subcommand)]
    Sandbox(sandbox::Verbs),
    Events(events::Events),
    Dashboard(dashboard::Dashboard),
    #[command(subcommand)]
    Context(context::Verbs),
    Enrol(enrol::Enrol),
    Whoami(whoami::Whoami),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Man),
    Help(help::Help),
}

impl Command {
    /// Does it.
    pub async fn perform(self, session: &Session) -> Exit {
        match self {
            Self::Rp(verbs) => verbs.perform(session).await,
            Self::Service(verbs) => verbs.perform(session).await,
            Self::Key(verbs) => verbs.perform(session).await,
            Self::Cert(verbs) => verbs.perform(session).await,
            Self::Hotline(verbs) => verbs.perform(session).await,
            Self::Account(verbs) => verbs.perform(session).await,
            Self::Stats(verbs) => verbs.perform(session).await,
            Self::Operator(verbs) => verbs.perform(session).await,
            Self::Audit(verbs) => verbs.perform(session).await,
            Self::Registration(verbs) => verbs.perform(session).await,
            Self::Job(verbs) => verbs.perform(session).await,
            Self::Sandbox(verbs) => verbs.perform(session).await,
            Self::Events(verb) => perform(verb, session).await,
            Self::Dashboard(dashboard) => dashboard.perform(session).await,
            Self::Context(verbs) => verbs.perform(session).await,
            Self::Enrol(verb) => perform(verb, session).await,
            Self::Whoami(verb) => perform(verb, session).await,
            Self::Doctor(verb) => perform(verb, session).await,
            Self::Explain(verb) => perform(verb, session).await,
            Self::Completions(verb) => perform(verb, session).await,
            Self::Man(verb) => perform(verb, session).await,
            Self::Help(verb) => perform(verb, session).await,
        }
    }
}

/// The command line, as clap knows it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

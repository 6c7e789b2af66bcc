//! One run of the program: its flags, its context, its connection, and the words it may exchange with the person before it.

use std::sync::{Mutex, OnceLock};

use api::account::{SuspendAccount, Suspension};
use api::{Effect, Operation, Severity};
use client::contexts::ChosenBy;
use client::error::repeat_safely;
use client::safe::visible;
use client::{Answered, CallOptions, Choice, Connection, Context, Contexts, Paged, Tabular};
use domain::{Bilingual, Environment};
use futures_util::TryStreamExt;

use crate::failure::{Failure, NOTHING_CHANGED, NOTHING_SENT};
use crate::flags::{Globals, ListFlags};
use crate::output::{Answer, Body, Terminal, aside};
use crate::prompt;

/// What a command does that has no dry run.
pub const OWN_FILES: &str = "changes files of this machine";

/// One run of the program.
pub struct Session {
    /// Flags of every command.
    pub flags: Globals,
    /// Which streams are terminals.
    pub terminal: Terminal,
    connection: OnceLock<Connection>,
    under_way: Mutex<Vec<UnderWay>>,
    repeat: OnceLock<&'static str>,
    goes_on: OnceLock<String>,
}

/// A write that was sent and has not been answered.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// The operation.
    pub operation: &'static str,
    /// How it is repeated safely.
    pub repeat: String,
}

impl Session {
    /// A run with those flags.
    pub fn new(flags: Globals, terminal: Terminal) -> Self {
        Self {
            flags,
            terminal,
            connection: OnceLock::new(),
            under_way: Mutex::default(),
            repeat: OnceLock::new(),
            goes_on: OnceLock::new(),
        }
    }

    /// The context in use and where the choice came from.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub fn context(&self) -> Result<(Context, ChosenBy), Failure> {
        let flags = Choice { name: self.flags.context.clone(), file: self.flags.context_file.clone() };
        let environment = Choice::of_environment();
        if let Some(file) = flags.file.as_ref().or(environment.file.as_ref().filter(|_| flags.name.is_none())) {
            // Needs no folder of contexts, and must work where there is no home.
            let by = if flags.file.is_some() { ChosenBy::Flag } else { ChosenBy::Environment };
            return Ok((Context::read(file)?, by));
        }
        Ok(Contexts::open()?.choose(&flags, &environment)?)
    }

    /// The connection; made at the first call.
    ///
    /// # Errors
    /// When the context or its files are missing or broken.
    pub fn connection(&self) -> Result<&Connection, Failure> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        let (context, _) = self.context()?;
        let connection = Connection::open(&context)?;
        Ok(self.connection.get_or_init(|| connection))
    }

    /// How calls are made.
    pub fn options(&self) -> CallOptions {
        CallOptions {
            idempotency_key: self.flags.idempotency_key.clone(),
            dry_run: self.flags.dry_run,
            timeout: self.flags.timeout,
        }
    }

    /// Calls an operation with the flags of this run.
    ///
    /// # Errors
    /// Whatever stands between the call and its reply.
    pub async fn call<O: Operation>(&self, op: &O) -> Result<O::Reply, Failure> {
        self.call_with(op, self.options()).await
    }

    /// Calls an operation with options of its own.
    ///
    /// # Errors
    /// Whatever stands between the call and its reply.
    pub async fn call_with<O: Operation>(&self, op: &O, options: CallOptions) -> Result<O::Reply, Failure> {
        let dry_run = options.dry_run && matches!(O::EFFECT, Effect::Write(_));
        let answered = self.answered(op, options).await?;
        if answered.replayed {
            self.hint("this is the reply that was given before under the same idempotency key");
        }
        if dry_run {
            // No hint that vanishes without a terminal: a log would take the reply for what was done.
            aside("dry run: nothing was changed");
        }
        Ok(answered.reply)
    }

    /// Calls an operation and keeps what came with the reply.
    ///
    /// # Errors
    /// Whatever stands between the call and its reply.
    pub async fn answered<O: Operation>(&self, op: &O, mut options: CallOptions) -> Result<Answered<O::Reply>, Failure> {
        let write = matches!(O::EFFECT, Effect::Write(_));
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(failure) if write => return Err(failure.changed(NOTHING_SENT)),
            Err(failure) => return Err(failure),
        };
        let answered = if write {
            let key = options.idempotency_key.get_or_insert_with(client::new_idempotency_key).clone();
            self.verbose(|| format!("idempotency key {key}"));
            let repeat = self.repeat.get().map_or_else(|| repeat_safely(&key), |repeat| (*repeat).to_owned());
            self.sent(UnderWay { operation: O::NAME, repeat: repeat.clone() }, &options);
            let answered = connection.call(op, &options).await;
            self.was_answered(&options);
            answered.map_err(|error| Failure::of_write(error, repeat))?
        } else {
            connection.call(op, &options).await?
        };
        self.verbose(|| format!("request {}", answered.request_id.as_deref().unwrap_or("-")));
        Ok(answered)
    }

    /// Suspends an account. A dry run gives the agent nothing to read to the caller: it would not be true.
    ///
    /// # Errors
    /// Whatever stands between the call and its reply.
    pub async fn suspend(&self, op: &SuspendAccount) -> Result<Suspension, Failure> {
        let mut reply = self.call(op).await?;
        if self.flags.dry_run {
            reply.read_back = Bilingual { en: String::new(), zh_hant: String::new() };
        }
        Ok(reply)
    }

    /// How the command as a whole is repeated safely, where it is not by one idempotency key.
    pub fn repeat_by(&self, how: &'static str) {
        self.repeat.get_or_init(|| how);
    }

    /// What goes on without this program, should it be interrupted.
    pub fn goes_on(&self, what: String) {
        self.goes_on.get_or_init(|| what);
    }

    /// What goes on although this program was interrupted.
    pub fn going_on(&self) -> Option<&str> {
        self.goes_on.get().map(String::as_str)
    }

    /// A list, page by page, with the flags of every list.
    ///
    /// # Errors
    /// When the context or its files are missing or broken.
    pub fn list<O: Paged<Item: Tabular>>(&self, mut op: O, flags: &ListFlags) -> Result<Answer<O::Item>, Failure> {
        op.page().after.clone_from(&flags.after);
        let pages = self.connection()?.pages(op, &self.options(), flags.limit);
        Ok(Answer::of(Body::Pages(Box::pin(pages.map_err(Failure::from)))))
    }

    /// Asks whether a write is meant, as its severity wants it. `what` says what would happen, `name` is what a severe one asks
    /// to type.
    ///
    /// # Errors
    /// When the answer is no, or nobody can be asked.
    pub async fn confirm<O: Operation>(&self, what: &str, name: &str) -> Result<(), Failure> {
        self.confirm_by::<O>(what, &[name]).await
    }

    /// The same where any of several names will do; the first is asked for.
    ///
    /// # Errors
    /// When the answer is no, or nobody can be asked.
    pub async fn confirm_by<O: Operation>(&self, what: &str, names: &[&str]) -> Result<(), Failure> {
        let Effect::Write(severity) = O::EFFECT else { return Ok(()) };
        if severity == Severity::Mild || self.flags.yes || self.flags.dry_run {
            return Ok(());
        }
        if !(self.terminal.input && self.terminal.error) {
            return Err(Failure::usage(
                "confirmation.impossible",
                "this asks for a confirmation, and there is no terminal to ask at",
            )
            .changed(NOTHING_SENT)
            .hint("--yes confirms; --dry-run shows what would happen"));
        }
        let question = format!("{} [{}]", visible(what), self.place()?);
        let confirmed = if severity == Severity::Severe {
            let asked = names.first().copied().unwrap_or_default();
            let typed = prompt::line(format!("{question}\nType {} to go on: ", visible(asked))).await?;
            names.contains(&typed.as_str())
        } else {
            agreed(question).await?
        };
        if confirmed { Ok(()) } else { Err(declined()) }
    }

    /// Asks the person at a terminal of a production instance about a mild write that lets somebody in. Scripts go on: the verb
    /// takes no confirmation elsewhere.
    ///
    /// # Errors
    /// When the answer is no.
    pub async fn confirm_on_production(&self, what: &str) -> Result<(), Failure> {
        if !self.would_ask() || self.context()?.0.file.environment != Environment::Production {
            return Ok(());
        }
        let question = format!("{} [{}]", visible(what), self.place()?);
        if agreed(question).await? { Ok(()) } else { Err(declined()) }
    }

    /// `PRODUCTION iam-1`, as prompts show it.
    fn place(&self) -> Result<String, Failure> {
        let (context, _) = self.context()?;
        let environment = match context.file.environment {
            Environment::Production => "PRODUCTION",
            Environment::Sandbox => "sandbox",
        };
        let name = &context.file.name;
        // A context that is called after its environment says so once.
        Ok(if name.eq_ignore_ascii_case(environment) { environment.to_owned() } else { format!("{environment} {name}") })
    }

    /// For commands that have no operation of the server's to go through. `why` says what the command does instead.
    ///
    /// # Errors
    /// When `--dry-run` was given.
    pub fn no_dry_run(&self, command: &str, why: &str) -> Result<(), Failure> {
        if self.flags.dry_run {
            return Err(
                Failure::usage("usage.dry-run", format!("'{command}' {why} and has no --dry-run")).changed(NOTHING_CHANGED)
            );
        }
        Ok(())
    }

    /// For commands that are no one operation of the server's, which a key would stand for. `why` says what the command does instead.
    ///
    /// # Errors
    /// When `--idempotency-key` was given.
    pub fn no_idempotency_key(&self, command: &str, why: &str) -> Result<(), Failure> {
        if self.flags.idempotency_key.is_some() {
            let message = format!("'{command}' {why} and has no --idempotency-key");
            return Err(Failure::usage("usage.idempotency-key", message).changed(NOTHING_CHANGED));
        }
        Ok(())
    }

    /// A word to the person at the terminal; nothing where there is none.
    pub fn hint(&self, text: &str) {
        if self.terminal.error {
            self.say(text);
        }
    }

    /// A word that is always told, on standard error.
    pub fn say(&self, text: &str) {
        aside(text);
    }

    /// Whether a write that is not mild would put a question to somebody.
    pub fn would_ask(&self) -> bool {
        self.terminal.input && self.terminal.error && !self.flags.yes && !self.flags.dry_run
    }

    /// A word that was asked for by `--verbose`.
    pub fn verbose(&self, text: impl FnOnce() -> String) {
        if self.flags.verbose {
            self.say(&text());
        }
    }

    fn sent(&self, write: UnderWay, options: &CallOptions) {
        if !options.dry_run
            && let Ok(mut under_way) = self.under_way.lock()
        {
            under_way.push(write);
        }
    }

    fn was_answered(&self, options: &CallOptions) {
        if !options.dry_run
            && let Ok(mut under_way) = self.under_way.lock()
        {
            // Those of one command are of one operation and are repeated the same way: any of them stands for the others.
            under_way.pop();
        }
    }

    /// The write that an interruption would leave unanswered.
    pub fn under_way(&self) -> Option<UnderWay> {
        self.under_way.lock().ok()?.last().cloned()
    }
}

impl client::audit_log::Calls for Session {
    type Error = Failure;

    async fn call<O: Operation>(&self, op: &O) -> Result<O::Reply, Failure> {
        Session::call(self, op).await
    }
}

async fn agreed(question: String) -> Result<bool, Failure> {
    let answer = prompt::line(format!("{question} [y/N] ")).await?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn declined() -> Failure {
    Failure::usage("confirmation.declined", "not confirmed").changed(NOTHING_SENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::key::RevokeKey;
    use api::operator::DisableOperator;
    use clap::FromArgMatches;

    fn session(line: &[&str]) -> Session {
        let arguments = ["iamctl"].iter().chain(line).chain(&["whoami"]);
        let matches = crate::command().try_get_matches_from(arguments).unwrap();
        let arguments = crate::arguments::Arguments::from_arg_matches(&matches).unwrap();
        Session::new(arguments.globals, Terminal { input: false, output: false, error: false })
    }

    #[tokio::test]
    async fn without_a_terminal_nothing_is_asked_and_nothing_hangs() {
        let failure = session(&[]).confirm::<DisableOperator>("Disable x?", "x").await.unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, "confirmation.impossible"));
        assert!(failure.hint.as_ref().unwrap().contains("--yes"));
        assert!(session(&[]).confirm::<RevokeKey>("Revoke x?", "x").await.is_err());
    }

    #[tokio::test]
    async fn yes_and_dry_run_confirm_and_mild_verbs_ask_nothing() {
        session(&["--yes"]).confirm::<RevokeKey>("Revoke x?", "x").await.unwrap();
        session(&["--dry-run"]).confirm::<RevokeKey>("Revoke x?", "x").await.unwrap();
        session(&[]).confirm::<api::hotline::OpenCall>("Open?", "").await.unwrap();
    }

    #[test]
    fn a_missing_context_file_is_told_with_the_next_step() {
        let failure = session(&["--context-file", "/nowhere/context.yaml"]).context().unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (api::Exit::Usage, "context.missing"));
        assert!(failure.hint.is_some());
    }
}

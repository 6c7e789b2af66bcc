//! `iamd`: the server, and the few verbs that must work while it is down.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use api::Exit;
use clap::Parser;
use domain::Environment;
use metrics_exporter_prometheus::PrometheusBuilder;
use pki::PkiError;
use server::arguments::{Arguments, Backup, Init, Join, Node as NodeArguments, Restore, Serve, Verb};
use server::audit::vouch;
use server::backup::evidence::Evidence;
use server::backup::make::{Interrupted, Wanted};
use server::backup::prove::Loss;
use server::backup::{self, locks, words};
use server::clock::{SystemClock, SystemEntropy};
use server::credential::key_sets::OverTheNetwork;
use server::instance::init::{NewInstance, RootPlace, RootsToken, init};
use server::instance::join::join;
use server::instance::offline;
use server::instance::open::{Ports, open};
use server::notice::Channels;
use server::population_register::{NotReached, OverHttps, PopulationRegister};
use server::root_ca;
use server::root_ca::answer::RootDesk;
use server::root_ca::arguments::{Ca, Sign};
use server::root_ca::install::install;
use server::root_ca::papers::Answer;
use server::root_ca::request::request;
use server::serve::Node;
use server::settings::{self, File, ImmigrationDepartmentFile, Settings, SettingsError, Source};
use server::store::{Create, Engine, StoreError};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Each request makes and drops hundreds of small things, on whichever thread: the allocator of glibc takes twice as long over them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    no_core_dumps();
    // Whatever this process makes is its owner's alone unless it says otherwise.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run(arguments.verb)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Keys are in this process's memory; a core dump would put them on a disk, or into the program that the system pipes its
/// dumps to, which asks for no limit.
fn no_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn fail(error: &anyhow::Error) -> ExitCode {
    say_error(&format!("iamd: {error:#}"));
    exit_of(error)
}

fn exit_of(error: &anyhow::Error) -> ExitCode {
    let exit = if error.downcast_ref::<SettingsError>().is_some() {
        Exit::Usage
    } else if error.is::<Interrupted>() {
        Exit::Interrupted
    } else if matches!(error.downcast_ref::<StoreError>(), Some(StoreError::Unavailable(_) | StoreError::Storage { .. }))
        || matches!(error.downcast_ref::<PkiError>(), Some(PkiError::TokenUnavailable { .. }))
    {
        Exit::Unavailable
    } else {
        Exit::Failed
    };
    ExitCode::from(exit.code())
}

async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Init(arguments) => make(arguments).await?,
        Verb::Join(arguments) => join_instance(arguments).await?,
        Verb::Serve(arguments) => return serve(arguments).await,
        Verb::Check(arguments) => return check(arguments).await,
        Verb::Migrate(arguments) => migrate(arguments).await?,
        Verb::Backup(arguments) => back_up(arguments).await?,
        Verb::Restore(arguments) => return restore(arguments).await,
        Verb::Ca(verb) => ca(verb).await?,
        Verb::Man(arguments) => server::arguments::write_man(&arguments.to)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ports() -> Ports {
    let network = Arc::new(OverTheNetwork::new(None));
    Ports {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        courier: Arc::new(Channels::over(Arc::clone(&network))),
        key_sets: network,
        population_register: Arc::new(NotReached),
        clock_vouched: false,
    }
}

/// The `IAMD_*` variables that are set.
fn environment() -> Source {
    settings::NAMES
        .iter()
        .filter_map(|name| {
            #[expect(clippy::disallowed_methods, reason = "the program's edge: settings are read here and nowhere else")]
            let value: Option<OsString> = std::env::var_os(settings::variable(name));
            value.map(|value| (*name, value.to_string_lossy().into_owned()))
        })
        .collect::<BTreeMap<_, _>>()
}

/// Where the simulator of the Immigration Department's records listens by itself.
const IMMD_SIM: &str = "https://127.0.0.1:7600";

async fn make(arguments: Init) -> anyhow::Result<()> {
    let simulated = (arguments.environment == Environment::Sandbox)
        .then(|| ImmigrationDepartmentFile::simulated(arguments.immd_url.as_deref().unwrap_or(IMMD_SIM)));
    let file = File { keys: arguments.keys.file(), immigration_department: simulated, ..arguments.node.file() };
    let flags = Source::new();
    let settings = Settings::settle(&arguments.data_dir, &flags, &environment(), &file)?;
    if arguments.environment == Environment::Production {
        settings::require_reachable(arguments.public_url.as_deref(), "--public-url", settings.public_listen)?;
        settings::require_reachable(arguments.pki_url.as_deref(), "--pki-url", settings.pki_listen)?;
    }
    let told = [("--public-url", &arguments.public_url), ("--pki-url", &arguments.pki_url)];
    let left_out: Vec<&str> = told.into_iter().filter(|(_, url)| url.is_none()).map(|(flag, _)| flag).collect();
    let public_url = arguments.public_url.unwrap_or_else(|| format!("https://localhost:{}", settings.public_listen.port()));
    let pki_url = arguments.pki_url.unwrap_or_else(|| format!("http://localhost:{}", settings.pki_listen.port()));
    let root = match arguments.root.open()? {
        Some(token) => RootPlace::Token(RootsToken::new(token)),
        None if arguments.root_in_file => RootPlace::File,
        None => RootPlace::WithTheOthers,
    };
    let with_the_others = matches!(root, RootPlace::WithTheOthers);
    let new = NewInstance { environment: arguments.environment, public_url, pki_url, file, root };
    let made = init(&arguments.data_dir, new, &settings, &ports()).await?;
    let dir = arguments.data_dir.display();
    say(&format!("instance     {} ({})", made.instance, arguments.environment));
    say(&format!("settings     {dir}/{}", settings::FILE));
    say(&format!("operator     {}", made.context.display()));
    let root_token = made.root_token.as_deref();
    say(&root_ca::words::made(&arguments.data_dir, root_token, &made.instance));
    if let Some((operator, code, expires_at)) = made.second {
        say(&format!("second       {operator}, enrolment code {code} (until {})", expires_at.people()));
    }
    say("");
    say(&format!("next: iamd serve --data-dir {dir}"));
    say(&format!("then: iamctl context import {}", made.context.display()));
    if arguments.environment == Environment::Production {
        say("severe verbs work once the second administrator has enrolled: 'iamctl enrol'");
        say(&root_ca::words::keep_away(&arguments.data_dir, root_token, with_the_others));
        if !left_out.is_empty() {
            say_error(&format!(
                "iamd: warning: {} was left out, so every token and certificate says 'localhost', for good: whoever is elsewhere finds \
                 no revocation list. Unless this is a trial, remove {dir} and begin again with it",
                left_out.join(" and ")
            ));
        }
    }
    Ok(())
}

async fn join_instance(arguments: Join) -> anyhow::Result<()> {
    let file = File { keys: arguments.keys.file(), ..arguments.node.file() };
    let settings = Settings::settle(&arguments.data_dir, &Source::new(), &environment(), &file)?;
    let instance = join(&arguments.data_dir, &arguments.key_file, &file, &settings).await?;
    say(&format!("node of instance {instance} in {}", arguments.data_dir.display()));
    say(&format!("next: iamd serve --data-dir {}", arguments.data_dir.display()));
    Ok(())
}

/// A mistake in the settings is one plain line, as with every verb. From then on what goes wrong is an event of the log, the last
/// one too: whoever reads a server's log reads JSON.
async fn serve(arguments: Serve) -> anyhow::Result<ExitCode> {
    let settings = settle(&arguments.node)?;
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,sqlx=warn".into()))
        .init();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
    }));
    match serve_with(&arguments, settings).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!("{error:#}");
            Ok(exit_of(&error))
        }
    }
}

async fn serve_with(arguments: &Serve, settings: Settings) -> anyhow::Result<()> {
    // Before anything is opened: from the first moment a signal ends the server by its own way.
    let stop = on_signal()?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        stopping.cancelled().await;
        tracing::info!("stopping: requests under way finish, new ones are refused");
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    });
    let prometheus = PrometheusBuilder::new().install_recorder().context("metrics cannot be set up")?;
    let network = Arc::new(OverTheNetwork::new(settings.outbound_ca_file.clone()));
    let (courier, key_sets) = (Arc::new(Channels::over(Arc::clone(&network))), network);
    let ports = ports();
    let population_register: Arc<dyn PopulationRegister> = match settings.immigration_department.clone() {
        Some(place) => Arc::new(OverHttps::new(place, Arc::clone(&ports.clock))),
        None => Arc::new(NotReached),
    };
    let ports = Ports { courier, key_sets, population_register, clock_vouched: arguments.clock_is_right, ..ports };
    let node = Node::prepare(&arguments.node.data_dir, settings, ports, prometheus).await?;
    let addresses = node.addresses()?;
    tracing::info!(
        admin = %addresses.admin,
        public = %addresses.public,
        pki = %addresses.pki,
        metrics = %addresses.metrics,
        instance = node.app.instance,
        environment = %node.app.environment,
        "serving"
    );
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    node.serve(stop).await;
    tracing::info!("stopped");
    Ok(())
}

fn settle(arguments: &NodeArguments) -> anyhow::Result<Settings> {
    settled(&arguments.data_dir, &arguments.settings.source())
}

fn settled(dir: &Path, flags: &Source) -> anyhow::Result<Settings> {
    let path = dir.join(settings::FILE);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; make an instance with: iamd init --data-dir {} --environment sandbox",
            path.display(),
            dir.display()
        )
    })?;
    Ok(Settings::settle(dir, flags, &environment(), &File::parse(&text)?)?)
}

async fn check(arguments: NodeArguments) -> anyhow::Result<ExitCode> {
    let settings = settle(&arguments);
    let checks = offline::check(&arguments.data_dir, settings, ports()).await;
    let mut ok = true;
    for check in &checks {
        ok &= check.ok;
        let mark = if check.ok { "ok  " } else { "FAIL" };
        say(&format!("{mark} {:<10} {}", check.id, check.detail));
        if let Some(mend) = &check.mend {
            say(&format!("     {:<10} mend: {mend}", ""));
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn migrate(arguments: NodeArguments) -> anyhow::Result<()> {
    let settings = settle(&arguments)?;
    let _held = server::data_dir::hold(&arguments.data_dir)?;
    let engine = Engine::open(&settings.database, Create::Never).await.context("cannot open the database")?;
    let before = engine.schema().await?;
    anyhow::ensure!(before.applied != 0, "{} holds no instance; make one with 'iamd init'", arguments.data_dir.display());
    anyhow::ensure!(
        before.applied <= before.known,
        "the database is of a newer version of iamd (schema {}, this program knows {}); install that version; nothing was changed",
        before.applied,
        before.known
    );
    anyhow::ensure!(
        before.applied > 1,
        "this instance is of before certificates were put on record (schema 1), and its own cannot be carried over: make a new one with 'iamd init' in another folder, and bring parties and accounts in from their files; nothing was changed"
    );
    engine.migrate().await?;
    let after = engine.schema().await?;
    engine.close().await;
    if before.applied < vouch::SINCE {
        let app = open(&arguments.data_dir, settings, ports()).await?;
        vouch::vouch_for_waiting(&app).await?;
        app.store.engine().close().await;
    }
    if before == after {
        say(&format!("the schema is up to date ({})", after.applied));
    } else {
        say(&format!("the schema went from {} to {}", before.applied, after.applied));
    }
    Ok(())
}

async fn back_up(arguments: Backup) -> anyhow::Result<()> {
    let settings = settle(&arguments.node)?;
    let stop = on_signal()?;
    let wanted = Wanted { to: &arguments.to, recipients: &arguments.recipient, ask: &locks::on_terminal };
    let made = backup::make::back_up(&arguments.node.data_dir, settings, ports(), wanted, &stop).await?;
    for warning in &made.warnings {
        say_error(&format!("iamd: warning: {warning}"));
    }
    words::made(&arguments.to, &made).iter().for_each(|line| say(line));
    Ok(())
}

async fn restore(arguments: Restore) -> anyhow::Result<ExitCode> {
    match &arguments.from {
        Some(from) => {
            let wanted = backup::restore::Wanted {
                from,
                key: arguments.key.as_deref(),
                database_url: arguments.database_url.clone(),
                environment: &environment(),
                ask: &locks::on_terminal,
            };
            let done = backup::restore::restore(&arguments.data_dir, wanted, ports()).await?;
            say_error(&format!("iamd: warning: {}", words::age(&done)));
            words::restored(&arguments.data_dir, &done).iter().for_each(|line| say(line));
            Ok(ExitCode::SUCCESS)
        }
        None => prove(arguments).await,
    }
}

async fn prove(arguments: Restore) -> anyhow::Result<ExitCode> {
    let dir = &arguments.data_dir;
    let settings = settled(dir, &arguments.database_url.map(|url| ("database-url", url)).into_iter().collect())?;
    let reason = arguments.reason.as_deref().filter(|_| arguments.accept_loss);
    let loss = reason.map(|reason| Loss { reason, administrator: arguments.administrator.as_ref() });
    let evidence = Evidence { checkpoint: arguments.checkpoint.as_deref(), lists: &arguments.crl };
    let ports = Ports { clock_vouched: arguments.clock_is_right, ..ports() };
    let outcome = backup::prove::prove(dir, settings, ports, evidence, loss).await?;
    let (lines, refusal) = words::proof(dir, &outcome);
    lines.iter().for_each(|line| say(line));
    Ok(match refusal {
        None => ExitCode::SUCCESS,
        Some(refusal) => {
            say_error(&format!("iamd: {refusal}"));
            ExitCode::from(Exit::Failed.code())
        }
    })
}

async fn ca(verb: Ca) -> anyhow::Result<()> {
    let lines = match verb {
        Ca::Request(asked) => {
            let app = open(&asked.node.data_dir, settle(&asked.node)?, ports()).await?;
            let request = request(&app).await?;
            let root_here = root_ca::sign::in_own_token(&app).await?.is_some();
            app.store.engine().close().await;
            request.write(&asked.to)?;
            root_ca::words::requested(&request, &asked.to, &asked.node.data_dir, root_here)
        }
        Ca::Issue(sign) => sign_with_root(&sign, RootDesk::issue).await?,
        Ca::Crl(sign) => sign_with_root(&sign, RootDesk::lists).await?,
        Ca::Revoke(revoke) => sign_with_root(&revoke.sign, |desk| desk.revoke(&revoke.names, revoke.reason)).await?,
        Ca::Install(brought) => {
            let answer = Answer::read(&brought.from)?;
            let app = open(&brought.node.data_dir, settle(&brought.node)?, ports()).await?;
            let installed = install(&app, &answer).await?;
            app.store.engine().close().await;
            root_ca::words::installed(&installed)
        }
    };
    lines.iter().for_each(|line| say(line));
    Ok(())
}

/// Signs what papers ask for, or what a node does that the key was brought to.
async fn sign_with_root(sign: &Sign, verb: impl FnOnce(&RootDesk) -> anyhow::Result<Answer>) -> anyhow::Result<Vec<String>> {
    let now = ports().clock.now();
    if let (Some(from), Some(to)) = (&sign.request, &sign.to) {
        return root_ca::sign::for_papers(sign, (from, to), verb, now, say);
    }
    let dir = sign.data_dir.as_deref().context("give --data-dir, or --request and --to")?;
    let app = open(dir, settled(dir, &Source::new())?, ports()).await?;
    let lines = root_ca::sign::at_node(&app, sign, verb, now).await;
    app.store.engine().close().await;
    lines
}

/// Cancelled by the signals that end a program.
fn on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopped.cancel();
    });
    Ok(stop)
}

/// One line for people. A closed pipe is not an error of ours.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn say_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn the_process_is_not_dumped_even_through_a_pipe() {
        super::no_core_dumps();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}

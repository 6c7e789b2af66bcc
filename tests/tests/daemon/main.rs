//! The real programs: a server that is stopped, killed and started again, and the command line beside it.
#![expect(clippy::unwrap_used, reason = "tests")]

use tests::Engine;

mod anchor;
mod audit;
mod backup;
mod calendar;
mod canaries;
mod dashboard;
mod dry_run;
mod files;
mod health;
mod killed;
mod killed_citizens;
mod nodes;
mod pages;
mod phones;
mod production;
mod quickstart;
mod records;
mod refusals;
mod reports;
mod root_key;
mod root_token;
mod rotations;
mod secrets;
mod single_use_at_once;
mod streams;
mod token;

/// Runs one test on one engine.
fn on(engine: Engine, body: impl AsyncFnOnce(Engine)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(body(engine));
}

/// Writes each behaviour once and runs it on both engines.
macro_rules! on_both {
    ($(async fn $name:ident($engine:ident: Engine) $body:block)*) => {
        $(
            async fn $name($engine: tests::Engine) $body

            mod $name {
                #[test]
                fn sqlite() {
                    crate::on(tests::Engine::Sqlite, super::$name);
                }

                #[test]
                fn postgres() {
                    crate::on(tests::Engine::Postgres, super::$name);
                }
            }
        )*
    };
}
pub(crate) use on_both;

//! Instances to copy: making one costs an RSA key and a schema, and hundreds of tests begin with the same.
//!
//! The first test of a run that needs a kind of instance makes it, by `iamd init`'s own function; the others copy its folder,
//! and on PostgreSQL its database. Without a folder of the run (`scripts/with-postgres` makes one) every test makes its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use server::settings;

use super::postgres::Database;
use super::{Engine, Setup};

/// The variable with the folder of this run.
const VARIABLE: &str = "IAM_TEST_RUN";
/// The second administrator's code, where there is one.
const SECOND: &str = "second-code";

/// An instance that was made: its data folder is in place.
pub(super) struct Made {
    pub(super) database: Option<Database>,
    pub(super) second_code: Option<String>,
}

/// Puts an instance into `data_dir`.
pub(super) async fn instance(engine: Engine, setup: &Setup, data_dir: &Path) -> Made {
    match (run_folder(), setup.template()) {
        (Some(run), Some(kind)) => copy(engine, setup, data_dir, &run.join(format!("{engine:?}-{kind}").to_lowercase())).await,
        _ => {
            let database = match engine {
                Engine::Sqlite => None,
                Engine::Postgres => Some(Database::create().await),
            };
            let second_code = super::make(setup, data_dir, database.as_ref()).await;
            Made { database, second_code }
        }
    }
}

fn run_folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the script that starts the tests says so by this variable")]
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

async fn copy(engine: Engine, setup: &Setup, data_dir: &Path, template: &Path) -> Made {
    let name = template_name(template);
    let held = hold(template);
    let whole = template.join("whole");
    if !whole.exists() {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::named(&name).await),
        };
        if let Some(code) = super::make(setup, &template.join("data"), database.as_ref()).await {
            fs::write(template.join(SECOND), code).unwrap();
        }
        // It outlives this test: the end of the server is its end.
        if let Some(database) = database {
            database.keep();
        }
        fs::write(&whole, "").unwrap();
    }
    // Kept until the copy is made: PostgreSQL copies a database for one at a time.
    let database = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Database::copy_of(&name).await),
    };
    drop(held);
    copy_folder(&template.join("data"), data_dir);
    if let Some(database) = &database {
        let path = data_dir.join(settings::FILE);
        let file = settings::File::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let file = settings::File { database_url: Some(database.url()), ..file };
        fs::write(&path, serde_yaml::to_string(&file).unwrap()).unwrap();
    }
    Made { database, second_code: fs::read_to_string(template.join(SECOND)).ok() }
}

fn template_name(template: &Path) -> String {
    let name = template.file_name().unwrap().to_string_lossy();
    format!("iam_template_{}", name.replace('-', "_"))
}

/// One test at a time makes or copies a template.
fn hold(template: &Path) -> File {
    fs::create_dir_all(template).unwrap();
    let file = File::create(template.join("lock")).unwrap();
    file.lock().unwrap();
    file
}

/// Copies files with their modes: a key file stays private.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

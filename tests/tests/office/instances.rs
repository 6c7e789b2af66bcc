//! Instances are made, joined, opened and refused; every mistake is one line with its mend, and nothing is half started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::Environment;
use metrics_exporter_prometheus::PrometheusBuilder;
use server::data_dir::KEY_FILE;
use server::instance::init::{NewInstance, RootPlace, init};
use server::instance::join::join;
use server::instance::offline;
use server::instance::open::open;
use server::serve::Node;
use server::settings::{File, Settings, Source};
use tests::world::postgres::Database;
use tests::{Engine, Setup, World, both_engines};

/// What `iamd` would print of a refusal: one line.
fn line<T>(refused: anyhow::Result<T>) -> String {
    let told = format!("{:#}", refused.err().unwrap());
    assert!(!told.contains('\n'), "more than one line: {told}");
    told
}

async fn opened(world: &World) -> anyhow::Result<()> {
    let app = open(&world.data_dir, world.settings.clone(), world.ports()).await?;
    app.store.engine().close().await;
    Ok(())
}

async fn served(world: &World, settings: Settings) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    Node::prepare(&world.data_dir, settings, world.ports(), metrics).await.map(drop)
}

fn new(file: File) -> NewInstance {
    NewInstance {
        environment: Environment::Sandbox,
        public_url: "https://iam.example".into(),
        pki_url: "http://pki.iam.example".into(),
        file,
        root: RootPlace::default(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

both_engines! {
    async fn a_new_instance_keeps_its_secrets_to_itself(world: &World) {
        let mode = |path: &str| fs::metadata(world.data_dir.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(fs::metadata(&world.data_dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!((mode(KEY_FILE), mode("iamd.yaml")), (0o600, 0o600));
        assert_eq!((mode("first-operator/operator.key"), mode("first-operator/context.yaml")), (0o600, 0o600));
        let context = fs::read_to_string(world.data_dir.join("first-operator/context.yaml")).unwrap();
        assert!(context.contains(&world.app.instance) && context.contains("sandbox"));
    }

    async fn a_folder_that_holds_an_instance_is_refused_and_left_as_it_is(world: &World) {
        let before = names(&world.data_dir);
        let file = File { database_url: world.database.as_ref().map(Database::url), ..File::default() };
        let told = line(init(&world.data_dir, new(file), &world.settings, &world.ports()).await);
        assert!(told.contains("holds an instance already") && told.contains("Nothing was changed"), "{told}");
        assert_eq!(names(&world.data_dir), before);
        opened(world).await.unwrap();
    }

    async fn a_folder_is_served_by_one_process(world: &World) {
        let node = world.serves().await;
        let told = line(served(world, world.settings.clone()).await);
        assert!(told.starts_with("another iamd serves"), "{told}");
        node.stops().await;
        served(world, world.settings.clone()).await.unwrap();
    }

    async fn a_busy_port_is_named_with_its_setting(world: &World) {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for (setting, settings) in [
            ("--admin-listen", Settings { admin_listen: address, ..world.settings.clone() }),
            ("--public-listen", Settings { public_listen: address, ..world.settings.clone() }),
            ("--metrics-listen", Settings { metrics_listen: address, ..world.settings.clone() }),
        ] {
            let told = line(served(world, settings).await);
            assert!(told.contains(&format!("cannot listen on {address}")) && told.contains(setting), "{told}");
        }
    }

    async fn a_key_file_that_others_can_read_is_refused_with_the_mend(world: &World) {
        let path = world.data_dir.join(KEY_FILE);
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let told = line(opened(world).await);
            assert!(told.contains(&format!("mode {mode:04o}")) && told.contains(&format!("chmod 600 {}", path.display())), "{told}");
        }
        fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        opened(world).await.unwrap();
    }

    async fn a_damaged_a_missing_and_a_foreign_key_file_are_told_apart(world: &World) {
        let path = world.data_dir.join(KEY_FILE);
        let text = fs::read_to_string(&path).unwrap();
        let foreign = pki::KeyEncryptionKey::generate(&server::clock::SystemEntropy).unwrap();

        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(line(opened(world).await).contains("is damaged"));
        fs::write(&path, foreign.to_file_text().as_bytes()).unwrap();
        let told = line(opened(world).await);
        assert!(told.contains("is not the key-encryption key of this instance") && told.contains(&foreign.id()), "{told}");
        fs::remove_file(&path).unwrap();
        assert!(line(opened(world).await).contains(&path.display().to_string()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        opened(world).await.unwrap();
    }

    async fn a_database_of_a_newer_version_is_refused_and_not_touched(world: &World) {
        let newer = match world.engine {
            Engine::Sqlite => "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)",
            Engine::Postgres => "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '\\x00', 0)",
        };
        world.execute(newer).await;
        let told = line(opened(world).await);
        assert!(told.contains("newer version of iamd (schema 9999") && told.contains("nothing was changed"), "{told}");
        let checks = offline::check(&world.data_dir, Ok(world.settings.clone()), world.ports()).await;
        let schema = checks.iter().find(|check| check.id == "schema").unwrap();
        assert!(!schema.ok && schema.detail.contains("9999") && schema.mend.is_some());
    }

    async fn a_database_of_an_older_version_names_the_command(world: &World) {
        // As before the last migration.
        world.execute("DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").await;
        let told = line(opened(world).await);
        let command = format!("iamd migrate --data-dir {}", world.data_dir.display());
        assert!(told.contains("older version of iamd (schema ") && told.ends_with(&command), "{told}");
        let checks = offline::check(&world.data_dir, Ok(world.settings.clone()), world.ports()).await;
        let schema = checks.iter().find(|check| check.id == "schema").unwrap();
        assert!(!schema.ok && schema.mend.as_ref().unwrap().contains("iamd migrate"), "{schema:?}");
    }

    async fn check_looks_at_everything_of_a_node_that_is_down(world: &World) {
        world.seal().await;
        // The program makes them so by its umask.
        for name in ["iam.db", "iam.db-wal", "iam.db-shm"].map(|name| world.data_dir.join(name)) {
            if name.exists() {
                fs::set_permissions(name, PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
        let checks = offline::check(&world.data_dir, Ok(world.settings.clone()), world.ports()).await;
        let ids: Vec<_> = checks.iter().map(|check| check.id.as_str()).collect();
        assert_eq!(ids, ["settings", "key file", "files", "schema", "anchor", "database", "audit", "keys", "clock", "disk"]);
        assert!(checks.iter().all(|check| check.ok && check.mend.is_none()), "{checks:?}");

        fs::set_permissions(world.data_dir.join(KEY_FILE), PermissionsExt::from_mode(0o644)).unwrap();
        let checks = offline::check(&world.data_dir, Ok(world.settings.clone()), world.ports()).await;
        let failing: Vec<_> = checks.iter().filter(|check| !check.ok).map(|check| check.id.as_str()).collect();
        assert_eq!(failing, ["key file", "instance"]);
        fs::set_permissions(world.data_dir.join(KEY_FILE), PermissionsExt::from_mode(0o600)).unwrap();

        for name in ["iamd.yaml", "first-operator/operator.key"] {
            let path = world.data_dir.join(name);
            fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
            let checks = offline::check(&world.data_dir, Ok(world.settings.clone()), world.ports()).await;
            let failing: Vec<_> = checks.into_iter().filter(|check| !check.ok).collect();
            assert!(failing.len() == 1 && failing[0].id == "files", "{failing:?}");
            assert_eq!(failing[0].mend.as_deref(), Some(format!("chmod 600 {}", path.display()).as_str()));
            fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

#[test]
fn an_init_that_fails_leaves_nothing_behind() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let folder = world.folder().join("second");
        let database = Database::with("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").await;
        let taken = world.database.as_ref().unwrap();
        for (url, words) in [
            (taken.url(), "the database holds an instance already"),
            ("postgres://nobody@localhost/nothing?host=/nonexistent".to_owned(), "cannot open the database"),
        ] {
            let file = File { database_url: Some(url), ..File::default() };
            let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file).unwrap();
            let told = line(init(&folder, new(file), &settings, &world.ports()).await);
            assert!(told.contains(words), "{told}");
            assert!(!folder.exists(), "a folder stayed behind: {:?}", names(&folder));
        }
        drop(database);
    });
}

#[test]
fn an_init_that_broke_off_can_be_repeated_on_the_same_database() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        let database = Database::create().await;
        let folder = world.folder().join("second");
        let file = || File { database_url: Some(database.url()), ..File::default() };
        let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file()).unwrap();
        // It got as far as the tables.
        let engine = server::store::Engine::open(&settings.database, server::store::Create::Never).await.unwrap();
        engine.migrate().await.unwrap();
        engine.close().await;

        // Where a file cannot be written, the database holds nothing of the instance afterwards.
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/nonexistent/nowhere", folder.join(KEY_FILE)).unwrap();
        let told = line(init(&folder, new(file()), &settings, &world.ports()).await);
        assert!(told.contains(KEY_FILE), "{told}");
        let made = init(&folder, new(file()), &settings, &world.ports()).await.unwrap();
        let node = open(&folder, settings.clone(), world.ports()).await.unwrap();
        assert_eq!(node.instance, made.instance);
        node.store.engine().close().await;

        let third = world.folder().join("third");
        let told = line(init(&third, new(file()), &settings, &world.ports()).await);
        assert!(told.contains("the database holds an instance already"), "{told}");
        assert!(!third.exists());
    });
}

#[test]
fn a_join_that_broke_off_can_be_repeated() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let folder = world.folder().join("second");
        let file = File { database_url: world.database.as_ref().map(Database::url), ..File::default() };
        let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file).unwrap();
        let key = world.data_dir.join(KEY_FILE);
        fs::create_dir(&folder).unwrap();
        fs::copy(&key, folder.join(KEY_FILE)).unwrap();
        assert_eq!(join(&folder, &key, &file, &settings).await.unwrap(), world.app.instance);
    });
}

#[test]
fn a_postgresql_that_sorts_otherwise_is_refused_with_the_command() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        let database = Database::with("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en'").await;
        let folder = world.folder().join("second");
        let file = File { database_url: Some(database.url()), ..File::default() };
        let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file).unwrap();
        let told = line(init(&folder, new(file), &settings, &world.ports()).await);
        assert!(told.contains("sorts text by a locale") && told.contains("CREATE DATABASE"), "{told}");
        assert!(!folder.exists());
    });
}

#[test]
fn another_node_joins_with_the_instances_key_and_with_no_other() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let folder = world.folder().join("second");
        let file = File { database_url: world.database.as_ref().map(Database::url), ..File::default() };
        let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &file).unwrap();
        let key = world.data_dir.join(KEY_FILE);

        let stranger = world.folder().join("stranger.key");
        fs::write(&stranger, pki::KeyEncryptionKey::generate(&server::clock::SystemEntropy).unwrap().to_file_text().as_bytes())
            .unwrap();
        fs::set_permissions(&stranger, PermissionsExt::from_mode(0o600)).unwrap();
        let told = line(join(&folder, &stranger, &file, &settings).await);
        assert!(told.contains("is not the key-encryption key of this instance") && !folder.exists(), "{told}");

        assert_eq!(join(&folder, &key, &file, &settings).await.unwrap(), world.app.instance);
        let node = open(&folder, settings.clone(), world.ports()).await.unwrap();
        assert_eq!(node.instance, world.app.instance);
        node.store.engine().close().await;
        let told = line(join(&folder, &key, &file, &settings).await);
        assert!(told.contains("holds a node already"), "{told}");
    });
}

#[test]
fn only_an_instance_on_postgresql_is_joined() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        let folder = world.folder().join("second");
        let settings = Settings::settle(&folder, &Source::new(), &Source::new(), &File::default()).unwrap();
        let told = line(join(&folder, &world.data_dir.join(KEY_FILE), &File::default(), &settings).await);
        assert!(told.contains("--database-url") && !folder.exists(), "{told}");
    });
}

#[test]
fn every_mistake_in_the_settings_is_one_line_with_its_place() {
    let settle = |file: &str, environment: &[(&'static str, &str)]| {
        let file = File::parse(file)?;
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Settings::settle(Path::new("/data"), &Source::new(), &environment, &file)
    };
    for (file, environment, place, words) in [
        ("adminListen: here", &[][..], "iamd.yaml: adminListen", "127.0.0.1:7443"),
        ("adminListen: 127.0.0.1", &[], "iamd.yaml: adminListen", "no address with a port"),
        ("", &[("public-listen", "127.0.0.1:99999")][..], "IAMD_PUBLIC_LISTEN", "no address with a port"),
        ("", &[("admin-listen", "\u{1b}[31m")][..], "IAMD_ADMIN_LISTEN", "\\u{1b}"),
        ("databaseUrl: mysql://somewhere", &[], "iamd.yaml: databaseUrl", "postgres://"),
        ("keyPublishInterval: soon", &[], "iamd.yaml: keyPublishInterval", "10m"),
        ("keyPublishInterval: -10m", &[], "iamd.yaml: keyPublishInterval", "10m"),
        ("keyPublishInterval: 1m", &[], "keyPublishInterval", "shorter than jwksMaxAge"),
        ("diskReserveMib: lots", &[], "iamd.yaml", "diskReserveMib"),
        ("", &[("disk-reserve-mib", "-1")][..], "IAMD_DISK_RESERVE_MIB", "whole number"),
        ("", &[("disk-reserve-mib", "18446744073709551615")][..], "IAMD_DISK_RESERVE_MIB", "at most 17592186044415"),
        ("adminListen: 127.0.0.1:1\nadminListen: 127.0.0.1:2", &[], "iamd.yaml", "duplicate"),
        ("adminlisten: 127.0.0.1:1", &[], "iamd.yaml", "adminListen"),
        ("[", &[], "iamd.yaml", "line 1"),
    ] {
        let told = settle(file, environment).unwrap_err().to_string();
        assert!(told.contains(place) && told.contains(words), "{file:?} {environment:?}: {told}");
        assert!(!told.trim_end().contains('\n'), "more than one line: {told:?}");
        assert!(!told.contains('\u{1b}'));
    }
    assert!(settle("keyPublishInterval: 20m\njwksMaxAge: 20m\ndiskReserveMib: 0", &[]).is_ok());
    let of_the_environment = settle("adminListen: 127.0.0.1:1", &[("admin-listen", "127.0.0.1:2")]).unwrap();
    assert_eq!(of_the_environment.admin_listen.port(), 2);
}

//! One PostgreSQL database a test, on the server that `scripts/with-postgres` has started.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

/// The variable with the URL of the server's maintenance database, over its socket.
pub const VARIABLE: &str = "IAM_TEST_POSTGRES";

/// A database of this test alone; gone when dropped.
#[derive(Debug)]
pub struct Database {
    server: Url,
    name: String,
    kept: bool,
}

/// The server's URL.
///
/// # Panics
/// With the command to run, when no server was started: a missing database is a failure, never a skip.
#[must_use]
pub fn server() -> Url {
    #[expect(clippy::disallowed_methods, reason = "the script that starts the server says so by this variable")]
    let url = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("no PostgreSQL: {VARIABLE} is not set; run this test by: scripts/with-postgres cargo test -p tests")
    });
    Url::parse(&url).unwrap_or_else(|error| panic!("{VARIABLE}: {error}"))
}

impl Database {
    /// A new, empty one, in C collation.
    ///
    /// # Panics
    /// When the server does not make it.
    pub async fn create() -> Self {
        Self::with("ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").await
    }

    /// A new, empty one of another form, to be refused.
    ///
    /// # Panics
    /// When the server does not make it.
    pub async fn with(form: &str) -> Self {
        Self::with_template("template0", form).await
    }

    async fn with_template(template: &str, form: &str) -> Self {
        let server = server();
        let name = format!("iam_{}", uuid::Uuid::from_bytes(super::random()).simple());
        execute(&server, format!("CREATE DATABASE {name} TEMPLATE {template} {form}")).await.unwrap();
        Self { server, name, kept: false }
    }

    /// A new, empty one of this name, in place of one that an earlier test could not finish.
    pub(super) async fn named(name: &str) -> Self {
        let server = server();
        execute(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        execute(&server, create).await.unwrap();
        Self { server, name: name.to_owned(), kept: false }
    }

    /// A copy of the one of this name.
    pub(super) async fn copy_of(template: &str) -> Self {
        Self::with_template(template, "").await
    }

    /// Lets it stay when this handle is dropped.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// Cuts every connection and lets nobody in, as a server that went away does; [`Database::comes_back`] ends it.
    ///
    /// # Panics
    /// When the server does not obey.
    pub async fn goes_away(&self) {
        let name = &self.name;
        execute(&self.server, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.unwrap();
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        execute(&self.server, cut).await.unwrap();
    }

    /// Lets connections in again.
    ///
    /// # Panics
    /// When the server does not obey.
    pub async fn comes_back(&self) {
        execute(&self.server, format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await.unwrap();
    }
}

/// A table that nobody writes to until this is let go: whoever wants to waits there, with everything done that comes before.
#[derive(Debug)]
pub struct HeldTable {
    connection: PgConnection,
}

impl Database {
    /// Holds a table.
    ///
    /// # Panics
    /// When there is none of that name.
    pub async fn holds(&self, table: &str) -> HeldTable {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        let sql = AssertSqlSafe(format!("BEGIN; LOCK TABLE {table} IN SHARE MODE"));
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        HeldTable { connection }
    }

    /// Waits until so many of its transactions wait for another one.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn until_waiting(&self, transactions: i64) {
        let mut connection = PgConnection::connect(self.server.as_str()).await.unwrap();
        let name = &self.name;
        let sql = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'");
        loop {
            let sql = AssertSqlSafe(sql.clone());
            let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
            if waiting == transactions {
                return connection.close().await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

impl HeldTable {
    /// Lets it go.
    ///
    /// # Panics
    /// When the server does not obey.
    pub async fn let_go(mut self) {
        sqlx::raw_sql("COMMIT").execute(&mut self.connection).await.unwrap();
        self.connection.close().await.unwrap();
    }
}

async fn execute(server: &Url, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server.as_str()).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // A drop cannot wait inside the runtime that is being left; the server's own end takes what stays behind.
        let server = self.server.clone();
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(execute(&server, sql)).map_err(std::io::Error::other)
        });
        drop(gone.join());
    }
}

/// A pool of one connection to a database, for statements of a test's own.
///
/// # Panics
/// When it cannot be reached.
pub async fn connect(url: &str) -> sqlx::PgPool {
    PgPoolOptions::new().max_connections(1).connect(url).await.unwrap()
}

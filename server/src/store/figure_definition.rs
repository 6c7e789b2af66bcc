//! What figures mean, version by version. Rows are added and never changed.

use domain::Day;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A version of a definition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DefinitionRow {
    /// Id of the figure or table.
    pub id: String,
    /// Its version, 1 for the first.
    pub version: i32,
    /// The edition it came with.
    pub edition: String,
    /// Day on which it was recorded, Hong Kong time; none when it was always there.
    pub recorded_day: Option<i32>,
    /// Canonical JSON.
    pub definition: String,
    /// SHA-256 over it, lower-case hex.
    pub digest: String,
    /// Who recorded it.
    pub operator: String,
}

impl Read {
    /// Every version that was on record by the end of a day, by id and version.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn figure_definitions(&mut self, known_at: Day) -> Result<Vec<DefinitionRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, version, edition, recorded_day, definition, digest, operator
             FROM figure_definition WHERE recorded_day IS NULL OR recorded_day <= $1 ORDER BY id, version"
        )
        .bind(known_at.number())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The last day on which a definition was recorded; none when all of them were always there.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_definition_day(&mut self) -> Result<Option<Day>, StoreError> {
        let day: Option<i32> = on!(self.conn, |c| sqlx::query_scalar("SELECT MAX(recorded_day) FROM figure_definition")
            .fetch_one(c))
        .map_err(|error| self.error(error))?;
        Ok(day.map(Day::from_number))
    }
}

impl Write {
    /// Adds versions; gives how many were not on record yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_figure_definitions(&mut self, rows: &[DefinitionRow]) -> Result<u64, StoreError> {
        let mut added = 0;
        for row in rows {
            let done = on!(*self.conn(), |c| sqlx::query(
                "INSERT INTO figure_definition (id, version, edition, recorded_day, definition, digest, operator)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id, version) DO NOTHING"
            )
            .bind(&row.id)
            .bind(row.version)
            .bind(&row.edition)
            .bind(row.recorded_day)
            .bind(&row.definition)
            .bind(&row.digest)
            .bind(&row.operator)
            .execute(c)
            .map_ok(|done| done.rows_affected()));
            added += done.map_err(|error| self.error(error))?;
        }
        Ok(added)
    }
}

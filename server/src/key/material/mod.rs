//! Keys that are no use to anybody outside: what their rotation means for the rows that lie under them.

pub(super) mod certified;
pub(super) mod checkpoints;

use domain::KeyPurpose;

use super::work::Line;
use crate::app::App;
use crate::failure::Failure;
use crate::keys::responder_kid;

/// The kid of the next generation of a line whose generations are counted: `checkpoints-2`. Two who ask at once are given the same
/// one; the second one's row meets the first one's.
pub(super) async fn next_kid(app: &App, line: &Line) -> Result<String, Failure> {
    let rows = app.store.read().await?.keys(Some(line.purpose), None).await?;
    let numbers = rows.iter().filter(|row| row.name == line.name).filter_map(|row| row.kid.rsplit_once('-'));
    let last = numbers.filter_map(|(_, number)| number.parse::<u32>().ok()).max().unwrap_or(0);
    Ok(match line.purpose {
        KeyPurpose::Ocsp => responder_kid(&line.name, last + 1),
        _ => format!("{}-{}", line.name, last + 1),
    })
}

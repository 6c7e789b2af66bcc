use api::registration::{PhotoDeletion, RegistrationDetail, ShowRegistration};
use domain::Timestamp;

use super::list::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::hex;
use crate::store::PhotoRow;

/// One registration, its account, and what became of its photos.
pub async fn show(app: &App, _: &Caller, op: ShowRegistration) -> Result<RegistrationDetail, Failure> {
    let mut read = app.store.read().await?;
    let row = read.registration(op.registration).await?;
    let row = row.ok_or_else(|| Failure::not_found("registration", op.registration))?;
    let account = match row.account {
        Some(id) => read.account_of_id(id).await?.map(|stored| stored.account.id),
        None => None,
    };
    let photos = read.photos_of(op.registration).await?.into_iter().map(photo).collect();
    Ok(RegistrationDetail { registration: view(row), account, photos })
}

fn photo(row: PhotoRow) -> PhotoDeletion {
    PhotoDeletion {
        photo: row.photo,
        digest: hex(&row.digest),
        taken_at: Timestamp::from_micros(row.taken_at),
        deleted_at: row.deleted_at.map(Timestamp::from_micros),
        why: row.why,
    }
}

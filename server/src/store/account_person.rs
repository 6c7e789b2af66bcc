//! What another registration changes of the person behind an account.

use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::on;
use super::{StoreError, Write};
use crate::account::seal::NextIndexes;

/// A person as another registration has brought them.
#[derive(Debug)]
pub struct Person<'a> {
    /// The profile under the account's data key.
    pub profile: &'a [u8],
    /// Look-up values under the active generation.
    pub indexes: NextIndexes,
    /// The same under the generation that is about to take over, while there is one.
    pub next: Option<NextIndexes>,
}

impl Write {
    /// Puts what another registration of the same person has brought. Columns that wait to be shifted to another generation need
    /// not wait any more: they are made anew.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when the card number has another account.
    pub async fn put_person(&mut self, account: Uuid, person: &Person<'_>) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE account SET profile = $2, hkic_index = $3, phone_index = $4, index_generation = $5, hkic_index_next = $6,
               phone_index_next = $7, index_generation_next = $8
             WHERE id = $1"
        )
        .bind(&account.as_bytes()[..])
        .bind(person.profile)
        .bind(&person.indexes.hkic[..])
        .bind(&person.indexes.phone[..])
        .bind(person.indexes.generation)
        .bind(person.next.map(|next| next.hkic.to_vec()))
        .bind(person.next.map(|next| next.phone.to_vec()))
        .bind(person.next.map(|next| next.generation))
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts how the phone of an account is called.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_device_name(&mut self, account: Uuid, name: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("UPDATE account SET device = $2 WHERE id = $1")
            .bind(&account.as_bytes()[..])
            .bind(name)
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}

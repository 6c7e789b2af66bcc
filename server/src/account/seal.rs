//! How a person is sealed: a data key for each account, wrapped under the key-encryption key; everything personal under the
//! data key, each field group bound to its account and its name; and the keyed look-up values of card number and phone.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{CitizenRequestId, Profile};
use pki::PkiError;
use pki::provider::{Aad, DataKey, DataKeySealer};
use uuid::Uuid;

use crate::failure::Failure;
use crate::keys::{IndexKeys, Indexes, Keys, Unlocked};
use crate::store::StoredAccount;

/// Field group of the profile that registration reads from the card.
const PROFILE: &str = "profile";
/// Field group of the notes of operators.
const NOTE: &str = "note";
/// Field group of what services say to the citizen with a request.
const MESSAGE: &str = "message";

/// What is stored of a person.
#[derive(Debug)]
pub struct Sealed {
    /// The data key under the key-encryption key.
    pub data_key: [u8; pki::provider::SEALED_DATA_KEY_LENGTH],
    /// The profile under the data key.
    pub profile: Vec<u8>,
    /// Look-up value of the card number.
    pub hkic_index: [u8; 16],
    /// Look-up value of the phone.
    pub phone_index: [u8; 16],
    /// The same under the generation that is about to take over, while there is one.
    pub next: Option<NextIndexes>,
}

/// Look-up values of the second columns.
#[derive(Debug, Clone, Copy)]
pub struct NextIndexes {
    /// Their generation.
    pub generation: i32,
    /// Look-up value of the card number.
    pub hkic: [u8; 16],
    /// Look-up value of the phone.
    pub phone: [u8; 16],
}

impl NextIndexes {
    /// Of a person.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn of(keys: &IndexKeys, profile: &Profile) -> Result<Self, PkiError> {
        Ok(Self { generation: keys.generation(), hkic: keys.hkic(&profile.hkic)?, phone: keys.phone(&profile.phone)? })
    }
}

/// A look-up value that was made before it was known which generation is active when its row is stored.
#[derive(Debug, Clone, Copy)]
pub struct Foreseen {
    /// Its generation.
    pub generation: i32,
    /// Look-up value of the card number.
    pub hkic: [u8; 16],
}

/// Seals people one after the other with kept contexts; one for each thread.
pub struct Sealer<'k> {
    keys: &'k Keys,
    unlocked: Arc<Unlocked>,
    bulk: DataKeySealer,
}

impl<'k> Sealer<'k> {
    /// Prepares the contexts, for keys as they are at one moment: what the rows of a batch say of their keys holds for all.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn new(keys: &'k Keys, unlocked: Arc<Unlocked>) -> Result<Self, PkiError> {
        Ok(Self { keys, bulk: unlocked.kek().bulk()?, unlocked })
    }

    /// Seals the person of the account `id` under a fresh data key. The look-up value of the card number is given: callers
    /// sort by it first. Where another generation has taken over since, it is made anew.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn seal(&mut self, id: Uuid, profile: &Profile, foreseen: Foreseen) -> Result<Sealed, PkiError> {
        let Indexes { active, next, .. } = self.unlocked.indexes();
        let hkic_index = if foreseen.generation == active.generation() { foreseen.hkic } else { active.hkic(&profile.hkic)? };
        let phone_index = active.phone(&profile.phone)?;
        let next = next.as_ref().map(|next| NextIndexes::of(next, profile)).transpose()?;
        let sealed = self.bulk.seal(&profile.to_bytes(), data_key_aad(self.keys, id), group_aad(self.keys, id, PROFILE))?;
        Ok(Sealed { data_key: sealed.data_key, profile: sealed.profile, hkic_index, phone_index, next })
    }
}

/// The person of an account; none once it is closed, for its data key is destroyed.
///
/// # Errors
/// When the row does not open: damaged, moved from another account, or of another instance.
pub fn open_profile(keys: &Keys, stored: &StoredAccount) -> Result<Option<Profile>, Failure> {
    let (Some(key), Some(sealed)) = (open_data_key(keys, stored)?, &stored.profile) else { return Ok(None) };
    let opened = key.open(sealed, group_aad(keys, stored.id, PROFILE)).map_err(anyhow::Error::from)?;
    Ok(Some(Profile::from_bytes(&opened).map_err(anyhow::Error::from)?))
}

/// Seals what has changed of a person under the data key that the account has: its notes stay readable. None once it is closed.
///
/// # Errors
/// When the account's data key does not open.
pub fn reseal(keys: &Keys, stored: &StoredAccount, profile: &Profile) -> Result<Option<Vec<u8>>, Failure> {
    let Some(key) = open_data_key(keys, stored)? else { return Ok(None) };
    Ok(Some(key.seal(&profile.to_bytes(), group_aad(keys, stored.id, PROFILE)).map_err(anyhow::Error::from)?))
}

/// The person in the sealed parts of a row.
///
/// # Errors
/// When they do not open.
pub(crate) fn open_person(keys: &Keys, id: &[u8], kek_id: &str, data_key: &[u8], profile: &[u8]) -> anyhow::Result<Profile> {
    let id = Uuid::from_slice(id)?;
    let key = keys.now().kek_of(kek_id)?.unwrap_data_key(data_key, data_key_aad(keys, id))?;
    Ok(Profile::from_bytes(&key.open(profile, group_aad(keys, id, PROFILE))?)?)
}

/// The person of an account, as far as the row opens: where only masks or a year of birth are wanted, one damaged row must not
/// stop a suspension, or hide the caller's other accounts. The damage is logged.
#[must_use]
pub fn person_if_readable(keys: &Keys, stored: &StoredAccount) -> Option<Profile> {
    open_profile(keys, stored).unwrap_or_else(|failure| {
        tracing::error!(account = %stored.account.id, ?failure, "the personal record of an account does not open");
        None
    })
}

/// Seals an operator's note, so that erasing the person reaches it; none once the account is closed.
///
/// # Errors
/// When the account's data key does not open.
pub fn seal_note(keys: &Keys, stored: &StoredAccount, note: Uuid, text: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(key) = open_data_key(keys, stored)? else { return Ok(None) };
    let aad = group_aad(keys, stored.id, NOTE).and(note.as_bytes());
    Ok(Some(key.seal(text.as_bytes(), aad).map_err(anyhow::Error::from)?))
}

/// Seals what a service says to the citizen with a request; none once the account is closed.
///
/// # Errors
/// When the account's data key does not open.
pub(crate) fn seal_message(
    keys: &Keys,
    stored: &StoredAccount,
    request: CitizenRequestId,
    text: &str,
) -> Result<Option<String>, Failure> {
    let Some(key) = open_data_key(keys, stored)? else { return Ok(None) };
    let aad = group_aad(keys, stored.id, MESSAGE).and(request.as_bytes());
    let sealed = key.seal(text.as_bytes(), aad).map_err(anyhow::Error::from)?;
    Ok(Some(BASE64_URL_SAFE_NO_PAD.encode(sealed)))
}

/// Opens it for the citizen; none once the account is closed.
///
/// # Errors
/// When it does not open: damaged, or of another request.
pub(crate) fn open_message(
    keys: &Keys,
    stored: &StoredAccount,
    request: CitizenRequestId,
    sealed: &str,
) -> Result<Option<String>, Failure> {
    let Some(key) = open_data_key(keys, stored)? else { return Ok(None) };
    let aad = group_aad(keys, stored.id, MESSAGE).and(request.as_bytes());
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).map_err(anyhow::Error::from)?;
    let opened = key.open(&sealed, aad).map_err(anyhow::Error::from)?;
    Ok(Some(String::from_utf8(opened.to_vec()).map_err(anyhow::Error::from)?))
}

fn open_data_key(keys: &Keys, stored: &StoredAccount) -> Result<Option<DataKey>, Failure> {
    let Some(wrapped) = &stored.data_key else { return Ok(None) };
    let unlocked = keys.now();
    let opened = unlocked.kek_of(&stored.kek_id)?.unwrap_data_key(wrapped, data_key_aad(keys, stored.id));
    Ok(Some(opened.map_err(anyhow::Error::from)?))
}

/// What the data key of an account is bound to.
pub(crate) fn data_key_aad(keys: &Keys, id: impl AsRef<[u8]>) -> Aad {
    Aad::of("account.data-key").and(keys.instance().id()).and(id)
}

fn group_aad(keys: &Keys, id: Uuid, group: &str) -> Aad {
    Aad::of("account.field-group").and(keys.instance().id()).and(id.as_bytes()).and(group)
}

//! What manifests would change, given how things stand. `plan` shows it, `apply` does it.

use std::collections::HashMap;

use api::relying_party::PartyChange;
use domain::{Change, CredentialSource, PartyState, diff, diff_from_nothing};

use super::check::{Checked, CheckedParty, Findings, looks_like};
use crate::credential::barred::{A_KEY_OF_ITS_OWN, barred, of_another_party};
use crate::credential::name::on_record;
use crate::failure::Failure;
use crate::store::{PartyRow, Read};

/// What one manifest would do.
pub(super) struct Intent<'a> {
    pub(super) party: &'a CheckedParty,
    /// The party as it stands; none for a new one.
    pub(super) before: Option<PartyRow>,
    /// Its state afterwards.
    pub(super) state: PartyState,
    pub(super) change: PartyChange,
    /// Field by field.
    pub(super) changes: Vec<Change>,
    /// What the manifest has no say in.
    pub(super) notes: Vec<String>,
}

/// What the manifests would do, in their order.
///
/// # Errors
/// When one of them is refused as things stand; then none of them may be applied.
pub(super) async fn intend<'a>(read: &mut Read, manifests: &'a Checked) -> Result<Vec<Intent<'a>>, Failure> {
    let mut intents = Vec::with_capacity(manifests.parties.len());
    for party in &manifests.parties {
        let before = read.party(&party.manifest.id).await?;
        intents.push(Intent::of(party, before)?);
    }
    let mut findings = Findings::default();
    confusable_names(read, &intents, &mut findings).await?;
    barred_keys(read, &intents, &mut findings).await?;
    findings.into_result()?;
    for intent in &mut intents {
        intent.notes = credentials_from_elsewhere(read, intent).await?;
    }
    Ok(intents)
}

impl<'a> Intent<'a> {
    fn of(party: &'a CheckedParty, before: Option<PartyRow>) -> Result<Self, Failure> {
        let Some(row) = &before else {
            let changes = diff_from_nothing(&party.manifest);
            return Ok(Self {
                party,
                before,
                state: PartyState::Active,
                change: PartyChange::Created,
                changes,
                notes: Vec::new(),
            });
        };
        let state = row.state()?.take_manifest(&party.manifest.id)?;
        let changes = diff(&row.manifest()?, &party.manifest);
        let change = if changes.is_empty() { PartyChange::Unchanged } else { PartyChange::Updated };
        Ok(Self { party, before, state, change, changes, notes: Vec::new() })
    }

    fn id(&self) -> &'a str {
        self.party.manifest.id.as_str()
    }

    fn keeps_its_names(&self) -> bool {
        self.before
            .as_ref()
            .is_some_and(|row| row.skeleton_en == self.party.skeleton_en && row.skeleton_zh_hant == self.party.skeleton_zh_hant)
    }
}

/// Names that an eye could take for another party's: of a party on record, or of another one of this request. Either language
/// is held against both, for a name may be written in Latin letters in both.
async fn confusable_names(read: &mut Read, intents: &[Intent<'_>], findings: &mut Findings) -> Result<(), Failure> {
    if intents.iter().all(Intent::keeps_its_names) {
        return Ok(());
    }
    let on_record = read.party_names().await?;
    let wanted: HashMap<&str, &Intent<'_>> = intents.iter().map(|intent| (intent.id(), intent)).collect();
    // Who has a name, by what an eye sees of it: as things would be afterwards.
    let mut holders: HashMap<&str, (&str, &str)> = HashMap::new();
    for row in &on_record {
        if wanted.get(row.id.as_str()).is_none_or(|intent| intent.keeps_its_names()) {
            holders.insert(&row.skeleton_en, (&row.id, &row.name_en));
            holders.insert(&row.skeleton_zh_hant, (&row.id, &row.name_zh_hant));
        }
    }
    for (place, intent) in intents.iter().enumerate().filter(|(_, intent)| !intent.keeps_its_names()) {
        for (path, name, skeleton) in intent.party.names() {
            if skeleton.is_empty() {
                continue;
            }
            match holders.get(skeleton) {
                Some((holder, other_name)) if *holder != intent.id() => {
                    let message = looks_like(name, holder, other_name);
                    let hint = "choose a name that an eye can tell apart, or apply it under that party's id";
                    findings.add(place, path, "rp.name-confusable", message, hint);
                }
                _ => {
                    holders.insert(skeleton, (intent.id(), name));
                }
            }
        }
    }
    Ok(())
}

/// Keys that are, or ever were, another party's, that are in other hands, or that were revoked. All manifests are held to it,
/// those that change nothing too: a file that names such a key says what is not so, and may be applied elsewhere.
async fn barred_keys(read: &mut Read, intents: &[Intent<'_>], findings: &mut Findings) -> Result<(), Failure> {
    let mut wanted: HashMap<&str, &str> = HashMap::new();
    for (place, intent) in intents.iter().enumerate() {
        let known = match intent.before {
            Some(_) => read.party_credentials(intent.id()).await?,
            None => Vec::new(),
        };
        for named in &intent.party.credentials {
            let holder = named.thumbprint.as_deref().and_then(|key| wanted.insert(key, intent.id()));
            if let Some(other) = holder.filter(|other| *other != intent.id()) {
                let message = of_another_party(other);
                findings.add(place, &named.path, "credential.key-of-another-party", message, A_KEY_OF_ITS_OWN);
            } else if let Some(finding) = barred(read, intent.id(), &known, named).await? {
                findings.push(place, finding);
            }
        }
    }
    Ok(())
}

/// What the manifest has no say in: credentials of the party that an operator added or that were issued to it.
async fn credentials_from_elsewhere(read: &mut Read, intent: &Intent<'_>) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    for row in read.party_credentials(intent.id()).await?.iter().filter(|row| row.state == "active") {
        let named_here = intent.party.credentials.iter().any(|named| on_record(std::slice::from_ref(row), named).is_some());
        match row.source()? {
            CredentialSource::Added | CredentialSource::Issued if !named_here => {
                notes.push(format!(
                    "credential {} ({}, {}) stays: the manifest does not rule over it",
                    row.id()?,
                    row.kind,
                    row.source
                ));
            }
            _ => {}
        }
    }
    Ok(notes)
}

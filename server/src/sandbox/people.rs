//! A batch of synthetic people as accounts, by the way of every import: sealed under keys of their own, looked up by keyed
//! values, counted as events.

use domain::population::{Ended, Plan, SyntheticAccount};
use domain::{Account, AccountEventKind, AccountId, Entropy, Profile, Standing, Timestamp};
use openssl::sha::Sha256;
use pki::PkiError;
use uuid::Uuid;

use super::populating::recorded_at;
use crate::account::import::ids;
use crate::account::seal::{Foreseen, Sealed, Sealer};
use crate::failure::Failure;
use crate::keys::{Keys, hex};
use crate::store::{AccountEvent, NewAccount, StoreError, Suspended};

/// How many people are looked at before others get their turn on this thread.
const TURN: usize = 500;

/// A batch of people. What is secret of them is made when it is stored, and not before.
pub(super) struct People {
    lives: Vec<SyntheticAccount>,
    /// In the order in which they are stored.
    order: Vec<Place>,
    /// Generation of their look-up values.
    generation: i32,
    ids: Vec<Uuid>,
    references: Vec<AccountId>,
    /// What statistics keep.
    pub(super) events: Vec<AccountEvent>,
}

/// A person's place in the batch.
struct Place {
    /// Look-up value of the card number; none for a closed account.
    hkic_index: Option<[u8; 16]>,
    life: usize,
}

/// A person with what they are stored under.
struct Person<'a> {
    life: &'a SyntheticAccount,
    hkic_index: Option<Foreseen>,
    id: Uuid,
    reference: AccountId,
}

impl People {
    /// The next people. They are put into the order of their look-up values, and ids and references are handed out ascending
    /// in it: then nearly all indexes are walked from one end to the other, and a page is written once for a batch.
    pub(super) async fn prepare(
        plan: &Plan,
        keys: &Keys,
        entropy: &dyn Entropy,
        now: Timestamp,
        lives: Vec<SyntheticAccount>,
    ) -> Result<Self, Failure> {
        let mut references = Vec::with_capacity(lives.len());
        // Some are upgraded, suspended or closed as well.
        let mut events = Vec::with_capacity(lives.len() + lives.len() / 8);
        let mut order = Vec::with_capacity(lives.len());
        let unlocked = keys.now();
        let index = &unlocked.indexes().active;
        for (place, life) in lives.iter().enumerate() {
            let profile = profile(plan, life)?;
            references.push(plan.reference(life.number).ok_or_else(|| anyhow::anyhow!("an account has no reference"))?);
            push_events(&mut events, life, &profile);
            let closed = matches!(life.ended, Some(Ended::Closed { .. }));
            let hkic_index = (!closed).then(|| index.hkic(&profile.hkic)).transpose().map_err(anyhow::Error::from)?;
            order.push(Place { hkic_index, life: place });
            if place % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        order.sort_unstable_by_key(|place| (place.hkic_index, place.life));
        references.sort_unstable();
        let ids = ids(entropy, lives.len(), now);
        Ok(Self { lives, order, generation: index.generation(), ids, references, events })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.lives.len()
    }

    fn people(&self) -> impl Iterator<Item = Person<'_>> + Send {
        self.order.iter().zip(&self.ids).zip(&self.references).map(|((place, id), reference)| Person {
            life: &self.lives[place.life],
            hkic_index: place.hkic_index.map(|hkic| Foreseen { generation: self.generation, hkic }),
            id: *id,
            reference: *reference,
        })
    }

    /// Over what is stored of them in the clear, lower-case hex.
    pub(super) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for Person { life, id, reference, .. } in self.people() {
            digest.update(id.as_bytes());
            digest.update(&reference.number().to_be_bytes());
            digest.update(&life.registered_at.micros().to_be_bytes());
            digest.update(&life.final_tier().code().to_be_bytes());
            digest.update(&life.ended.map_or(0, |ended| ended.at().micros()).to_be_bytes());
        }
        hex(&digest.finish())
    }

    /// The accounts, sealed one by one as they are asked for.
    pub(super) fn sealed<'a>(
        &'a self,
        plan: &'a Plan,
        mut sealer: Sealer<'a>,
    ) -> impl Iterator<Item = Result<NewAccount, StoreError>> + Send + 'a {
        self.people().map(move |person| person.account(plan, &mut sealer).map_err(StoreError::Broken))
    }
}

impl Person<'_> {
    fn account(&self, plan: &Plan, sealer: &mut Sealer<'_>) -> Result<NewAccount, anyhow::Error> {
        let life = self.life;
        let standing = match life.ended {
            None => Standing::Active,
            Some(Ended::Suspended { at, reason }) => Standing::Suspended { since: at, reason, call: None },
            Some(Ended::Closed { at, reason }) => Standing::Closed { since: at, reason },
        };
        let account = Account {
            id: self.reference,
            tier: life.final_tier(),
            channel: life.channel,
            location: life.location.clone(),
            registered_at: life.registered_at,
            standing,
        };
        // A closed account's data key is destroyed: there never was one.
        let sealed = match self.hkic_index {
            Some(index) => Some(self.seal(plan, sealer, index)?),
            None => None,
        };
        Ok(NewAccount { id: self.id, account, sealed })
    }

    fn seal(&self, plan: &Plan, sealer: &mut Sealer<'_>, index: Foreseen) -> Result<Sealed, anyhow::Error> {
        let profile = plan.profile(self.life).ok_or_else(|| anyhow::anyhow!("an account has no person"))?;
        Ok(sealer.seal(self.id, &profile, index).map_err(|error: PkiError| error)?)
    }
}

fn profile(plan: &Plan, life: &SyntheticAccount) -> Result<Profile, Failure> {
    Ok(plan.profile(life).ok_or_else(|| anyhow::anyhow!("an account has no person"))?)
}

fn push_events(events: &mut Vec<AccountEvent>, life: &SyntheticAccount, profile: &Profile) {
    let event = |kind, tier, at| AccountEvent {
        kind,
        tier,
        channel: life.channel,
        location: life.location.clone(),
        birth_year: i16::try_from(profile.birth_date.year()).unwrap_or(0),
        sex: profile.sex,
        at,
        recorded_at: recorded_at(at),
        suspension: None,
    };
    events.push(event(AccountEventKind::Registered, life.tier, life.registered_at));
    if let Some(upgraded) = &life.upgraded {
        let place = upgraded.location.clone();
        let made = event(AccountEventKind::Upgraded, life.final_tier(), upgraded.at);
        events.push(AccountEvent { channel: upgraded.channel, location: place, ..made });
    }
    match life.ended {
        None => {}
        Some(Ended::Suspended { at, reason }) => {
            // How long a synthetic call took nobody made up.
            let suspension = Some(Suspended { reason, took: None });
            events.push(AccountEvent { suspension, ..event(AccountEventKind::Suspended, life.final_tier(), at) });
        }
        Some(Ended::Closed { at, .. }) => events.push(event(AccountEventKind::Closed, life.final_tier(), at)),
    }
}

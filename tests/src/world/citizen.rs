//! Citizens, as the registration officer brings them in.

use api::account::{ImportAccounts, ImportRow, Registration};
use domain::{AccountId, Channel, Clock, Day, Hkic, PersonName, Phone, Sex, Tier};

use super::World;

/// A citizen who may register.
#[derive(Debug)]
pub struct Citizen<'w> {
    world: &'w World,
    /// Card number.
    pub hkic: Hkic,
    /// Phone.
    pub phone: Phone,
    name: String,
    tier: Tier,
}

/// A citizen with an account.
#[derive(Debug)]
pub struct Registered {
    /// Their account.
    pub account: AccountId,
    /// Card number.
    pub hkic: Hkic,
    /// Phone.
    pub phone: Phone,
}

impl World {
    /// A citizen of this name with a card number and a phone of their own.
    ///
    /// # Panics
    /// When there are too many.
    #[must_use]
    pub fn citizen(&self, name: &str) -> Citizen<'_> {
        let number = {
            let mut people = self.people.lock().unwrap();
            *people += 1;
            *people
        };
        Citizen {
            world: self,
            hkic: Hkic::synthetic(number).unwrap(),
            phone: format!("+8529{number:07}").parse().unwrap(),
            name: name.to_owned(),
            tier: Tier::IamSmart,
        }
    }
}

impl Citizen<'_> {
    /// Wants iAM Smart+.
    #[must_use]
    pub fn with_plus(self) -> Self {
        Self { tier: Tier::IamSmartPlus, ..self }
    }

    /// Registers at a kiosk.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn registers_at_kiosk(self, location: &str) -> Registered {
        self.registers(Channel::Kiosk, Some(location)).await
    }

    /// Registers with their own phone.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn registers_remotely(self) -> Registered {
        self.registers(Channel::Remote, None).await
    }

    /// What the import says of them.
    ///
    /// # Panics
    /// When the location is none.
    #[must_use]
    pub fn registration(&self, channel: Channel, location: Option<&str>) -> Registration {
        Registration {
            hkic: self.hkic.clone(),
            name: PersonName { en: self.name.clone(), zh_hant: None },
            sex: Some(Sex::F),
            birth_date: Day::from_ymd(1990, 1, 31).unwrap(),
            card_issued: Day::from_ymd(2019, 5, 1),
            phone: self.phone.clone(),
            tier: self.tier,
            channel,
            location: location.map(|location| location.parse().unwrap()),
            registered_at: self.world.clock.now(),
        }
    }

    async fn registers(self, channel: Channel, location: Option<&str>) -> Registered {
        let rows = vec![ImportRow { line: 1, registration: self.registration(channel, location) }];
        let file = server::keys::hex(&[&super::random()[..], &super::random()[..]].concat());
        let imported = self.world.first().call(&ImportAccounts { file, chunk: 0, rows }).await.unwrap();
        assert_eq!((imported.registered, imported.refused.len()), (1, 0), "{:?}", imported.refused);
        let account = self.world.account_of(&self.hkic).await.unwrap();
        Registered { account, hkic: self.hkic, phone: self.phone }
    }
}

impl World {
    /// The account of a card number, by the store's own look-up column.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn account_of(&self, hkic: &Hkic) -> Option<AccountId> {
        let unlocked = self.app.keys.now();
        let index = |keys: &server::keys::IndexKeys| server::keys::hex(&keys.hkic(hkic).unwrap());
        let text = |index: String| match self.engine {
            super::Engine::Sqlite => format!("x'{index}'"),
            super::Engine::Postgres => format!("'\\x{index}'"),
        };
        let indexes: Vec<String> = unlocked.indexes().in_columns().map(|keys| text(index(keys))).collect();
        let sql = format!("SELECT reference FROM account WHERE hkic_index IN ({})", indexes.join(", "));
        let reference = self.numbers(&sql).await.first().copied()?;
        AccountId::from_number(u64::try_from(reference).unwrap())
    }
}

//! The same file once more, and one that was corrected meanwhile: an import registers, it corrects nothing and hides nothing.

use api::Role;
use api::account::ImportAccounts;
use domain::{Channel, Tier};
use tests::both_engines;

use crate::accounts::{batch, copy, people};

both_engines! {
    async fn a_row_that_differs_from_the_registration_on_record_is_not_called_unchanged(world: &World) {
        let mut rows = people(world, 1);
        (rows[0].channel, rows[0].location) = (Channel::MobileTeam, Some("roving".parse().unwrap()));
        let known = copy(&rows[0]);
        world.first().call(&batch(rows)).await.unwrap();
        let account = world.account_of(&known.hkic).await.unwrap();
        let mut moved = copy(&known);
        moved.phone = "+85261234567".parse().unwrap();
        let mut raised = copy(&moved);
        raised.tier = if known.tier == Tier::IamSmart { Tier::IamSmartPlus } else { Tier::IamSmart };
        let mut elsewhere = copy(&known);
        elsewhere.location = Some("sha-tin-smart-identity-card-replacement-centre".parse().unwrap());
        let before = world.texts("SELECT tier FROM account").await;
        let imported = world.first().call(&batch(vec![known, moved, raised, elsewhere])).await.unwrap();
        assert_eq!((imported.registered, imported.unchanged), (0, 1));
        let told = |differs: &str| {
            format!("the registration is there already, with another {differs}: account {account}; nothing was changed")
        };
        let refused: Vec<_> = imported.refused.into_iter().map(|row| (row.line, row.code, row.message)).collect();
        let differs = |line, fields: &str| (line, "account.registration-differs".to_owned(), told(fields));
        assert_eq!(refused, [differs(2, "phone"), differs(3, "tier and phone"), differs(4, "location")]);
        assert_eq!(world.texts("SELECT tier FROM account").await, before);
    }

    async fn the_audit_log_holds_no_plain_digest_of_a_file_of_people(world: &World) {
        let op = ImportAccounts { file: "ab".repeat(32), ..batch(people(world, 1)) };
        world.first().call(&op).await.unwrap();
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        assert_eq!(auditor.call(&op).await.unwrap_err().code, "auth.role");
        let leaves = world.leaves().await;
        let imports: Vec<_> = leaves.iter().filter(|leaf| leaf["action"] == "account.import").collect();
        assert_eq!(imports.len(), 2);
        assert!(imports.iter().all(|leaf| !leaf.to_string().contains("abababab")), "{imports:?}");
    }
}

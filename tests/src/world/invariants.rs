//! What must hold of every database at the end of every test.

use serde_json::Value;

use super::World;

/// Statements that count violations; each must give 0.
const NEVER: &[(&str, &str)] = &[
    ("an outbox message is finished exactly when it is no longer pending",
     "SELECT COUNT(*) FROM outbox WHERE (state = 'pending') <> (finished_at IS NULL)"),
    ("an outbox message was tried before it was finished", "SELECT COUNT(*) FROM outbox WHERE state <> 'pending' AND attempts = 0"),
    ("an outbox message that was given up says why", "SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND last_error IS NULL"),
    ("a message of the outbox knows its state",
     "SELECT COUNT(*) FROM outbox WHERE state NOT IN ('pending', 'acknowledged', 'failed')"),
    ("a kept reply has its audit entry",
     "SELECT COUNT(*) FROM idempotency WHERE NOT EXISTS (SELECT 1 FROM audit_entry WHERE audit_entry.operator = idempotency.operator
        AND audit_entry.action = idempotency.operation AND audit_entry.outcome = 'done')"),
    ("one generation of a key is active",
     "SELECT COUNT(*) FROM (SELECT purpose FROM key_generation WHERE state = 'active' GROUP BY purpose, name, algorithm HAVING COUNT(*) > 1) AS doubled"),
    ("an operator's certificate has its operator",
     "SELECT COUNT(*) FROM certificate WHERE holder_kind = 'operator' AND NOT EXISTS (SELECT 1 FROM operator WHERE operator.id = certificate.holder)"),
    ("a certificate of the platform has its key",
     "SELECT COUNT(*) FROM certificate WHERE holder_kind = 'key' AND NOT EXISTS (SELECT 1 FROM key_generation WHERE kid = certificate.holder)"),
    ("a certificate is there exactly when it is not just planned",
     "SELECT COUNT(*) FROM certificate WHERE state IN ('valid', 'on-hold') AND (der IS NULL OR fingerprint IS NULL)"),
    ("a certificate that is revoked or on hold says since when and why, and no other does",
     "SELECT COUNT(*) FROM certificate WHERE (state IN ('revoked', 'on-hold')) <> (revoked_at IS NOT NULL AND revoked_reason IS NOT NULL)"),
    ("an account that is not closed can be looked up, one that is closed cannot",
     "SELECT COUNT(*) FROM account WHERE (state = 'closed') <> (hkic_index IS NULL)"),
    ("a relying party has one version that holds, and it is the last",
     "SELECT COUNT(*) FROM relying_party p WHERE (SELECT COUNT(*) FROM relying_party_version v WHERE v.relying_party = p.id
        AND v.valid_to IS NULL AND v.version = p.version AND v.state = p.state) <> 1
      OR (SELECT COUNT(*) FROM relying_party_version v WHERE v.relying_party = p.id) <> p.version"),
    ("a service has one version that holds",
     "SELECT COUNT(*) FROM service s WHERE (SELECT COUNT(*) FROM service_version v WHERE v.service = s.code AND v.valid_to IS NULL) <> 1"),
    ("a version ends after it began", "SELECT COUNT(*) FROM service_version WHERE valid_to <= valid_from"),
    ("service codes are dense", "SELECT COUNT(*) FROM (SELECT MAX(code) AS last, COUNT(*) AS number FROM service) AS codes WHERE last <> number"),
    ("a suspended relying party says why", "SELECT COUNT(*) FROM relying_party WHERE state = 'suspended' AND suspended_reason IS NULL"),
    ("a suspended account says since when", "SELECT COUNT(*) FROM account WHERE (state = 'suspended') <> (suspended_since IS NOT NULL)"),
];

impl World {
    /// Holds the database to the invariants, seals, and verifies the log without the server.
    ///
    /// # Panics
    /// With the invariant that is broken.
    pub(super) async fn judge(&self) {
        for (invariant, violations) in NEVER {
            assert_eq!(self.number(violations).await, 0, "broken: {invariant}");
        }
        self.columns_agree_with_leaves().await;
        self.seal().await;
        let verdict = self.stored_log().await.verdict(None);
        assert!(verdict.ok, "the audit log does not verify: {:?}", verdict.first_bad);
        let entries = self.number("SELECT COUNT(*) FROM audit_entry").await;
        assert_eq!(verdict.tree_size, u64::try_from(entries).unwrap(), "an audit entry is not under the last checkpoint");
    }

    /// The columns by which entries are found are copies; the leaf is what counts.
    async fn columns_agree_with_leaves(&self) {
        let rows =
            self.texts("SELECT action || ' ' || operator || ' ' || outcome || ' ' || subject FROM audit_entry ORDER BY id").await;
        for (row, leaf) in rows.iter().zip(self.leaves().await) {
            let word = |path: &str| leaf.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let told = format!("{} {} {} {}", word("/action"), word("/actor/id"), word("/outcome"), word("/subject"));
            assert_eq!(*row, told, "an audit row does not say what its leaf says");
        }
    }
}

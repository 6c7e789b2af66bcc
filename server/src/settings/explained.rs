//! The settings as help and man page list them.

/// One setting: its name as in `NAMES`, its default, and what it may be.
pub struct Explained {
    /// Name.
    pub name: &'static str,
    /// What it is when it is left out.
    pub default: &'static str,
    /// What it says, and its bounds.
    pub meaning: &'static str,
}

impl Explained {
    /// Its name in `iamd.yaml`.
    #[must_use]
    pub fn place(&self) -> String {
        super::place(self.name)
    }
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Explained {
    Explained { name, default, meaning }
}

/// Every setting, in the order of `NAMES`.
pub const EXPLAINED: &[Explained] = &[
    setting("database-url", "SQLite, DIR/iam.db", "postgres://… for PostgreSQL"),
    setting("admin-listen", "127.0.0.1:7443", "operators: address and port"),
    setting("public-listen", "127.0.0.1:8443", "relying parties and apps: address and port"),
    setting("pki-listen", "127.0.0.1:8080", "certificates, lists, OCSP, stamps: address and port"),
    setting("metrics-listen", "127.0.0.1:9464", "metrics and health: address and port"),
    setting("keys-provider", "files", "where private keys are made: files or pkcs11; fixed for good"),
    setting("keys-module", "none", "with pkcs11: whole path of the token's library"),
    setting("keys-token", "none", "with pkcs11: label of the token, at most 32 bytes"),
    setting("keys-pin-file", "none", "with pkcs11: whole path of the file with its user PIN"),
    setting("key-publish-interval", "10m", "from publishing a key to its first use; not below jwksMaxAge"),
    setting("key-drain-interval", "10m", "from a key's last signature to its retirement"),
    setting("jwks-max-age", "5m", "how long a relying party may keep the key set"),
    setting("crl-next-update", "72h", "how long a revocation list is good; 24h to 168h"),
    setting("key-rotate-after", "8760h", "when a key without certificate is due; above both intervals"),
    setting("disk-reserve-mib", "64", "free MiB below which the node is not ready"),
    setting("outbound-ca-file", "none", "PEM file of further authorities for relying parties' servers"),
    setting("immigration-department-url", "none", "its records, https; a sandbox has immd-sim"),
    setting("immigration-department-ca-file", "none", "authority of its servers, PEM"),
    setting("immigration-department-certificate-file", "none", "what it issued to us, PEM"),
    setting("immigration-department-key-file", "none", "the key of that, PEM, mode 0600"),
    setting("surge-at-work", "64", "requests of one relying party at work at once; 1 to 4096"),
    setting("surge-waiting", "256", "requests of one relying party that wait; 0 to 65536"),
    setting("surge-wait", "2s", "how long they wait before 429; at most 10s"),
    setting("surge-registrations", "30", "by phones of one source in 10 minutes"),
    setting("surge-registrations-in-all", "600", "by phones of all sources in 10 minutes"),
    setting("statistics-disclosure-threshold", "10", "published tables leave out fewer people; 1 to 1000"),
];

/// A line a setting, for the help.
#[must_use]
pub fn lines() -> String {
    let lines = EXPLAINED.iter().map(|it| format!("  {:<19} {} [default: {}]\n", it.place(), it.meaning, it.default));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{File, NAMES, Settings, Source};

    #[test]
    fn every_setting_is_explained_in_its_order() {
        assert_eq!(EXPLAINED.iter().map(|it| it.name).collect::<Vec<_>>(), NAMES);
        assert!(lines().lines().all(|line| line.chars().count() <= 99));
    }

    #[test]
    fn the_defaults_are_those_that_are_told() {
        let dir = std::path::Path::new("DIR");
        let settled = |source: Source| Settings::settle(dir, &source, &Source::new(), &File::default()).unwrap();
        let said = EXPLAINED.iter().filter(|it| it.default.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(settled(said.map(|it| (it.name, it.default.to_owned())).collect()), settled(Source::new()));
    }
}

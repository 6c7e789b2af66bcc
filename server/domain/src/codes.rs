//! Every code that the rules of this crate answer with, and what to do about it: what `iamctl explain` lists.

/// A stable, dotted code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Code {
    /// `account.closed`.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub mend: &'static str,
}

/// The entry of a code.
pub fn explained(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code == code)
}

const fn entry(code: &'static str, meaning: &'static str, mend: &'static str) -> Code {
    Code { code, meaning, mend }
}

const PRINTED: &str = "type it again as it is printed";
const NAME_AGAIN: &str = "type the name again, without text copied from elsewhere";

/// All of them, in the order of their names.
pub const CODES: &[Code] = &[
    entry(
        "account.channel-tier",
        "that registration channel cannot give that tier",
        "iam-smart-plus is given at a kiosk, a counter or by a mobile team",
    ),
    entry("account.closed", "the account is closed, which is final", "the person registers anew and gets another account"),
    entry(
        "account.location-channel",
        "another registration channel is at that place",
        "each place has one channel: see the list of locations, fixtures/locations.yaml",
    ),
    entry(
        "account.location-missing",
        "that registration channel needs a place",
        "give the id of a place in fixtures/locations.yaml",
    ),
    entry("account.location-unexpected", "a remote registration has no place", "leave the location out"),
    entry(
        "account.location-unknown",
        "there is no such place of registration",
        "give the id of a place in fixtures/locations.yaml",
    ),
    entry("account.suspended", "the account is suspended", "the citizen registers again, at any place of registration"),
    entry("cert.expired", "the certificate has expired", "nothing is to be done: nobody accepts it"),
    entry(
        "cert.key-revoked",
        "a certificate over the key was revoked, or is on hold: the key is not certified again",
        "make a new key and a new request",
    ),
    entry("cert.no-hold", "a certificate is put on hold by suspending its account", "give another reason"),
    entry("cert.revoked", "the certificate is revoked already", "'iamctl cert show SERIAL' says when and why"),
    entry("cert.state", "the certificate is in another state than the step wants", "see 'iamctl cert show SERIAL'"),
    entry(
        "credential.certificate",
        "the file is not a certificate in PEM",
        "name a file that begins with -----BEGIN CERTIFICATE-----",
    ),
    entry(
        "credential.empty",
        "the credential names neither a file nor an address",
        "add 'file: NAME', relative to the manifest, or 'url: https://…'",
    ),
    entry("credential.file", "that is no name of a file", "add 'file: NAME', relative to the manifest"),
    entry(
        "credential.jwks",
        "the file is not a set of public keys",
        "an object with a list 'keys' of at least one key is wanted",
    ),
    entry("credential.key-type", "a key is of a type that is not used here", "make an EC (P-256) or RSA (3072) key"),
    entry(
        "credential.kind",
        "the credential's content is not of its kind, or it has both a file and an address",
        "let 'kind' say what the file holds; leave the file or the address out",
    ),
    entry(
        "credential.private-key",
        "a private key or secret is in a file that is sent to others",
        "take it as leaked: make a new key and list its public half only",
    ),
    entry(
        "credential.revoked",
        "the credential was revoked, which is final",
        "take it out of the manifest, and bring a key that was never revoked",
    ),
    entry(
        "credential.too-many-keys",
        "a key set has at most 20 keys, a relying party at most 20 keys, certificates and addresses of key sets",
        "list the keys that are in use; 'iamctl rp credential revoke' ends one",
    ),
    entry(
        "credential.url",
        "the platform fetches no key set from that address",
        "give an https address with a host name, exactly as it is served; a sandbox also takes http://127.0.0.1:PORT",
    ),
    entry(
        "field.form",
        "a text is not of the form that its field wants",
        "the message says the form; 'iamctl explain' shows an example",
    ),
    entry("field.missing", "a field that must be there is missing", "add it; 'iamctl explain' lists the fields"),
    entry("field.range", "a number is too small or too large", "the message says the limit"),
    entry("field.type", "a value is of another type than its field", "put texts in quotes, lists in [ ]"),
    entry("field.unknown", "there is no such field", "look for a slip of the pen; nothing unknown is passed over"),
    entry("field.word", "a word is not on the list of its field", "'iamctl explain' lists the words"),
    entry(
        "hkic.check-character",
        "the check character does not belong to the number: a digit or letter was mistyped",
        "compare it with the card, digit by digit",
    ),
    entry("hkic.empty", "no HKIC number was given", "type it as on the card, such as G123456(A)"),
    entry(
        "hkic.shape",
        "one or two letters, six digits and a check character are wanted",
        "type it as on the card; brackets, spaces and capitals do not matter",
    ),
    entry("id.client", "not a client id", "write the party and the service joined by a dot"),
    entry("id.kid", "not a key id", "copy it from 'iamctl key list'"),
    entry("id.serial", "not a serial number", "up to 40 hex digits; 'iamctl cert list' shows them"),
    entry("id.slug", "not an id", "2 to 64 of a-z, 0-9 and single hyphens, a letter first and no hyphen last"),
    entry("id.uuid", "not a UUID", "copy it from where it was printed"),
    entry(
        "key.activation-too-early",
        "relying parties would not know the key yet",
        "leave out '--activate'; for a key that somebody else has: 'iamctl key rotate --emergency --reason key-compromise'",
    ),
    entry(
        "key.activation-too-late",
        "a key is not published more than a year before it signs",
        "give a nearer time; 'iamctl key calendar' has the dates that are recommended",
    ),
    entry("key.no-hold", "certificates are put on hold, keys are not", "give another reason"),
    entry(
        "key.plan-activated",
        "the new key of the rotation signs already",
        "nothing goes back to the old key; 'iamctl key rotate' makes another one",
    ),
    entry(
        "key.plan-held",
        "relying parties are not ready for the new key",
        "wait until they are; or '--override --reason TEXT', with 'key resume PLAN' or with 'key rotate --activate now'",
    ),
    entry("key.plan-lapsed", "the plan was not run in time, or another took its place", "make a new one: 'iamctl key plan'"),
    entry("key.plan-state", "the rotation is in another state than the verb wants", "see 'iamctl key plan PLAN'"),
    entry(
        "key.plan-working",
        "work that the new key needs is not finished",
        "wait: it goes on by itself; 'iamctl key plan PLAN' shows how far it is",
    ),
    entry("key.retired", "the key is retired", "rotate to make a new one"),
    entry("key.revoked", "the key is revoked", "rotate to make a new one"),
    entry(
        "key.rotation-in-progress",
        "a rotation of that line is under way, perhaps another operator's",
        "see 'iamctl key plan --list'; 'iamctl key abort PLAN' calls it off before the new key signs",
    ),
    entry("key.state", "the key is in another state than the verb wants", "see 'iamctl key show'"),
    entry("key.still-draining", "tokens that the key signed still live", "wait, or revoke it when it has leaked"),
    entry("manifest.duplicate", "something stands twice", "remove the second"),
    entry("manifest.email", "not an email address", "write it as name@host"),
    entry("manifest.industry-missing", "a private relying party needs an industry", "add 'industry: insurance' or another"),
    entry("manifest.industry-unexpected", "only private relying parties have an industry", "leave it out"),
    entry("manifest.list-too-long", "a list has more entries than are taken", "the message says how many; leave the others out"),
    entry("manifest.no-services", "a relying party has at least one service", "add it under 'services'"),
    entry("manifest.synthetic", "made-up parties and services are for sandbox instances", "apply it to a sandbox"),
    entry("manifest.too-many-services", "a relying party has at most 500 services", "divide it by department"),
    entry("name.bidi", "the name holds a character that turns the direction of writing", NAME_AGAIN),
    entry("name.confusable", "the name looks like another one", "choose a name that an eye can tell apart"),
    entry("name.control", "the name holds a control character, perhaps a tab", NAME_AGAIN),
    entry("name.empty", "the name is empty", "give one"),
    entry("name.noncharacter", "the name holds a code point that is no character", NAME_AGAIN),
    entry("name.private-use", "the name holds a character that means something only by private agreement", NAME_AGAIN),
    entry("name.spacing", "the name begins or ends with a space, or has two in a row", "remove the spaces"),
    entry("name.too-long", "the name has more than 250 characters", "shorten it"),
    entry("name.zero-width", "the name holds an invisible character", NAME_AGAIN),
    entry("phone.empty", "no phone number was given", "write it as +85291234567"),
    entry("phone.no-country-code", "the phone number has no country code", "write it as +85291234567"),
    entry("phone.shape", "not a phone number", "+ and 8 to 15 digits, such as +85291234567"),
    entry("population.days", "the population's days are no span that can be", "end after the launch, at most five years later"),
    entry("population.function", "the service does not have that function", "use the functions of its manifest"),
    entry(
        "population.hkic",
        "the card numbers are not within QA to QZ, or too few",
        "write { first: QA, last: QZ }: issued to nobody",
    ),
    entry("population.hours", "a day has 24 hours", "one share for each hour from 00 to 23, Hong Kong time"),
    entry("population.level", "a profile is zero where uses are wanted, or far too high", "give the months of use a level"),
    entry("population.location", "there is no such place, or another channel is there", "use the ids of fixtures/locations.yaml"),
    entry("population.missing", "a part of the description is missing", "add it; compare fixtures/population/lcq5.yaml"),
    entry("population.months", "a month is missing, twice or too many", "list every month from launch to asAt, in order"),
    entry("population.names", "there are too few names to draw from", "add some; compare fixtures/population/lcq5.yaml"),
    entry("population.nobody", "nobody is left to use anything", "choose a larger scale, or suspend fewer"),
    entry("population.part-of", "a part is more than its whole", "make it smaller"),
    entry("population.party", "a synthetic service belongs to no synthetic party", "add the party to syntheticParties"),
    entry("population.phone", "there are more people than phone numbers", "give the range more digits"),
    entry("population.profile", "there is no such profile", "use a name that stands under profiles"),
    entry("population.scale", "the scale is not a part of a population", "give a number above 0 and at most 1, such as 0.01"),
    entry("population.service", "there is no such service here", "apply the manifests first: 'iamctl rp apply -f DIR'"),
    entry("population.shares", "shares do not sum to 1000", "shares are per mille"),
    entry("population.since", "a service begins outside the population's days", "begin between launch and asAt"),
    entry("population.span", "from and to are no span", "write the smaller first"),
    entry(
        "population.sum",
        "the months do not sum to the accounts ever made",
        "registered and closed together are what the months sum to",
    ),
    entry("population.too-many", "more than any population has", "check the number for a slip"),
    entry("population.weights", "nothing has a weight", "give one of them a weight above 0"),
    entry("profile.birth-date", "the date of birth cannot be", "compare it with the card"),
    entry("profile.card-issued", "the card's date of issue cannot be", "compare it with the card"),
    entry("profile.name", "the name holds what a name cannot hold", NAME_AGAIN),
    entry("redirect-uri.character", "the address holds a space, a control character or a backslash", "write it without"),
    entry("redirect-uri.fragment", "the address has a fragment", "leave out the # and what follows"),
    entry("redirect-uri.ip-literal", "the address has an IP address for a host", "write the host's name"),
    entry(
        "redirect-uri.normal-form",
        "the address could be written otherwise, and addresses are compared exactly",
        "write it as the hint says",
    ),
    entry("redirect-uri.not-a-uri", "not an absolute address", "write it as https://host/path"),
    entry("redirect-uri.port", "an address of a developer's own machine needs a port", "write it as http://127.0.0.1:PORT/path"),
    entry("redirect-uri.private-host", "the host means something only inside a network", "write a name that is known everywhere"),
    entry(
        "redirect-uri.scheme",
        "the address is not https",
        "write https; a sandbox also takes http://127.0.0.1:PORT and http://localhost:PORT",
    ),
    entry("redirect-uri.too-long", "the address is longer than 2 000 characters", "shorten it"),
    entry("redirect-uri.userinfo", "the address has a user name or password", "leave out what stands before the @"),
    entry("redirect-uri.wildcard", "the address has a wildcard", "list every address in full"),
    entry("reference.character", "the reference has a character that references do not use", PRINTED),
    entry(
        "reference.check-character",
        "a character of the reference was misread or mistyped",
        "ask for it again, in groups of three",
    ),
    entry("reference.shape", "not a reference of that kind", PRINTED),
    entry(
        "registration.device-key",
        "the device's key was bound to an account before",
        "let the app make a new key, and bind that one",
    ),
    entry("registration.state", "the registration is over, or no device is waited for", "begin another registration"),
    entry("request.claims", "more is released than the service asked for", "release what is listed in the request, or less"),
    entry("request.expired", "the request was not answered in time", "the service asks again"),
    entry(
        "request.not-found",
        "there is no such request for this citizen",
        "scan the code again, or type the one that the screen shows now",
    ),
    entry("request.over", "the request is decided, withdrawn or ended already", "the service asks again"),
    entry("rp.not-suspended", "the relying party is not suspended", "nothing is left to do; see 'iamctl rp show'"),
    entry("rp.retired", "the relying party is retired, which is final", "bring the organisation back under another id"),
    entry("rp.suspended", "the relying party is suspended already", "nothing is left to do; see 'iamctl rp history'"),
    entry("service.category-missing", "a service of a government or public party needs a category", "add 'category: ID'"),
    entry(
        "service.ciba-notification",
        "'ciba: ping' and 'cibaNotificationUri' belong together",
        "add what is missing, or write 'ciba: poll' without an address",
    ),
    entry("service.fapi2-constraint", "a fapi2 client's tokens are bound to it", "write 'senderConstraint: dpop' or mtls"),
    entry(
        "service.fapi2-secret",
        "a fapi2 client does not authenticate with a secret",
        "write 'clientAuthentication: private_key_jwt'",
    ),
    entry("service.form-fields", "form fields without the function form-filling", "add the function, or leave the fields out"),
    entry("service.no-functions", "a service has at least one function", "add 'functions: [authentication]'"),
    entry("service.offline-access", "the scope offline_access without 'offlineAccess: true'", "add it, or leave the scope out"),
    entry("service.scope", "not a scope", "one word of visible ASCII characters without quotes and backslashes"),
    entry("service.since", "the year of 'since' is a slip", "write the first day of the service"),
    entry("time.day", "not a date", "write it as 2022-05-31"),
    entry("time.month", "not a month", "write it as 2022-05"),
    entry("time.no-such-day", "there is no such day in the calendar", "look at the month's length"),
    entry("time.timestamp", "not a time", "write it as 2022-05-31T23:59:59+08:00"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The sources that make codes, without their tests.
    const SOURCES: &[&str] = &[
        include_str!("account.rs"),
        include_str!("catalogue.rs"),
        include_str!("certificate.rs"),
        include_str!("citizen_request.rs"),
        include_str!("credential.rs"),
        include_str!("finding.rs"),
        include_str!("hkic.rs"),
        include_str!("ids.rs"),
        include_str!("key.rs"),
        include_str!("key_set.rs"),
        include_str!("manifest/check.rs"),
        include_str!("manifest/uri.rs"),
        include_str!("person.rs"),
        include_str!("phone.rs"),
        include_str!("population/findings.rs"),
        include_str!("population/findings/people.rs"),
        include_str!("population/plan.rs"),
        include_str!("population/scale.rs"),
        include_str!("reference.rs"),
        include_str!("registering.rs"),
        include_str!("relying_party.rs"),
        include_str!("rotation.rs"),
        include_str!("text.rs"),
        include_str!("time.rs"),
    ];

    /// Codes of rules that no verb asks yet: upgrading, registering again, taking a suspension back. They are explained when the
    /// program can answer with them.
    const NO_VERB_YET: [&str; 3] = ["account.already-plus", "account.not-suspended", "account.reversal-window"];

    #[test]
    fn every_code_in_the_sources_is_explained_and_no_other() {
        let families: BTreeSet<&str> = CODES.iter().filter_map(|entry| Some(entry.code.split_once('.')?.0)).collect();
        let is_code = |text: &&str| {
            text.split_once('.').is_some_and(|(family, rest)| {
                families.contains(family)
                    && !rest.is_empty()
                    && rest.bytes().all(|b| b.is_ascii_lowercase() || b"0123456789-".contains(&b))
            })
        };
        let used: BTreeSet<&str> = SOURCES
            .iter()
            .flat_map(|source| source.split("#[cfg(test)]").take(1))
            .flat_map(|source| source.split('"').skip(1).step_by(2))
            .filter(is_code)
            .filter(|code| !NO_VERB_YET.contains(code))
            .collect();
        let explained: BTreeSet<&str> = CODES.iter().map(|entry| entry.code).collect();
        assert_eq!(used, explained);
    }

    #[test]
    fn each_code_stands_once_in_order() {
        assert!(CODES.is_sorted_by(|one, other| one.code < other.code));
        assert_eq!(explained("account.closed").map(|entry| entry.code), Some("account.closed"));
        assert_eq!(explained("no.such"), None);
        for entry in CODES {
            assert!(!entry.meaning.ends_with('.') && !entry.mend.ends_with('.'), "fragments: {}", entry.code);
        }
    }
}

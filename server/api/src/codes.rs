//! Every stable code that a command can answer with, and what to do about it: what `iamctl explain errors` lists. The codes
//! of the rules stand beside the rules, in `domain::codes`; a test of the command line holds both lists against the sources.

pub use domain::codes::Code;

/// Every code, by name.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<&Code> = domain::codes::CODES.iter().chain(CODES).collect();
    all.sort_by_key(|entry| entry.code);
    all
}

/// The entry of a code.
#[must_use]
pub fn explained(code: &str) -> Option<&'static Code> {
    domain::codes::explained(code).or_else(|| CODES.iter().find(|entry| entry.code == code))
}

const fn entry(code: &'static str, meaning: &'static str, mend: &'static str) -> Code {
    Code { code, meaning, mend }
}

const ENROL_AGAIN: &str =
    "ask an administrator for a new enrolment code ('iamctl operator add' for the same id), then 'iamctl enrol'";
const SAME_KEY: &str = "give the same command with the same --idempotency-key: it is done at most once";
const LOOK_AGAIN: &str = "look again at how things stand, then decide anew";
const WRITE_OUT: &str = "write the value out at each place";

const FRESH_SANDBOX: &str = "begin with a fresh sandbox: iamd init --environment sandbox";

/// The codes of the server, of the certificate requests and of the command line.
pub const CODES: &[Code] = &[
    // Server: who is let in.
    entry("auth.certificate-missing", "no operator certificate was presented", "choose the right context, or 'iamctl enrol'"),
    entry("auth.certificate-unknown", "the certificate is not on record here, although its issuer is", ENROL_AGAIN),
    entry("auth.certificate-revoked", "the certificate has been revoked", ENROL_AGAIN),
    entry("auth.certificate-expired", "the certificate has expired", ENROL_AGAIN),
    entry(
        "auth.operator-disabled",
        "the operator is shut out at present",
        "an administrator can let them in: 'iamctl operator enable'",
    ),
    entry("auth.role", "none of the operator's roles may do this", "'iamctl explain OPERATION' names the roles that may"),
    entry(
        "approval.second-administrator",
        "severe verbs wait until a second administrator has enrolled",
        "'iamctl operator add' with the role administrator, then 'iamctl enrol' by that person",
    ),
    entry(
        "enrol.code",
        "the enrolment code is wrong, used up or too old",
        "ask for a new one: 'iamctl operator add' for the same id",
    ),
    // Server: the request.
    entry(
        "request.invalid",
        "the request is not of the operation's form",
        "'iamctl explain OPERATION' shows its fields; compare the versions",
    ),
    entry("request.too-large", "the request is larger than any of ours", "use iamctl, which divides large files into batches"),
    entry("request.stalled", "the request did not arrive in time; nothing was changed", "try again; see what the network does"),
    entry("request.cut", "the request ended before its body did; nothing was changed", "try again"),
    entry("request.dry-run", "the header Dry-Run is neither true nor false", "send 'Dry-Run: true' or leave it out"),
    entry("operation.not-found", "there is no such operation", "'iamctl explain operations' lists them; compare the versions"),
    entry("operation.method", "operations are asked for by POST", "use iamctl, or POST /admin/v1/NAME"),
    entry("idempotency.missing", "a write came without an idempotency key", "use iamctl, or send the header Idempotency-Key"),
    entry("idempotency.key", "the idempotency key is not of its form", "8 to 128 characters out of A-Z a-z 0-9 . _ : -"),
    entry("idempotency.conflict", "the idempotency key was used for another request", "leave the key out, or use a new one"),
    entry("page.after", "the list cannot go on after that row", "give --after what an earlier page of the same list gave"),
    entry(
        "calendar.days",
        "the days of the calendar are the wrong way round, or too many",
        "give --from and --to, at most ten years apart",
    ),
    // Server: things.
    entry(
        "account.already-registered",
        "the HKIC number has another registration already",
        "one person has one account; see 'iamctl account show' for the one there is",
    ),
    entry("account.batch", "the batch of an import is not of its form", "use iamctl, which divides a file into batches"),
    entry(
        "account.call-required",
        "a hotline agent suspends in an open call of their own",
        "'iamctl hotline open', then --call CALL; a supervisor needs none",
    ),
    entry("account.note", "the note is too long or holds what cannot be printed", "at most 500 characters, typed by hand"),
    entry("account.note-missing", "the reason 'other' needs a note that says more", "add --note TEXT"),
    entry(
        "account.registration-differs",
        "the registration is there already, with another tier, place or phone; an import registers and corrects nothing",
        "'iamctl account show' says what is on record; compare it with the source, and take the row out of the file",
    ),
    entry(
        "account.registered-at",
        "the time of registration lies in the future, or before the platform was opened on 2020-12-29",
        "compare it with the source, and the clocks of both machines",
    ),
    entry("account.rows", "rows of the batch break a rule; nothing of it was registered", "mend the fields that are named"),
    entry(
        "account.synthetic",
        "a simulated citizen's HKIC number on a production instance",
        "simulated citizens exist on sandbox instances only: look at the context",
    ),
    entry("call.closed", "the call is closed", "'iamctl hotline open' opens another"),
    entry("call.not-yours", "the call was opened by another agent", "'iamctl hotline open' opens your own, or ask a supervisor"),
    entry("call.too-many-found", "too many accounts are on that phone number", "ask the caller for the HKIC number"),
    entry("account.not-found", "there is no such account", "read the reference again; 'iamctl hotline find' finds the caller"),
    entry("audit-entry.not-found", "there is no such audit entry", "'iamctl audit list' shows the entries"),
    entry("call.not-found", "there is no such call", "read the reference again, or 'iamctl hotline open'"),
    entry("job.over", "the job has ended already", "'iamctl job list' shows how"),
    entry("job.kind", "this version of iamd does not know that kind of job", "compare the versions of the nodes"),
    entry("population.accounts", "there are accounts already", FRESH_SANDBOX),
    entry("population.loaded", "a population was loaded before", FRESH_SANDBOX),
    entry(
        "population.part",
        "part of another population is loaded",
        "give the same file, scale and seed to go on, or begin with a fresh sandbox",
    ),
    entry("population.production", "synthetic people exist on sandbox instances only", "make a sandbox instance"),
    entry("population.space", "there is not room enough for the population", "free some space, or choose a smaller --scale"),
    entry("population.taken", "a card number of the population was registered by hand meanwhile", FRESH_SANDBOX),
    entry("population.under-way", "a population is being loaded", "'iamctl job wait JOB'"),
    entry("job.not-found", "there is no such job", "'iamctl job list' shows the jobs"),
    entry("authority.not-found", "there is no such authority", "'iamctl key list --purpose issuing-ca' shows them"),
    entry(
        "holder.not-found",
        "nobody of that name holds, or could hold, a certificate",
        "an operator, a relying party, an account or a key is wanted; 'iamctl cert list' shows the holders",
    ),
    entry("certificate.not-found", "there is no such certificate", "'iamctl cert list' shows the certificates"),
    entry(
        "ca.not-found",
        "there is no authority, or revocation list, of that name",
        "GET /ca/ and GET /crl/ on the pki listener list what there is",
    ),
    entry("cert.account", "the account may not sign", "an active iam-smart-plus account has a signing certificate"),
    entry("cert.authority", "the certificate is an authority's", "'iamd ca revoke', where the root's key is at hand"),
    entry("cert.in-use", "the platform uses the certificate itself", "rotate its key first"),
    entry(
        "cert.issuer-expired",
        "the authority has ended, and issues nothing",
        "'iamctl key rotate --purpose issuing-ca' makes the next one; look at the clock, too",
    ),
    entry("cert.key-in-use", "the key is certified for somebody else", "make a new key and a new request"),
    entry("cert.own", "the certificate is the one that the caller came with", "ask another key officer"),
    entry("cert.party-retired", "the relying party is retired", "a retired party gets no certificate"),
    entry("cert.renewed-otherwise", "such certificates are renewed in another way", "the hint says how"),
    entry("cert.unreadable", "that is no certificate", "give certificates alone, PEM or DER"),
    entry("cert.validity", "no certificate of that length is given", "--validity shortens: leave it out for the usual life"),
    entry("key.not-found", "there is no such key", "'iamctl key list' shows the keys"),
    entry("operator.not-found", "there is no such operator", "'iamctl operator list' shows the operators"),
    entry("relying-party.not-found", "there is no such relying party", "'iamctl rp list' shows the parties"),
    entry("service.not-found", "there is no such service", "'iamctl service list' shows the services"),
    entry(
        "key.no-emergency",
        "a key of that purpose cannot be withdrawn in one moment",
        "'iamctl key rotate --activate now' replaces it as soon as that can be",
    ),
    entry(
        "key.purpose",
        "keys of that purpose are not rotated by this operation",
        "'iamctl explain key.rotate' names the purposes",
    ),
    entry("key.line", "the purpose has no line of that name", "'iamctl key list --purpose PURPOSE' shows what there is"),
    entry(
        "key.override",
        "the reason for going on holds what a line of text cannot",
        "write it in a line, without control or invisible characters",
    ),
    entry("key.ack", "no key is named", "name its id, or the rotation: '--kid KID' or '--plan PLAN'"),
    entry(
        "key.not-shown",
        "the key is not in the key set that relying parties fetch",
        "'iamctl key list --purpose token-signing' shows which are",
    ),
    entry("rotation.not-found", "there is no such rotation", "'iamctl key plan --list' shows them"),
    entry("client.not-found", "there is no such client", "a client is RP.SERVICE; 'iamctl rp show' lists the services"),
    entry("key.algorithm", "the purpose has no key of that algorithm", "'iamctl key list --purpose PURPOSE' shows what there is"),
    entry("ocsp.garbage", "that is no OCSP request", "see RFC 6960 section 4.1.1 and appendix A.1"),
    entry(
        "clock.doubted",
        "the server's clock may have jumped, or was turned back: nothing that is dated is signed by it",
        "set the clock right; after more than a day switched off, restart with 'iamd serve --clock-is-right'",
    ),
    entry("tsa.garbage", "that is no time-stamp request", "see RFC 3161 section 2.4.1; 'openssl ts -query' makes one"),
    entry(
        "operator.exists",
        "the operator is on record under another name or with other roles",
        "give the name and roles on record for a new code, or take another id",
    ),
    entry(
        "operator.last-administrator",
        "the last administrator cannot be shut out",
        "put another administrator on record first",
    ),
    entry("operator.self", "nobody shuts themselves out", "another administrator can"),
    entry("operator.name", "the name cannot stand in a certificate", "1 to 64 characters, none of them invisible"),
    entry("operator.roles", "an operator has at least one role", "add --role ROLE"),
    // Server: relying parties.
    entry(
        "rp.name-confusable",
        "the organisation's name looks like that of another relying party",
        "choose a name that an eye can tell apart, or apply it under that party's id",
    ),
    entry("rp.reason", "the reason cannot be kept", "one line of 1 to 500 characters, none of them invisible"),
    entry("credential.alg", "the key is for an algorithm that is not used here", "sign with ES256 (EC) or PS256 (RSA)"),
    entry(
        "credential.content",
        "a credential's file was named and not sent",
        "use iamctl, which reads the file and sends it along",
    ),
    entry("credential.duplicate-key", "a key stands twice", "remove the second"),
    entry("credential.duplicate-kid", "two keys have one kid", "give each its own, or leave the kid out"),
    entry("credential.key", "the key cannot be read", "make an EC key on P-256 or an RSA key of 3072 bits"),
    entry(
        "credential.key-known",
        "others have the private half of the key: it is printed in a standard, or was reported as leaked and is blocked",
        "take it out and make a new key",
    ),
    entry(
        "credential.key-of-another-party",
        "the key is, or was, another relying party's",
        "make a key of its own for each party",
    ),
    entry("credential.expired", "the credential would have ended already", "give a later end, or a new certificate"),
    entry(
        "credential.label",
        "a label is too long or holds what cannot be printed",
        "give a short text, typed by hand: at most 100 characters",
    ),
    entry(
        "key-set.address",
        "the machine behind the address of a key set is one that is not asked: private, local, reserved",
        "serve it from an address on the internet; 'iamctl rp credential list' shows the fault",
    ),
    entry(
        "key-set.answer",
        "what is served at the address is no key set: another status, content type or encoding, or too large",
        "serve it with status 200, as application/json, not compressed, at most 256 KiB",
    ),
    entry(
        "key-set.redirect",
        "the address leads on too often, or to where nobody is asked",
        "serve the key set at the address itself",
    ),
    entry(
        "key-set.unreachable",
        "nobody answers at the address of a key set, or nobody who is trusted",
        "see that the address is right, and its certificate; 'outboundCaFile' in iamd.yaml adds authorities",
    ),
    entry("credential.not-found", "there is no such credential", "'iamctl rp credential list' shows the credentials"),
    entry("credential.note", "the note is too long or holds what cannot be printed", "at most 500 characters, typed by hand"),
    entry("credential.kid", "the kid cannot be used", "1 to 128 visible characters, or none: the thumbprint is taken then"),
    entry("credential.too-large", "the credential's file is too large", "list the keys that are in use"),
    entry("credential.use", "the key is not for signing", "list signing keys only: 'use' is 'sig'"),
    entry("credential.weak-key", "somebody else can compute the private half of the key", "make a new key with a current tool"),
    entry("stats.as-at-before-launch", "the day lies before the platform's first", "give a day from its launch on"),
    entry("stats.as-at-future", "the day has not ended yet", "give a day that has ended, Hong Kong time"),
    entry(
        "stats.known-at-future",
        "nothing has been recorded on that day yet",
        "give a day that has ended, or leave --known-at out",
    ),
    entry("stats.month-before-launch", "the month lies before the platform's first", "give a month from its launch on"),
    entry("stats.month-future", "the month has not begun yet", "give a month that has begun"),
    entry("stats.months-order", "the first month lies after the last", "exchange --from and --to"),
    entry("stats.limit", "so many rows are not given", "give --limit from 1 on"),
    entry("overview.days", "so many days are not given", "1 to 400 days"),
    // Server: its surroundings.
    entry("internal", "the server failed", "its log has the cause under the request id"),
    entry(
        "store.unavailable",
        "the database cannot be reached; nothing was changed",
        "try again; 'iamctl doctor' shows when it is back",
    ),
    entry("store.not-confirmed", "the database went away while it was writing", SAME_KEY),
    entry(
        "keys.token-unavailable",
        "the token that holds the signing keys is away, does not answer or refuses the PIN; nothing was signed",
        "'iamctl doctor' says what is the matter; try again when the token is back",
    ),
    entry("store.storage", "the disk refuses; nothing was changed", "free or remount the disk; the server goes on by itself"),
    entry("store.contended", "somebody else changed the same thing at the same moment; nothing was changed", "try again"),
    entry("store.unique", "somebody else was faster; nothing was changed", LOOK_AGAIN),
    // Certificate requests.
    entry("csr.not-a-csr", "the text is no certificate request", "send one PKCS#10 request, PEM or DER"),
    entry("csr.encoding", "the request is not well encoded", "make it anew with a current tool"),
    entry("csr.too-large", "the request is larger than 64 KiB", "send one request only"),
    entry("csr.proof-of-possession", "the request is not signed by its own key", "make it anew with the key that it is for"),
    entry("csr.signature-hash", "the request is signed with an old hash", "sign it with SHA-256 or better"),
    entry("csr.key-type", "the key is of a type that is not used here", "make an EC P-256 or RSA 3072 key"),
    entry("csr.curve", "the key is on a curve that is not used here", "make a key on P-256 or P-384"),
    entry("csr.point", "the key is no point of its curve", "make a new key with a current tool"),
    entry("csr.rsa-size", "the RSA key has a wrong size", "2048, 3072 or 4096 bits"),
    entry("csr.rsa-exponent", "the RSA key has an unsafe exponent", "use 65537"),
    entry("csr.rsa-close-primes", "the RSA key's primes are too close: it can be factored", "make a new key with a current tool"),
    entry("csr.rsa-small-factor", "the RSA key has a small factor", "make a new key with a current tool"),
    entry("csr.rsa-roca", "the RSA key comes from a generator known to be weak (ROCA)", "make a new key with a current tool"),
    entry("csr.key-blocked", "the key is known to others", "make a new key"),
    entry("csr.ca-requested", "the request asks to become an authority", "leave CA:TRUE and keyCertSign out"),
    entry("csr.san", "the request asks for a wildcard or an IP address", "leave it out; names come from our records"),
    entry("csr.extension", "the request has a critical extension that is not known", "leave it out"),
    entry("csr.name", "a name in the request holds control, NUL or bidi characters", "leave them out"),
    // Command line: reaching the server.
    entry(
        "server.unreachable",
        "no connection came about; nothing was sent",
        "see that the server runs; 'iamctl doctor' looks at each step",
    ),
    entry("server.not-confirmed", "a write was sent and no answer came", SAME_KEY),
    entry("server.no-answer", "no answer came", "try again; --timeout SECONDS waits longer"),
    entry(
        "server.reply",
        "the answer is not of this contract",
        "see that the address is an admin listener; compare the versions",
    ),
    entry(
        "tls.wrong-ca",
        "the server's certificate does not lead to the context's CA",
        "compare the CA file with the server's: it may be another server",
    ),
    entry(
        "tls.server-time",
        "the server's certificate is past or before its time",
        "compare the clocks; 'iamd check' on the server",
    ),
    entry("tls.wrong-host", "the server's certificate is for another host", "use the address that the certificate names"),
    entry("tls.certificate-expired", "the operator's certificate has expired", ENROL_AGAIN),
    entry("tls.certificate-not-yet-valid", "the operator's certificate is not valid yet", "set this machine's clock, or wait"),
    entry("tls.certificate-foreign", "the operator's certificate is of another instance", "choose the context of this server"),
    entry("tls.certificate-revoked", "the operator's certificate was revoked", ENROL_AGAIN),
    entry(
        "tls.certificate-refused",
        "the server refused the operator's certificate",
        "see 'iamctl context show', or enrol again",
    ),
    entry("tls.protocol", "the two speak no common TLS", "see that the address is an admin listener (TLS 1.3)"),
    entry("request.unwritable", "the request cannot be written", "this is a defect: report it"),
    entry("idempotency-key", "the idempotency key cannot be sent", "8 to 128 characters out of A-Z a-z 0-9 . _ : -"),
    // Command line: contexts.
    entry("context.none", "there is no context yet", "'iamctl context import FILE' or 'iamctl enrol'"),
    entry("context.none-current", "there are several contexts and none is current", "'iamctl context use NAME'"),
    entry("context.unknown", "there is no context of that name", "'iamctl context list' shows them"),
    entry("context.missing", "the context file is not there", "'iamctl context list' shows where it should be"),
    entry("context.invalid", "the context file is not of its form", "import it again, or enrol again"),
    entry("context.config", "config.yaml is not of its form", "mend it, or move it away and import the contexts again"),
    entry("context.exists", "there is a context of that name already", "--name takes another name, --replace its place"),
    entry("context.name", "that cannot be a context's name", "1 to 64 of A-Z a-z 0-9 - _ ., a letter or digit first"),
    entry("context.server", "that is no address of an admin listener", "an address looks like https://127.0.0.1:7443"),
    entry("context.no-home", "there is no home to keep contexts in", "set HOME, or name the file: --context-file FILE"),
    entry("context.key-mode", "others can get at the key file", "chmod 600 FILE; enrol again if others may have read it"),
    entry("context.credential", "the operator's certificate or key cannot be used", "import the context again, or enrol again"),
    entry("context.ca", "the CA certificate cannot be used", "take the CA certificate of the instance anew"),
    // Command line: usage.
    entry("usage", "the command line is not understood", "'--help' shows how it is used"),
    entry("usage.unknown-argument", "there is no such flag", "'--help' lists the flags"),
    entry("usage.unknown-command", "there is no such command", "'iamctl --help' lists the commands"),
    entry("usage.invalid-value", "a value is not of its form", "'--help' shows what is wanted"),
    entry("usage.missing-argument", "something is missing", "'--help' shows what is wanted"),
    entry("usage.missing-command", "no command is given", "'iamctl --help' lists the commands"),
    entry("usage.conflict", "two flags exclude each other", "leave one of them out"),
    entry("usage.column", "there is no such column", "'--columns help' lists them"),
    entry("usage.no-calendar", "the reply has no days", "only 'iamctl key calendar' is printed by '-o ics'"),
    entry("usage.dry-run", "the command has no dry run", "leave --dry-run out"),
    entry("usage.personal-argument", "a personal number was given as an argument", "write '-' and give it on standard input"),
    entry("usage.idempotency-key", "the command makes its own idempotency keys", "leave --idempotency-key out"),
    entry("usage.topic", "there is nothing to explain under that word", "'iamctl explain' lists the topics"),
    entry("confirmation.impossible", "a confirmation is asked for and there is no terminal", "--yes confirms"),
    entry("confirmation.declined", "it was not confirmed; nothing was sent", "give the same command again"),
    entry("input.empty", "standard input holds nothing", "give it on standard input, or type it when asked"),
    entry("input.unreadable", "no answer could be read", "--yes confirms without asking"),
    entry(
        "interrupted",
        "it was interrupted",
        "give the same command again; a write that was under way is named with its way to be repeated",
    ),
    entry("output", "standard output cannot be written", "see that there is room where it goes"),
    entry("dashboard.no-terminal", "the dashboard needs a terminal", "in a script use the commands themselves"),
    entry("dashboard.terminal", "the terminal failed", "see that it is still there, then start again"),
    entry("dashboard.recording", "the recording cannot be written", "name a file in a folder that can be written"),
    entry("dashboard.defect", "a part of the dashboard came down", "report it; the server is not touched by it"),
    // Command line: files.
    entry("file", "a file cannot be read or written", "see its path, owner and mode"),
    entry("file.unreadable", "a file cannot be read", "see its path, owner and mode"),
    entry("file.none", "the folder holds no *.yaml file", "name a file, or another folder"),
    entry("file.several", "one file is wanted", "name one file"),
    entry("file.too-large", "the file is larger than any of ours", "split it; is it the right file?"),
    entry("file.exists", "there is a file of that name", "name another file, or let --force replace it"),
    entry("file.encoding", "the file is not UTF-8", "save it as UTF-8"),
    entry("folder.not-empty", "the folder is not empty", "name a new folder"),
    entry("yaml.syntax", "the file is no YAML", "mend it at the place that is named"),
    entry("yaml.anchor", "anchors are not taken", WRITE_OUT),
    entry("yaml.alias", "aliases are not taken", WRITE_OUT),
    entry("yaml.merge-key", "merge keys are not taken", WRITE_OUT),
    entry("yaml.tag", "tags are not taken", "leave it out; quotes make text"),
    entry("yaml.duplicate-key", "a key stands twice", "leave one of them out"),
    entry("yaml.depth", "the file is nested too deeply", "no file of ours needs more than a few levels"),
    entry("yaml.size", "the file holds more than any of ours", "is it the right file?"),
    entry(
        "manifest.invalid",
        "there are mistakes in manifests; nothing was changed",
        "mend them and give the same command again",
    ),
    entry("manifest.empty", "the file holds no manifest", "'iamctl explain manifest' shows the fields"),
    entry("manifest.too-many", "more manifests than one command takes", "give them in several commands"),
    entry("manifest.duplicate-id", "a party stands twice in the files", "one party has one manifest"),
    entry(
        "population.invalid",
        "there are mistakes in the description of the population; nothing was sent",
        "mend them and give the same command again",
    ),
    entry("import.invalid", "there are bad lines in the file; nothing was sent", "mend them and give the same command again"),
    entry("import.empty", "the file holds no line", "is it the right file?"),
    entry("import.changed", "the file changed while it was read", "give the same command again when nobody writes to it"),
    entry("import.duplicate-field", "a field stands twice in a line", "leave one of them out"),
    entry("import.line", "the line is no JSON object of a registration", "'iamctl explain registration' shows the fields"),
    entry("audit.vkey", "that is no verifier key", "give the line of the file 'vkey', or the file"),
    entry("audit.root", "that is no certificate of a root", "give the certificate of the root, PEM or DER"),
    entry("audit.export", "the folder is no export of an audit log", "'iamctl audit export --to DIR' makes one"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_entry() {
        let all = all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].code, pair[1].code);
        }
        assert!(explained("store.unavailable").is_some());
        assert!(explained("account.closed").is_some());
        assert!(explained("no.such").is_none());
    }
}

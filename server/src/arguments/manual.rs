//! The manual page of `iamd`: its verbs and flags as clap has them, and what no flag says.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::Arguments;
use crate::settings::explained;

/// Writes `iamd.8` into a folder.
///
/// # Errors
/// When it cannot be written.
pub fn write_man(to: &Path) -> anyhow::Result<()> {
    let command = Arguments::command();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let about = about.strip_prefix("The ").unwrap_or(&about);
    let verbs = verbs(&command);
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).section("8").manual("iAM Smart operations").date("");
    man.render_title(&mut page)?;
    page.extend_from_slice(format!(".SH NAME\niamd \\- {about}\n.SH SYNOPSIS\n").as_bytes());
    for (verb, _) in &verbs {
        page.extend_from_slice(format!("\\fBiamd {verb}\\fR [\\fIflags\\fR]\n.br\n").as_bytes());
    }
    page.extend_from_slice(b".SH DESCRIPTION\n");
    page.extend_from_slice(command.get_after_help().map(ToString::to_string).unwrap_or_default().as_bytes());
    page.push(b'\n');
    for (name, verb) in verbs {
        let mut options = Vec::new();
        clap_mangen::Man::new(verb.clone()).render_options_section(&mut options)?;
        let (name, about) = (name.to_uppercase(), verb.get_about().map(ToString::to_string).unwrap_or_default());
        page.extend_from_slice(format!(".SH \"IAMD {name}\"\n{about}.\n").as_bytes());
        // Behind the preamble and the heading, which the page has already.
        let lines = options.split_inclusive(|byte| *byte == b'\n').skip_while(|line| *line != b".SH OPTIONS\n").skip(1);
        page.extend(lines.flatten());
    }
    page.extend_from_slice(b".SH SETTINGS\nIn iamd.yaml; as a variable, crlNextUpdate is IAMD_CRL_NEXT_UPDATE.\n");
    for setting in explained::EXPLAINED {
        let text = format!(".TP\n{}\n{} [default: {}]\n", setting.place(), setting.meaning, setting.default);
        page.extend_from_slice(text.replace('-', "\\-").as_bytes());
    }
    page.extend_from_slice(REST.as_bytes());
    std::fs::write(to.join("iamd.8"), page).with_context(|| format!("cannot write to {}", to.display()))
}

/// The verbs that are shown, each with its name behind `iamd`: `ca issue`.
fn verbs(command: &clap::Command) -> Vec<(String, clap::Command)> {
    let mut all = Vec::new();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_name();
        let within = verb.get_subcommands().filter(|inner| !inner.is_hide_set());
        all.extend(within.map(|inner| (format!("{name} {}", inner.get_name()), inner.clone())));
        if !verb.has_subcommands() {
            all.push((name.to_owned(), verb.clone()));
        }
    }
    all
}

const REST: &str = r#".SH EXIT STATUS
.TP
0
done
.TP
1
failed; 'check' found something wrong
.TP
2
usage, or a setting that is wrong
.TP
9
the database or the token cannot be reached, or the token refused the PIN: try again
.SH FILES
.TP
DIR/iamd.yaml
settings of the node
.TP
DIR/iam.db
the database, unless \-\-database\-url names another
.TP
DIR/key\-encryption.key
the only secret outside the database, mode 0600; without it nothing in the database can be opened
.TP
DIR/first\-operator/context.yaml
the first operator's way in, for 'iamctl context import'
.TP
DIR/anchor.json
how far the node has seen the instance come; a database that is behind it is not served
.TP
DIR/root\-ca.key
the root authority's key: needed by \fBiamd ca issue\fR, \fBcrl\fR and \fBrevoke\fR alone, and to be kept away from the node. Encrypt it with:
openssl pkcs8 \-topk8 \-in root\-ca.key \-out FILE
.TP
root\-ca.records
what the root was about to sign, serial number and digest, before it did: beside its key file; with a token beside the answer, or in DIR
.TP
DIR/restored.json
there from a restore until its proof: the node is not served
.SH BACKUPS
A backup is one encrypted file: the database as it is at one moment (SQLite), the key\-encryption key, the first operator's way in,
the settings, and the anchor: the newest checkpoint of the audit log and the numbers of the revocation lists. It is made while the
node is served or not, and is in the audit log. A certificate to encrypt to is made with:
.PP
.nf
openssl req \-x509 \-newkey ec \-pkeyopt ec_paramgen_curve:P\-384 \-days 3650 \-subj "/CN=Backup keeper" \-keyout keeper.key \-out keeper.crt
.fi
.PP
Its key, which openssl encrypts under a passphrase, is kept away from the node. Without \fB\-\-recipient\fR the backup opens with a
passphrase, which is asked for on the terminal and comes in no other way.
.PP
On PostgreSQL the backup holds all but the database, which PostgreSQL's own tools back up. First the backup, then the dump; and back
first the database, then the backup:
.PP
.nf
iamd backup \-\-data\-dir DIR \-\-to keys.bak \-\-recipient keeper.crt
pg_dump \-\-format=custom \-\-file=iam.dump postgres://iam@db.example/iam
.PP
createdb \-\-template=template0 \-\-encoding=UTF8 \-\-lc\-collate=C \-\-lc\-ctype=C.UTF\-8 iam
pg_restore \-\-exit\-on\-error \-\-no\-owner \-\-dbname=postgres://iam@db.example/iam iam.dump
iamd restore \-\-data\-dir DIR \-\-from keys.bak \-\-key keeper.key
.fi
.PP
A dump from before the backup is refused: the anchor in the backup would be ahead of it. A base backup with archived log, restored to
its end, needs no more than a backup made any time before that end; after each rotation of the key\-encryption key make a new one.
.PP
What was restored is not served before \fBiamd restore \-\-prove\fR has compared it with what the world has seen of the instance: the
newest checkpoint that an auditor has, and the newest revocation list of each authority (relying parties and mirrors keep them). Where
it is behind, it says by how much and stays closed: restore something newer, or answer for the loss with \fB\-\-accept\-loss\fR. Then
whatever the lists name is revoked here, too, the numbers of the next lists jump ahead by a million, so that none is ever given twice,
and the audit log has the loss for ever, as a fork. Where nothing outside was kept, \fB\-\-accept\-loss\fR is the only way. Other nodes
of an instance on PostgreSQL are made again with \fBiamd join\fR.
.PP
A backup remembers whom the instance has forgotten: an account that was closed is open in it, and its data key is there, until the
backup itself is destroyed. Keep none for longer than the erasure of a person may take, and after a restore close again what was closed.
.SH THE ROOT'S KEY
The root certifies issuing authorities, revokes them, and signs its own revocation lists: a year and a month of them at a time, one
for each day. Nothing else needs its key, so it is kept on a machine apart, which needs no database. Files go there and back; nothing
in them is secret, and each is looked at when it arrives:
.PP
.nf
iamctl key rotate \-\-purpose issuing\-ca \-\-line operators        (the key officer begins; the plan says what it waits for)
iamd ca request \-\-data\-dir DIR \-\-to request.json              (at a node)
iamd ca issue \-\-request request.json \-\-root\-key root\-ca.key \-\-to answer.json      (where the root's key is)
iamd ca install \-\-data\-dir DIR \-\-from answer.json             (at a node; it may be serving)
.fi
.PP
The new authority takes over on its date, when it has a responder and a list and what it has issued is proven to verify. The old one
answers for what it has issued until the last of it has ended. \fBiamd ca crl\fR goes the same way before the lists run out:
\fBiamctl doctor\fR, \fB/readyz\fR and the metric \fBiam_root_lists_days\fR say so from 60 days on. \fBiamd ca revoke\fR refuses an
authority from the moment its answer is taken in, with every certificate that it has issued.
.PP
The key may lie in a PKCS#11 token of its own, which is locked away and brought for a moment; so it never leaves that:
.PP
.nf
iamd init … \-\-root\-token root \-\-root\-module /usr/lib/softhsm/libsofthsm2.so
iamd ca issue \-\-request request.json \-\-to answer.json \-\-root\-token root \-\-root\-module /usr/lib/softhsm/libsofthsm2.so
.fi
.PP
Its user PIN is asked for on the terminal, without echo, or read from \fB\-\-root\-pin\-file\fR (mode 0600) or an open file
(\fB\-\-root\-pin\-fd 3\fR and 3<FILE in the shell); it is tried once, and not at all at the token's final try. The key is labelled
INSTANCE/root\-1, unless \fB\-\-root\-label\fR or \fB\-\-root\-id\fR names it; the root's certificate says which of several it is. With
\fB\-\-data\-dir\fR in place of the papers the token is brought to a node.
.PP
Where the other keys lie in a token and \fBiamd init\fR was told neither \fB\-\-root\-token\fR nor \fB\-\-root\-in\-file\fR, the root's key lies in
that token too: \fBiamd ca issue \-\-data\-dir DIR\fR alone signs with it, by the node's own PIN file. On production keep it apart.
.SH KEYS IN A TOKEN
By default every private key lies wrapped in the database, under DIR/key\-encryption.key. With
.PP
.nf
keys:
  provider: pkcs11
  module: /usr/lib/softhsm/libsofthsm2.so
  token: identity
  pinFile: /etc/iam/token.pin
.fi
.PP
the keys of authorities, tokens, revocation answers, time stamps and audit checkpoints are made in a PKCS#11 token and never
leave it. This is decided by 'iamd init' (\-\-keys\-provider and the other flags) for the life of the instance; every node of it
reaches the same token. The key\-encryption key stays a file; the listeners' key, which TLS needs in memory, and the secrets
that sign nothing stay wrapped under it. A checkpoint key does as well where the token makes no Ed25519 keys.
.PP
The PIN file has mode 0600 and one line; a credential of systemd (LoadCredential=token.pin:/etc/iam/token.pin, and pinFile:
/run/credentials/iamd.service/token.pin) is one as well. A PIN that the token refused is not given again until the file holds another one or
iamd is started anew, and none is given at the token's final try, so that nothing here locks it.
.PP
Nobody waits for a signature longer than 5 seconds. While the token is away, what needs a new signature is refused with
keys.token\-unavailable, the audit log is sealed later, and everything else goes on; /readyz, 'iamctl doctor' and the metric
iam_signing_token_up say so, and iamd finds the token by itself when it is back.
.PP
A pair whose generation is retired, revoked or called off is destroyed in the token within seconds, with an entry in the audit log
(key.destroy; found is false where the token had it no more), and 'iamctl key list' names its object no longer. Until then an
authority that drains signs its lists with it.
.PP
A backup does not hold these keys: back the token up by its maker's own means. A token in software to try all this with is
made by 'softhsm2\-util \-\-init\-token \-\-free \-\-label identity', which asks for its PINs.
.SH EXAMPLES
.nf
iamd init \-\-data\-dir ./demo \-\-environment sandbox
iamd serve \-\-data\-dir ./demo
iamd check \-\-data\-dir ./demo
iamd init \-\-data\-dir ./demo \-\-environment sandbox \-\-keys\-provider pkcs11 \-\-keys\-token identity \\
  \-\-keys\-module /usr/lib/softhsm/libsofthsm2.so \-\-keys\-pin\-file /etc/iam/token.pin
iamd join \-\-data\-dir ./node\-2 \-\-database\-url postgres://iam@db.example/iam \-\-key\-file key\-encryption.key
iamd backup \-\-data\-dir ./demo \-\-to /backups/demo\-2026\-11\-22.bak \-\-recipient keeper.crt
iamd restore \-\-data\-dir ./again \-\-from /backups/demo\-2026\-11\-22.bak \-\-key keeper.key
iamd restore \-\-data\-dir ./again \-\-prove \-\-checkpoint export/checkpoints/1234 \-\-crl root\-1.crl \-\-crl operators\-1.crl
.fi
"#;

//! `iamctl cert`.

use std::path::PathBuf;

use api::certificate::IssuedCertificate;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use client::files::Prepared;
use domain::Serial;

use crate::failure::{Failure, NOTHING_SENT};
use crate::files::{apart, public};
use crate::flags::Format;
use crate::noun::noun;
use crate::output::Answer;
use crate::session::Session;

noun! {
    /// Certificates that the platform issues: the inventory, issuing, revoking
    Verbs { List(list), Show(show), Issue(issue), Renew(renew), Revoke(revoke), Check(check) }
}

/// A request out of a file or standard input, looked at here: what is sent is its DER, base64, and nothing else of the file.
pub(crate) async fn request(path: PathBuf) -> Result<String, Failure> {
    let request = apart(move || public::request(&path)).await?;
    Ok(BASE64_STANDARD.encode(request.der()))
}

/// A life such as `90d`, `36h` or `45m`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let wanted = || "a life such as 90d, 36h or 45m is wanted".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wanted)?;
    let unit = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wanted()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|life| *life > 0).ok_or_else(wanted)
}

/// Where the certificate goes, made sure of before anything is asked for: one that was issued and cannot be written down is worse
/// than none.
pub(crate) async fn prepared(out: Option<PathBuf>, force: bool) -> Result<Option<Prepared>, Failure> {
    let Some(out) = out else { return Ok(None) };
    apart(move || {
        if !force && out.symlink_metadata().is_ok() {
            let message = format!("{} is there already", out.display());
            return Err(Failure::usage("file.exists", message).changed(NOTHING_SENT));
        }
        Prepared::at(&out).map(Some).map_err(|fault| Failure::from(fault).changed(NOTHING_SENT))
    })
    .await
}

/// Writes what was issued to the file, where one was named, and says so. People then see the facts alone, programs everything.
fn answer(session: &Session, mut issued: IssuedCertificate, out: Option<Prepared>) -> Result<Answer<IssuedCertificate>, Failure> {
    let Some(out) = out else { return Ok(Answer::one(issued)) };
    let told = put_down(session, &issued.certificate.serial, (&mut issued.pem, &mut issued.chain), out)?;
    Ok(Answer::one(issued).tell(told))
}

/// Writes a certificate and its issuers to the file, and says what is to be told of it.
pub(crate) fn put_down(
    session: &Session,
    serial: &Serial,
    (pem, chain): (&mut Option<String>, &mut Vec<String>),
    out: Prepared,
) -> Result<String, Failure> {
    let place = out.path().display().to_string();
    let Some(own) = pem.as_ref() else { return Ok(format!("a dry run signs nothing: {place} was not written")) };
    let whole: String = std::iter::once(own).chain(chain.iter()).map(|pem| pem.trim_end().to_owned() + "\n").collect();
    out.put(whole.as_bytes()).map_err(|fault| {
        Failure::from(fault)
            .changed("the certificate was issued and is on record")
            .hint(format!("'iamctl cert show {serial}' prints it again"))
    })?;
    if session.flags.output.is_none_or(|format| matches!(format, Format::Table | Format::Wide | Format::Md)) {
        *pem = None;
        chain.clear();
    }
    Ok(format!("the certificate and its issuers are in {place}"))
}

/// `--within DAYS`.
fn days(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "a number of days from 0 on is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_a_unit() {
        assert_eq!(["90d", "36h", "45m", "5s"].map(|life| seconds(life).unwrap()), [7_776_000, 129_600, 2_700, 5]);
        for bad in ["", "d", "90", "0d", "-1d", "1.5d", "1y", "9999999999999999999d", "9天"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}

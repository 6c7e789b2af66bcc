//! What can be told without the server.

use std::path::Path;
use std::time::Duration;

use api::instance::Check;
use client::tls::Credential;
use client::{Context, files, surroundings, times};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509StoreContext};

use super::{bad, bad_of, good};
use crate::failure::Failure;
use crate::session::Session;

/// A certificate that ends sooner is better renewed now.
const SOON: Duration = Duration::from_secs(14 * 86_400);
const ENROL: &str = "ask an administrator for a new enrolment code ('iamctl operator add' for the same id, with the same name and roles), then 'iamctl enrol'";

/// Looks the files over; gives the context when the server can be tried.
pub fn look(session: &Session, checks: &mut Vec<Check>) -> Option<Context> {
    let context = match session.context() {
        Ok((context, by)) => {
            let file = &context.file;
            checks.push(good("context", format!("'{}' ({}): {} as {}", file.name, by.words(), file.server, file.operator)));
            context
        }
        Err(failure) => {
            checks.push(bad_of("context", &failure));
            return None;
        }
    };
    checks.push(font());
    checks.push(modes(&context));
    checks.push(authority(&context));
    let credential = match Credential::of(&context) {
        Ok(credential) => credential,
        Err(error) => {
            checks.push(bad_of("certificate", &Failure::from(error)));
            return None;
        }
    };
    checks.push(validity(&credential));
    checks.push(belongs(&context));
    Some(context)
}

/// Whether a report can be printed as PDF on this machine. Nothing else needs a font, so that none is no fault.
fn font() -> Check {
    match render::Fonts::find(surroundings::report_font().as_deref()) {
        Ok(fonts) => good("font", format!("reports can be printed as PDF, in {}", fonts.name)),
        Err(error) => Check {
            mend: Some("apt-get install fonts-noto-cjk, on a machine that prints reports".to_owned()),
            ..good("font", format!("reports cannot be printed as PDF here: {error}"))
        },
    }
}

fn modes(context: &Context) -> Check {
    let key = context.key();
    match files::loose_mode(&key) {
        Ok(None) => good("files", format!("{} is the owner's alone", key.display())),
        Ok(Some(mode)) => bad(
            "files",
            format!("{} has mode {mode:04o}: others can get at it", key.display()),
            format!("chmod 600 {}; if others may have read it: {ENROL}", key.display()),
        ),
        Err(fault) => bad("files", fault.to_string(), "import the context again, or enrol again"),
    }
}

fn authority(context: &Context) -> Check {
    let path = context.ca();
    match read_pem(&path) {
        Ok(certificates) => match certificates.first() {
            Some(root) => match pki::Certificate::from_x509(root.clone()) {
                Ok(certificate) => {
                    let view = certificate.view();
                    let detail = format!("'{}' until {}", client::safe::visible(&view.subject), times::people(view.not_after));
                    if certificate.is_valid_at(surroundings::now()) {
                        good("ca", detail)
                    } else {
                        bad(
                            "ca",
                            format!("{detail}: not valid now"),
                            "compare this machine's clock; take the CA certificate of the instance anew",
                        )
                    }
                }
                Err(error) => bad("ca", format!("{}: {error}", path.display()), "take the CA certificate of the instance anew"),
            },
            None => bad("ca", format!("{} holds no certificate", path.display()), "take the CA certificate of the instance anew"),
        },
        Err(cause) => bad("ca", format!("{}: {cause}", path.display()), "take the CA certificate of the instance anew"),
    }
}

fn read_pem(path: &Path) -> Result<Vec<X509>, String> {
    let bytes = files::read(path, 256 * 1024).map_err(|fault| fault.cause.to_string())?;
    X509::stack_from_pem(&bytes).map_err(|error| error.to_string())
}

fn validity(credential: &Credential) -> Check {
    let now = surroundings::now();
    let until = times::people(credential.not_after);
    if now > credential.not_after {
        return bad("certificate", format!("expired at {until}"), ENROL);
    }
    if now < credential.not_before {
        return bad(
            "certificate",
            format!("not valid before {}", times::people(credential.not_before)),
            "set this machine's clock; if it is right, wait",
        );
    }
    let left = credential.not_after.saturating_since(now);
    if left < SOON {
        return bad("certificate", format!("ends at {until}, in {}", times::span(left)), ENROL);
    }
    good("certificate", format!("valid until {until}, {} left", times::span(left)))
}

/// Whether the certificate comes from the context's CA and names the context's instance and environment.
fn belongs(context: &Context) -> Check {
    let looked = || -> Result<Check, String> {
        let chain = X509::stack_from_pem(&context.read_certificate().map_err(|error| error.to_string())?)
            .map_err(|error| error.to_string())?;
        let Some(leaf) = chain.first() else { return Err("the file holds no certificate".to_owned()) };
        let (instance, environment) = (client::safe::visible(&context.file.instance), context.file.environment);
        let Some(stamp) = pki::stamp(leaf) else {
            let detail = "the certificate names no instance: it was not issued by an iamd".to_owned();
            return Ok(bad("issuer", detail, "import the context again, or enrol again"));
        };
        if stamp.instance != context.file.instance || environment != stamp.environment {
            let other = client::safe::visible(&stamp.instance);
            let detail = format!(
                "the certificate is of {} instance {other}, the context of {environment} instance {instance}",
                stamp.environment
            );
            return Ok(bad("issuer", detail, "choose the right context ('iamctl context list'), or enrol again"));
        }
        if chain.len() == 1 {
            // The issuer's own certificate is not in the file; the server has it.
            return Ok(good("issuer", format!("of {environment} instance {instance}")));
        }
        let led = leads_to(leaf, &chain, &read_pem(&context.ca())?).map_err(|error| error.to_string())?;
        Ok(match led {
            None => good("issuer", format!("of {environment} instance {instance}, issued under the context's CA")),
            Some(why) => bad(
                "issuer",
                format!("the certificate does not lead to the context's CA: {why}"),
                "import the context again, or enrol again",
            ),
        })
    };
    looked().unwrap_or_else(|cause| bad("issuer", cause, "import the context again, or enrol again"))
}

/// None when the chain is good, else why it is not. Dates are told elsewhere.
fn leads_to(leaf: &X509, chain: &[X509], roots: &[X509]) -> Result<Option<String>, openssl::error::ErrorStack> {
    use openssl::x509::verify::X509VerifyFlags;
    let mut store = X509StoreBuilder::new()?;
    for root in roots {
        store.add_cert(root.clone())?;
    }
    store.set_flags(X509VerifyFlags::NO_CHECK_TIME)?;
    let mut between = Stack::new()?;
    for issuer in chain.iter().skip(1) {
        between.push(issuer.clone())?;
    }
    let mut verify = X509StoreContext::new()?;
    verify.init(&store.build(), leaf, &between, |verify| {
        Ok(if verify.verify_cert()? { None } else { Some(verify.error().error_string().to_owned()) })
    })
}

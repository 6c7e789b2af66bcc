//! What can be known about manifests without the rest of the platform. The command line has checked them already; what comes
//! over the wire is checked again.

use std::collections::HashMap;

use api::Field;
use api::relying_party::MAX_MANIFESTS;
use domain::finding::shortened;
use domain::{Environment, Finding, Manifest, RelyingPartyId};

use crate::credential::named::{NamedCredential, credentials_of};
use crate::failure::Failure;

/// The most mistakes that one answer lists.
const MOST_FINDINGS: usize = 200;

/// Manifests that are right in themselves, one a party, with their keys. Nothing else can be applied.
pub(crate) struct Checked {
    pub(super) parties: Vec<CheckedParty>,
}

/// A manifest that is right in itself.
pub(super) struct CheckedParty {
    pub(super) manifest: Manifest,
    pub(super) credentials: Vec<NamedCredential>,
    pub(super) skeleton_en: String,
    pub(super) skeleton_zh_hant: String,
}

/// Everything that is wrong, each with the place of its manifest in the request.
#[derive(Default)]
pub(super) struct Findings(Vec<(usize, Finding)>);

/// Checks manifests for an instance of that environment. RSA keys take some milliseconds each.
///
/// # Errors
/// [`Failure::Invalid`] with everything that is wrong with all of them.
pub(crate) fn check(environment: Environment, manifests: Vec<Manifest>) -> Result<Checked, Failure> {
    if manifests.len() > MAX_MANIFESTS {
        let message = format!("{} manifests are more than the {MAX_MANIFESTS} that one request takes", manifests.len());
        return Err(Failure::invalid_field("manifest.too-many", "manifests", message));
    }
    let mut findings = Findings::default();
    let mut first: HashMap<RelyingPartyId, usize> = HashMap::new();
    let mut parties = Vec::with_capacity(manifests.len());
    for (place, manifest) in manifests.into_iter().enumerate() {
        if let Some(before) = first.get(&manifest.id) {
            let message = format!("the party '{}' stands at manifests[{before}] already", manifest.id);
            findings.add(place, "id", "manifest.duplicate-id", message, "one party has one manifest");
        } else {
            first.insert(manifest.id.clone(), place);
        }
        let content = manifest.findings(environment);
        let (credentials, more) = credentials_of(&manifest);
        // What the manifest's own rules say about a key is said once.
        let more: Vec<Finding> =
            more.into_iter().filter(|finding| !content.iter().any(|known| known.path.starts_with(&finding.path))).collect();
        findings.0.extend(content.into_iter().chain(more).map(|finding| (place, finding)));
        // A name that is refused is never compared, however long it is.
        let skeleton = |name: &str| domain::check_name(name).map(|()| domain::skeleton(name)).unwrap_or_default();
        parties.push(CheckedParty {
            skeleton_en: skeleton(&manifest.organisation.en),
            skeleton_zh_hant: skeleton(&manifest.organisation.zh_hant),
            manifest,
            credentials,
        });
    }
    findings.into_result()?;
    Ok(Checked { parties })
}

impl Findings {
    pub(super) fn add(&mut self, place: usize, path: &str, code: &'static str, message: String, hint: &str) {
        self.0.push((place, Finding { path: path.to_owned(), code, message, hint: Some(hint.to_owned()) }));
    }

    /// Adds a finding that has its path.
    pub(super) fn push(&mut self, place: usize, finding: Finding) {
        self.0.push((place, finding));
    }

    /// # Errors
    /// [`Failure::Invalid`] when there are any. Its code is theirs when they share one.
    pub(super) fn into_result(self) -> Result<(), Failure> {
        let Some((_, first)) = self.0.first() else { return Ok(()) };
        let code = first.code;
        let code = if self.0.iter().all(|(_, finding)| finding.code == code) { code } else { "manifest.invalid" };
        let message = match self.0.as_slice() {
            [(_, only)] => format!("{}; nothing was changed", only.message),
            many => format!("{} mistakes in the manifests; nothing was changed", many.len()),
        };
        let fields = self.0.into_iter().take(MOST_FINDINGS).map(|(place, finding)| field(place, finding)).collect();
        Err(Failure::Invalid { code, message, fields })
    }
}

fn field(place: usize, finding: Finding) -> Field {
    let dot = if finding.path.is_empty() { "" } else { "." };
    let path = format!("manifests[{place}]{dot}{}", finding.path);
    field_of(Finding { path, ..finding })
}

/// A finding as a problem lists it.
pub(crate) fn field_of(finding: Finding) -> Field {
    Field {
        path: finding.path,
        file: None,
        line: None,
        column: None,
        code: Some(finding.code.to_owned()),
        message: match finding.hint {
            Some(hint) => format!("{}; {hint}", finding.message),
            None => finding.message,
        },
    }
}

impl CheckedParty {
    /// The names with their paths and what an eye sees of them.
    pub(super) fn names(&self) -> [(&'static str, &str, &str); 2] {
        let name = &self.manifest.organisation;
        [("organisation.en", &name.en, &self.skeleton_en), ("organisation.zh-Hant", &name.zh_hant, &self.skeleton_zh_hant)]
    }
}

/// `the name 'X' looks like that of relying party Y ('Z')`.
pub(super) fn looks_like(name: &str, other: &str, other_name: &str) -> String {
    format!("the name '{}' looks like that of relying party {other} ('{}')", shortened(name), shortened(other_name))
}

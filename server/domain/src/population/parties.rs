//! Manifests of the synthetic parties: they join the platform the way every party does.

use super::{Population, SyntheticParty, SyntheticService, SyntheticServices};
use crate::{ApiVersion, Bilingual, ClientId, Manifest, ManifestKind, ServiceManifest};

impl Population {
    /// A manifest for each synthetic party, with its services and without credentials: nobody logs in to them.
    #[must_use]
    pub fn manifests(&self) -> Vec<Manifest> {
        self.synthetic_parties.iter().map(|party| self.manifest(party)).collect()
    }

    fn manifest(&self, party: &SyntheticParty) -> Manifest {
        let groups = self.synthetic_services.iter().filter(|group| group.relying_party == party.id);
        let services = groups.flat_map(|group| {
            group.clients().enumerate().map(|(place, (client, service))| group.manifest(place, &client, service))
        });
        Manifest {
            api_version: ApiVersion::V1,
            kind: ManifestKind::RelyingParty,
            id: party.id.clone(),
            organisation: party.organisation.clone(),
            sector: party.sector,
            industry: party.industry,
            contact: party.contact.clone(),
            services: services.collect(),
            credentials: Vec::new(),
            synthetic: true,
        }
    }
}

impl SyntheticServices {
    fn manifest(&self, place: usize, client: &ClientId, service: &SyntheticService) -> ServiceManifest {
        let number = (place + 1).to_string();
        ServiceManifest {
            id: client.service.clone(),
            name: Bilingual { en: self.name.en.replace("{n}", &number), zh_hant: self.name.zh_hant.replace("{n}", &number) },
            category: self.category,
            functions: self.functions.keys().copied().collect(),
            redirect_uris: vec![format!("https://{}.{}.example/callback", client.service, client.rp)],
            form_fields: self.form_fields.clone(),
            since: service.since,
            client_profile: None,
            client_authentication: None,
            sender_constraint: None,
            scopes: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            ciba: None,
            ciba_notification_uri: None,
            offline_access: false,
            synthetic: true,
        }
    }
}

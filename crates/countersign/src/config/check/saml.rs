//! The rules of SAML providers, and their files under the configuration's directory.

use super::{At, secret_under};
use countersign_identity::{IssuerConfig, MetadataPlace, SamlConfig, check_saml};
use std::path::Path;

impl At<'_> {
    pub(super) fn saml(&mut self, providers: &[SamlConfig], issuers: &[IssuerConfig]) {
        let mut told = Vec::new();
        for fault in check_saml(providers, issuers).err().unwrap_or_default() {
            // Providers of the same name are told apart by who was told already, from the last on:
            // what clashes is told of the later one.
            let same = providers.iter().enumerate().filter(|(_, it)| it.name == fault.issuer);
            let place = same.rev().find(|(place, _)| !told.contains(&(*place, fault.key)));
            let place = place.map_or(0, |(place, _)| place);
            told.push((place, fault.key));
            self.fault(&format!("saml[{place}].{}", fault.key), fault.problem);
        }
    }
}

/// The provider with its files under the configuration's directory.
pub(super) fn under(directory: &Path, mut provider: SamlConfig) -> SamlConfig {
    provider.key = secret_under(directory, provider.key);
    provider.certificate = directory.join(provider.certificate);
    provider.metadata_certificate = provider.metadata_certificate.map(|it| directory.join(it));
    provider.metadata = match provider.metadata {
        MetadataPlace::File(path) => MetadataPlace::File(directory.join(path)),
        MetadataPlace::Url(url) => MetadataPlace::Url(url),
    };
    provider
}

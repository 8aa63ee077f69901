//! Where traces go.

use super::{At, is_this_machine, secret_under};
use crate::config::{
    Otlp,
    raw::{RawConfig, RawOtlp, RawPlainHttp},
};
use countersign_identity::Secret;
use countersign_telemetry::Sample;
use http::HeaderName;
use std::path::Path;
use url::Url;

impl At<'_> {
    /// The collector, if one is named and nothing is wrong with it.
    pub(super) fn telemetry(&mut self, raw: &RawConfig, directory: &Path) -> Option<Otlp> {
        let otlp = raw.telemetry.otlp.as_ref()?;
        let url = self.collector(otlp, raw.plain_http);
        let headers = self.collector_headers(otlp, directory);
        let sample = Sample::new(otlp.sample);
        if sample.is_none() {
            self.fault("telemetry.otlp.sample", "from 0 (none) to 1 (all)");
        }
        let name = otlp.service_name.trim();
        if name.is_empty() || name.len() > super::NAME_BYTES_MAX {
            let most = super::NAME_BYTES_MAX;
            self.fault("telemetry.otlp.service_name", format!("a name of at most {most} bytes"));
        }
        Some(Otlp { url: url?, headers, sample: sample?, service_name: name.to_owned() })
    }

    fn collector(&mut self, otlp: &RawOtlp, plain_http: RawPlainHttp) -> Option<String> {
        let key = "telemetry.otlp.endpoint";
        let url = Url::parse(&otlp.endpoint);
        let url = url.ok().filter(|it| matches!(it.scheme(), "http" | "https") && it.has_host());
        let Some(url) = url else {
            self.fault(key, "a URL such as http://127.0.0.1:4318");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.fault(key, "holds a user name or password; use `telemetry.otlp.headers`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.fault(key, "only scheme, host, port and path");
        }
        let clear = url.scheme() == "http" && !is_this_machine(&url);
        if clear && !otlp.headers.is_empty() && plain_http == RawPlainHttp::LoopbackOnly {
            self.fault(key, "must begin with https:// where headers carry secrets to it");
        }
        Some(format!("{}/v1/traces", url.as_str().trim_end_matches('/')))
    }

    fn collector_headers(&mut self, otlp: &RawOtlp, directory: &Path) -> Vec<(HeaderName, Secret)> {
        let mut headers = Vec::new();
        for (name, secret) in &otlp.headers {
            let own = ["content-type", "content-length", "host", "connection", "transfer-encoding"];
            let read = HeaderName::try_from(name).ok();
            match read.filter(|it| !own.contains(&it.as_str())) {
                Some(read) => headers.push((read, secret_under(directory, secret.clone()))),
                None => {
                    let message = format!("`{name}` is no header that can be set");
                    self.fault("telemetry.otlp.headers", message);
                }
            }
        }
        headers
    }
}

//! The options that change the slices of an import, and so its identity.
//!
//! Slices are deterministic: the same lines under the same options give the same bytes. The origin names exactly these
//! inputs, so that the ledger recognises a repeated import slice by slice, and different imports never share a stream.

use std::collections::BTreeMap;

use anyhow::bail;
use ron_accounting::{
    counters::Label,
    export::Origin,
    normalize::{Normalizer, RouteNormalizer, Verdict},
};

use super::{hash_key::HashKey, reading::Reading, routes::Routes, tenant::Tenants};

/// The version of parser, normalizer and sealing. Raise it whenever the same lines give other slices.
const SHAPE_VERSION: u64 = 4;

/// All options that change the slices of an access log.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) window_ms: u64,
    pub(super) tenants: Tenants,
    pub(super) tenants_max: u32,
    pub(super) service: String,
    pub(super) region: String,
    /// Under which a log is counted once more; empty for the first time.
    pub(super) again_as: String,
    pub(super) reading: Reading,
    pub(super) routes: Routes,
    /// How much memory counts take before the oldest windows are closed.
    pub(super) held_bytes_max: usize,
}

impl Shape {
    /// Returns the options by their names, as one text.
    pub(super) fn options_text(&self) -> String {
        let key = |key: &HashKey| blake3::Hash::from_bytes(key.fingerprint()).to_hex().to_string();
        let (tenant, key) = match &self.tenants {
            Tenants::Fixed(name) => (format!("={name}"), String::new()),
            Tenants::User => ("user".to_owned(), String::new()),
            Tenants::HostHash(hash_key) => ("host-hash".to_owned(), key(hash_key)),
            Tenants::UserHash(hash_key) => ("user-hash".to_owned(), key(hash_key)),
            Tenants::Vhost => ("vhost".to_owned(), String::new()),
            Tenants::Field(name) => (name.to_string(), String::new()),
        };
        let mut options = BTreeMap::from([
            ("--again-as", self.again_as.clone()),
            ("--hash-key-file", key),
            ("--region", self.region.clone()),
            ("--service", self.service.clone()),
            ("--tenant", tenant),
            ("--tenants-max", self.tenants_max.to_string()),
            ("--window", format!("{}ms", self.window_ms)),
            ("memory", self.held_bytes_max.to_string()),
            ("version", SHAPE_VERSION.to_string()),
        ]);
        options.extend(self.reading.options());
        options.extend(self.routes.options());
        // A map of texts can always be written.
        serde_json::to_string(&options).unwrap_or_default()
    }

    /// Returns the origin of a pass over a part of an access log. `content` is the log up to the end of the part, which begins at
    /// byte `start`. The first pass is 0.
    pub(super) fn origin(&self, content: &blake3::Hash, start: u64, pass: u64) -> Origin {
        let mut hasher = blake3::Hasher::new_derive_key("ron-accounting import 2026 origin");
        hasher.update(content.as_bytes());
        hasher.update(&start.to_le_bytes());
        hasher.update(&pass.to_le_bytes());
        hasher.update(self.options_text().as_bytes());
        let mut origin = [0; 16];
        hasher.finalize_xof().fill(&mut origin);
        Origin::from_bytes(origin)
    }
}

/// Returns a label from the command line as it will be counted, so that two ways to write it are one import.
pub(super) fn checked_label(
    normalizer: &RouteNormalizer,
    label: Label,
    option: &str,
    raw: &str,
) -> anyhow::Result<String> {
    let mut settled = String::new();
    if let Verdict::Replaced(reason) = normalizer.normalize(label, raw, &mut settled) {
        bail!("{option} cannot be a label: it is {}; choose another name", reason.as_str());
    }
    Ok(settled)
}

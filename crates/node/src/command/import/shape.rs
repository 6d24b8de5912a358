//! The options that change the slices of an import, and so its identity.
//!
//! Slices are deterministic: the same lines under the same options give the same bytes. The origin names exactly these
//! inputs, so that the ledger recognises a repeated import slice by slice, and different imports never share a stream.

use anyhow::bail;
use ron_accounting::{
    counters::Label,
    export::Origin,
    normalize::{Normalizer, RouteNormalizer, Verdict},
};

use super::{reading::Reading, routes::Routes, tenant::Tenants};

/// The version of parser, normalizer and sealing. Raise it whenever the same lines give other slices.
const SHAPE_VERSION: u64 = 3;

/// All options that change the slices of an access log.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) window_ms: u64,
    pub(super) tenants: Tenants,
    pub(super) tenants_max: u32,
    pub(super) service: String,
    pub(super) region: String,
    pub(super) reading: Reading,
    pub(super) routes: Routes,
    /// How much memory counts take before the oldest windows are closed.
    pub(super) held_bytes_max: usize,
}

impl Shape {
    /// Returns the origin of a pass over an access log with this content; the first pass is 0.
    pub(super) fn origin(&self, content: &blake3::Hash, pass: u64) -> Origin {
        let mut hasher = blake3::Hasher::new_derive_key("ron-accounting import 2026 origin");
        // Each field with its length: no two lists of fields are the same bytes.
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(&SHAPE_VERSION.to_le_bytes());
        field(content.as_bytes());
        field(&pass.to_le_bytes());
        field(&(self.held_bytes_max as u64).to_le_bytes());
        field(&self.window_ms.to_le_bytes());
        match &self.tenants {
            Tenants::Fixed(name) => {
                field(b"fixed");
                field(name.as_bytes());
            }
            Tenants::User => field(b"user"),
            Tenants::HostHash(key) => {
                field(b"host-hash");
                field(&key.fingerprint());
            }
            Tenants::UserHash(key) => {
                field(b"user-hash");
                field(&key.fingerprint());
            }
            Tenants::Vhost => field(b"vhost"),
            // Its name is among the options of the reading.
            Tenants::Field => field(b"field"),
        }
        field(&self.tenants_max.to_le_bytes());
        field(self.service.as_bytes());
        field(self.region.as_bytes());
        for option in self.reading.options().into_iter().chain(self.routes.options()) {
            field(option.as_bytes());
        }
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

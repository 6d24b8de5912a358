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

use super::tenant::Tenants;
use crate::access_log::Format;

/// The version of parser, normalizer and sealing. Raise it whenever the same lines give other slices.
const SHAPE_VERSION: u64 = 1;

/// All options that change the slices of an access log.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) window_ms: u64,
    pub(super) tenants: Tenants,
    pub(super) service: String,
    pub(super) region: String,
    pub(super) format: Format,
    pub(super) normalizer: RouteNormalizer,
}

impl Shape {
    /// Returns the origin of an access log with this content.
    pub(super) fn origin(&self, content: &blake3::Hash) -> Origin {
        let mut hasher = blake3::Hasher::new_derive_key("ron-accounting import 2026 origin");
        // Each field with its length: no two lists of fields are the same bytes.
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(&SHAPE_VERSION.to_le_bytes());
        field(content.as_bytes());
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
        }
        field(self.service.as_bytes());
        field(self.region.as_bytes());
        field(self.format.name().as_bytes());
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

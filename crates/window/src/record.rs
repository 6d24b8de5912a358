//! Snapshots as they are serialized: owned, and tolerant of what other versions write.

use std::collections::BTreeMap;

use ron_accounting_core::AccountKey;
use serde::{Deserialize, Serialize, Serializer};

use crate::Snapshot;

/// A [`Snapshot`] as it is serialized. Unknown fields are ignored, absent ones are empty.
///
/// ```
/// let json = r#"{"version":1,"window_ms":60000,"start_ms":0,"entries":[
///     {"tenant":"acme","route":"/v1/feed","counts":{"requests":3},"a_later_field":true}]}"#;
/// let record: ron_accounting_window::SnapshotRecord = serde_json::from_str(json)?;
/// assert_eq!(record.entries[0].counts["requests"], 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SnapshotRecord {
    /// See [`Snapshot::version`].
    pub version: u64,
    /// See [`Snapshot::window_ms`].
    pub window_ms: u64,
    /// See [`Snapshot::start_ms`].
    pub start_ms: u64,
    /// The entries.
    pub entries: Vec<EntryRecord>,
}

/// An entry of a [`SnapshotRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EntryRecord {
    /// The tenant.
    pub tenant: String,
    /// The method. Absent for an account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The route. Absent for an account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// The service. Absent for an account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// The region. Absent for an account.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// The account. Absent for a label set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountKey>,
    /// The counts that are not zero, by dimension.
    pub counts: BTreeMap<String, u64>,
}

impl From<&Snapshot> for SnapshotRecord {
    fn from(snapshot: &Snapshot) -> Self {
        let entries = snapshot.entries().map(|entry| {
            let labels = entry.labels().unwrap_or_default();
            EntryRecord {
                tenant: entry.tenant().into(),
                method: labels.method.into(),
                route: labels.route.into(),
                service: labels.service.into(),
                region: labels.region.into(),
                account: entry.account(),
                counts: entry.counts().map(|(name, count)| (name.to_owned(), count)).collect(),
            }
        });
        Self {
            version: snapshot.version,
            window_ms: snapshot.window_ms,
            start_ms: snapshot.start_ms,
            entries: entries.collect(),
        }
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SnapshotRecord::from(self).serialize(serializer)
    }
}

//! Formats of stored counters: bincode, JSON, or a format of your own.
//!
//! A counter contains its version and a checksum in each format that uses serde. Without serde,
//! [`SingleEventCounter::to_bytes`] and [`SingleEventCounter::from_bytes`] do the same.

#[cfg(feature = "serde-bincode")]
mod bincode;
#[cfg(feature = "serde-json")]
mod json;

#[cfg(feature = "serde-bincode")]
pub use bincode::BincodeFormat;
#[cfg(feature = "serde-json")]
pub use json::JsonFormat;

use crate::{Result, SingleEventCounter};

/// Turns counters into bytes and back.
///
/// ```
/// use ron_accounting_events::{storage::MemoryStorage, EventStore, Formatter, Result, SingleEventCounter};
///
/// struct Plain;
///
/// impl Formatter for Plain {
///     fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
///         Ok(value.to_bytes())
///     }
///
///     fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
///         SingleEventCounter::from_bytes(bytes)
///     }
/// }
///
/// let store = EventStore::builder().with_storage(MemoryStorage::new()).with_format(Plain).build()?;
/// # Ok::<(), ron_accounting_events::Error>(())
/// ```
pub trait Formatter: Send + Sync {
    /// Returns the counter as bytes.
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>>;

    /// Returns the counter that [`Formatter::serialize`] wrote. Should return
    /// [`Error::Serialization`](crate::Error::Serialization) if the bytes are damaged.
    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter>;

    /// Returns the extension of files in this format, with its dot. Empty by default.
    fn extension(&self) -> &'static str {
        ""
    }
}

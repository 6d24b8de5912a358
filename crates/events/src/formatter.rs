//! How a counter becomes bytes: bincode, JSON, or a format of your own.
//!
//! With serde, a counter brings its version and checksum into any format; without it, so do
//! [`SingleEventCounter::to_bytes`] and [`SingleEventCounter::from_bytes`].

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
    /// The counter as bytes.
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>>;

    /// The counter that [`Formatter::serialize`] wrote. Bytes that are damaged should be an
    /// [`Error::Serialization`](crate::Error::Serialization).
    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter>;

    /// The extension of files in this format, with its dot. None where nothing is said.
    fn extension(&self) -> &'static str {
        ""
    }
}

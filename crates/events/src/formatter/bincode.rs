//! Counters as bincode.

use super::Formatter;
use crate::{Error, Result, SingleEventCounter};

/// Bincode, which is compact and fast. It is the default of a store with feature `serde-bincode`.
///
/// A counter is one byte string in binary formats. So little of bincode is needed: the length as a little-endian `u64`, then
/// the bytes.
#[derive(Debug, Clone, Copy)]
pub struct BincodeFormat;

impl Formatter for BincodeFormat {
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
        let bytes = value.to_bytes();
        let mut encoded = (bytes.len() as u64).to_le_bytes().to_vec();
        encoded.extend_from_slice(&bytes);
        Ok(encoded)
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
        let counter =
            bytes.split_first_chunk().filter(|(len, rest)| u64::from_le_bytes(**len) == rest.len() as u64);
        let (_, counter) = counter.ok_or_else(|| {
            Error::Serialization(format!(
                "stored counter is damaged: its length is not that of its {} bytes",
                bytes.len()
            ))
        })?;
        SingleEventCounter::from_bytes(counter)
    }

    fn extension(&self) -> &'static str {
        ".bin"
    }
}

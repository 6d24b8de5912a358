//! Counters as JSON.

use super::Formatter;
use crate::{Error, Result, SingleEventCounter};

/// JSON, which people can read, for debugging and inspection.
#[derive(Debug, Clone, Copy)]
pub struct JsonFormat;

impl Formatter for JsonFormat {
    fn serialize(&self, value: &SingleEventCounter) -> Result<Vec<u8>> {
        serde_json::to_vec(value).map_err(|error| Error::Serialization(error.to_string()))
    }

    fn deserialize(&self, bytes: &[u8]) -> Result<SingleEventCounter> {
        serde_json::from_slice(bytes).map_err(|error| Error::Serialization(error.to_string()))
    }

    fn extension(&self) -> &'static str {
        ".json"
    }
}

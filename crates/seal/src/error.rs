//! Why a stream was not sealed.

use ron_ledger_wire::{EncodeError, StreamId};

/// A stream could not be sealed. Its counts stay in the engine and go out with a later slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream {stream} could not be sealed, its counts wait for the next boundary")]
#[non_exhaustive]
pub struct SealError {
    /// The stream.
    pub stream: StreamId,
    /// Why the encoder refused it.
    pub source: EncodeError,
}

#[cfg(test)]
mod tests {
    use ron_accounting_error_contract::assert_with_cause;
    use ron_ledger_wire::Origin;

    use super::*;

    #[test]
    fn every_error_leaves_its_cause_to_its_source() {
        let stream = StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests");
        assert_with_cause(&SealError { stream, source: EncodeError::GenesisLink });
    }
}

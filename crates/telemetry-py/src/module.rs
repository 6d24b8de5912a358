//! The native module. Python users import the package around it.

/// The classes of `ron_accounting_telemetry`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::{
        counters::TelemetryCounters,
        errors::{
            CiphertextTooShort, DataVanished, DataWithoutFrames, DigestWithoutTerminator, MissingOverhead,
            MissingTerminator, OutputLength, SanityError, StageOverlapError, StagesExceedElapsed,
        },
        snapshot::TelemetrySnapshot,
        stage::Stage,
        stage_times::StageTimes,
        timer::{StageGuard, TelemetryTimer},
    };
}

"""What a pipeline that compresses and encrypts did, and how long each stage took.

The classes, their fields and their values are those of the Rust crate of the same name.
"""

from ._native import (
    CiphertextTooShort,
    DataVanished,
    DataWithoutFrames,
    DigestWithoutTerminator,
    MissingOverhead,
    MissingTerminator,
    OutputLength,
    SanityError,
    Stage,
    StageGuard,
    StageOverlapError,
    StagesExceedElapsed,
    StageTimes,
    TelemetryCounters,
    TelemetrySnapshot,
    TelemetryTimer,
)

__all__ = [
    "CiphertextTooShort",
    "DataVanished",
    "DataWithoutFrames",
    "DigestWithoutTerminator",
    "MissingOverhead",
    "MissingTerminator",
    "OutputLength",
    "SanityError",
    "Stage",
    "StageGuard",
    "StageOverlapError",
    "StageTimes",
    "StagesExceedElapsed",
    "TelemetryCounters",
    "TelemetrySnapshot",
    "TelemetryTimer",
]

//! Errors as exceptions: one class per rule of the Rust crate, with its values as attributes.

use pyo3::{
    create_exception,
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use ron_accounting_telemetry as rust;

create_exception!(
    ron_accounting_telemetry,
    StageOverlapError,
    PyRuntimeError,
    "A stage began while another one of the same timer ran, or ended without having begun."
);
create_exception!(
    ron_accounting_telemetry,
    SanityError,
    PyValueError,
    "A rule that a snapshot breaks. Each rule is a subclass; its values are attributes."
);
create_exception!(
    ron_accounting_telemetry,
    DataWithoutFrames,
    SanityError,
    "Bytes of data come in data frames. Attribute: bytes."
);
create_exception!(
    ron_accounting_telemetry,
    DataVanished,
    SanityError,
    "Something does not become nothing. Attributes: bytes_plaintext, bytes_compressed, bytes_ciphertext."
);
create_exception!(
    ron_accounting_telemetry,
    CiphertextTooShort,
    SanityError,
    "Encryption never shortens. Attributes: bytes_compressed, bytes_ciphertext."
);
create_exception!(
    ron_accounting_telemetry,
    MissingTerminator,
    SanityError,
    "A stream with data ends with a terminator. Attribute: frames_data."
);
create_exception!(
    ron_accounting_telemetry,
    DigestWithoutTerminator,
    SanityError,
    "A stream has at most one digest and exactly one terminator. Attributes: frames_digest, frames_terminator."
);
create_exception!(
    ron_accounting_telemetry,
    MissingOverhead,
    SanityError,
    "A terminator or digest frame takes bytes. Attribute: frames."
);
create_exception!(
    ron_accounting_telemetry,
    OutputLength,
    SanityError,
    "The output is as long as the encrypted stream or the plaintext. Attributes: bytes_output, encrypted, plaintext."
);
create_exception!(
    ron_accounting_telemetry,
    StagesExceedElapsed,
    SanityError,
    "A worker is in one stage at a time. Attributes: stages_ns, elapsed_ns, workers."
);

/// Makes the exception for a violation.
pub(crate) fn sanity(py: Python<'_>, violation: rust::SanityError) -> PyResult<PyErr> {
    let message = violation.to_string();
    let (error, values) = match violation {
        rust::SanityError::DataWithoutFrames { bytes } => {
            (DataWithoutFrames::new_err(message), vec![("bytes", bytes)])
        }
        rust::SanityError::DataVanished { bytes_plaintext, bytes_compressed, bytes_ciphertext } => (
            DataVanished::new_err(message),
            vec![
                ("bytes_plaintext", bytes_plaintext),
                ("bytes_compressed", bytes_compressed),
                ("bytes_ciphertext", bytes_ciphertext),
            ],
        ),
        rust::SanityError::CiphertextTooShort { bytes_compressed, bytes_ciphertext } => (
            CiphertextTooShort::new_err(message),
            vec![("bytes_compressed", bytes_compressed), ("bytes_ciphertext", bytes_ciphertext)],
        ),
        rust::SanityError::MissingTerminator { frames_data } => {
            (MissingTerminator::new_err(message), vec![("frames_data", frames_data)])
        }
        rust::SanityError::DigestWithoutTerminator { frames_digest, frames_terminator } => (
            DigestWithoutTerminator::new_err(message),
            vec![("frames_digest", frames_digest), ("frames_terminator", frames_terminator)],
        ),
        rust::SanityError::MissingOverhead { frames } => {
            (MissingOverhead::new_err(message), vec![("frames", frames)])
        }
        rust::SanityError::OutputLength { bytes_output, encrypted, plaintext } => (
            OutputLength::new_err(message),
            vec![("bytes_output", bytes_output), ("encrypted", encrypted), ("plaintext", plaintext)],
        ),
        rust::SanityError::StagesExceedElapsed { stages_ns, elapsed_ns, workers } => (
            StagesExceedElapsed::new_err(message),
            vec![("stages_ns", stages_ns), ("elapsed_ns", elapsed_ns), ("workers", u64::from(workers))],
        ),
        // This binding does not know the rule yet.
        _ => (SanityError::new_err(message), Vec::new()),
    };
    for (name, value) in values {
        error.value(py).setattr(name, value)?;
    }
    Ok(error)
}

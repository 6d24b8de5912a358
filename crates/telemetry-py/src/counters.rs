//! Frames and bytes.

use pyo3::{
    prelude::*,
    types::{PyDict, PyType},
};
use ron_accounting_telemetry as rust;

use crate::dictionary::{constructor, from_dict, repr, to_dict, Reduced};

/// Frames and bytes of a run, or of a part of it. Sums saturate at 2**64 - 1.
#[pyclass(module = "ron_accounting_telemetry", eq)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TelemetryCounters(pub(crate) rust::TelemetryCounters);

#[pymethods]
impl TelemetryCounters {
    #[new]
    #[pyo3(signature = (*, frames_data=0, frames_terminator=0, frames_digest=0, bytes_plaintext=0, bytes_compressed=0, bytes_ciphertext=0, bytes_overhead=0))]
    #[allow(clippy::too_many_arguments)] // Keywords in Python.
    fn new(
        frames_data: u64,
        frames_terminator: u64,
        frames_digest: u64,
        bytes_plaintext: u64,
        bytes_compressed: u64,
        bytes_ciphertext: u64,
        bytes_overhead: u64,
    ) -> Self {
        Self(rust::TelemetryCounters {
            frames_data,
            frames_terminator,
            frames_digest,
            bytes_plaintext,
            bytes_compressed,
            bytes_ciphertext,
            bytes_overhead,
        })
    }

    /// Frames that carry data.
    #[getter]
    fn frames_data(&self) -> u64 {
        self.0.frames_data
    }

    #[setter]
    fn set_frames_data(&mut self, frames: u64) {
        self.0.frames_data = frames;
    }

    /// Frames that end a stream.
    #[getter]
    fn frames_terminator(&self) -> u64 {
        self.0.frames_terminator
    }

    #[setter]
    fn set_frames_terminator(&mut self, frames: u64) {
        self.0.frames_terminator = frames;
    }

    /// Frames that carry a digest of the stream.
    #[getter]
    fn frames_digest(&self) -> u64 {
        self.0.frames_digest
    }

    #[setter]
    fn set_frames_digest(&mut self, frames: u64) {
        self.0.frames_digest = frames;
    }

    /// Bytes of data before compression.
    #[getter]
    fn bytes_plaintext(&self) -> u64 {
        self.0.bytes_plaintext
    }

    #[setter]
    fn set_bytes_plaintext(&mut self, bytes: u64) {
        self.0.bytes_plaintext = bytes;
    }

    /// Bytes of data after compression and before encryption.
    #[getter]
    fn bytes_compressed(&self) -> u64 {
        self.0.bytes_compressed
    }

    #[setter]
    fn set_bytes_compressed(&mut self, bytes: u64) {
        self.0.bytes_compressed = bytes;
    }

    /// Bytes of data after encryption, with the cipher's tags.
    #[getter]
    fn bytes_ciphertext(&self) -> u64 {
        self.0.bytes_ciphertext
    }

    #[setter]
    fn set_bytes_ciphertext(&mut self, bytes: u64) {
        self.0.bytes_ciphertext = bytes;
    }

    /// Bytes of the encrypted stream that carry no data.
    #[getter]
    fn bytes_overhead(&self) -> u64 {
        self.0.bytes_overhead
    }

    #[setter]
    fn set_bytes_overhead(&mut self, bytes: u64) {
        self.0.bytes_overhead = bytes;
    }

    /// Counts the header of a stream, of so many bytes.
    fn add_header(&mut self, bytes: usize) {
        self.0.add_header(bytes);
    }

    /// Counts a data frame that was compressed and encrypted.
    #[pyo3(signature = (*, plaintext, compressed, ciphertext, overhead))]
    fn add_encrypt_data(&mut self, plaintext: usize, compressed: usize, ciphertext: usize, overhead: usize) {
        self.0.add_encrypt_data(rust::FrameBytes { plaintext, compressed, ciphertext, overhead });
    }

    /// Counts a data frame that was decrypted and decompressed.
    #[pyo3(signature = (*, plaintext, compressed, ciphertext, overhead))]
    fn add_decrypt_data(&mut self, plaintext: usize, compressed: usize, ciphertext: usize, overhead: usize) {
        self.0.add_decrypt_data(rust::FrameBytes { plaintext, compressed, ciphertext, overhead });
    }

    /// Counts the frame that ends a stream, of so many bytes.
    fn add_terminator(&mut self, bytes: usize) {
        self.0.add_terminator(bytes);
    }

    /// Counts the frame with the stream's digest, of so many bytes.
    fn add_digest(&mut self, bytes: usize) {
        self.0.add_digest(bytes);
    }

    /// Adds the counters of another worker.
    fn merge(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<()> {
        // Copied first: both may be the same object.
        let other = other.try_borrow()?.0;
        slf.try_borrow_mut()?.0.merge(&other);
        Ok(())
    }

    fn __iadd__(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<()> {
        Self::merge(slf, other)
    }

    /// Returns the fields with their values, in the order of the Rust crate.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.0)
    }

    /// Makes counters of a dictionary that to_dict returned.
    #[classmethod]
    fn from_dict(_class: &Bound<'_, PyType>, fields: &Bound<'_, PyDict>) -> PyResult<Self> {
        from_dict(fields).map(Self)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr("TelemetryCounters", &self.to_dict(py)?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, (Bound<'py, PyDict>,)>> {
        Ok((constructor(slf, "from_dict")?, (slf.try_borrow()?.to_dict(slf.py())?,)))
    }
}

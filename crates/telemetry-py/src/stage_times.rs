//! The time of each stage.

use pyo3::{
    prelude::*,
    types::{PyDict, PyType},
};
use ron_accounting_telemetry as rust;

use crate::{
    dictionary::{constructor, from_dict, repr, to_dict, Reduced},
    stage::Stage,
};

/// The time that each stage took, in whole nanoseconds. Sums saturate at 2**64 - 1.
#[pyclass(module = "ron_accounting_telemetry", eq)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct StageTimes(pub(crate) rust::StageTimes);

#[pymethods]
impl StageTimes {
    #[new]
    #[pyo3(signature = (*, read_ns=0, compress_ns=0, encrypt_ns=0, decrypt_ns=0, decompress_ns=0, write_ns=0))]
    fn new(
        read_ns: u64,
        compress_ns: u64,
        encrypt_ns: u64,
        decrypt_ns: u64,
        decompress_ns: u64,
        write_ns: u64,
    ) -> Self {
        let mut times = rust::StageTimes::default();
        times.add_ns(rust::Stage::Read, read_ns);
        times.add_ns(rust::Stage::Compress, compress_ns);
        times.add_ns(rust::Stage::Encrypt, encrypt_ns);
        times.add_ns(rust::Stage::Decrypt, decrypt_ns);
        times.add_ns(rust::Stage::Decompress, decompress_ns);
        times.add_ns(rust::Stage::Write, write_ns);
        Self(times)
    }

    /// The time of Stage.READ.
    #[getter]
    fn read_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Read)
    }

    /// The time of Stage.COMPRESS.
    #[getter]
    fn compress_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Compress)
    }

    /// The time of Stage.ENCRYPT.
    #[getter]
    fn encrypt_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Encrypt)
    }

    /// The time of Stage.DECRYPT.
    #[getter]
    fn decrypt_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Decrypt)
    }

    /// The time of Stage.DECOMPRESS.
    #[getter]
    fn decompress_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Decompress)
    }

    /// The time of Stage.WRITE.
    #[getter]
    fn write_ns(&self) -> u64 {
        self.0.get_ns(rust::Stage::Write)
    }

    /// Returns the time of a stage.
    fn get_ns(&self, stage: Stage) -> u64 {
        self.0.get_ns(stage.into())
    }

    /// Adds to the time of a stage.
    fn add_ns(&mut self, stage: Stage, ns: u64) {
        self.0.add_ns(stage.into(), ns);
    }

    /// Returns the time of all stages together.
    fn sum_ns(&self) -> u64 {
        self.0.sum_ns()
    }

    /// Adds the times of another worker.
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

    /// Makes stage times of a dictionary that to_dict returned.
    #[classmethod]
    fn from_dict(_class: &Bound<'_, PyType>, fields: &Bound<'_, PyDict>) -> PyResult<Self> {
        from_dict(fields).map(Self)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr("StageTimes", &self.to_dict(py)?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, (Bound<'py, PyDict>,)>> {
        Ok((constructor(slf, "from_dict")?, (slf.try_borrow()?.to_dict(slf.py())?,)))
    }
}

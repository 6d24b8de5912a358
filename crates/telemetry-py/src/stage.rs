//! The stages, as an enumeration.

use pyo3::{exceptions::PyValueError, prelude::*, types::PyTuple};
use ron_accounting_telemetry as rust;

use crate::dictionary::{constructor, Reduced};

/// A stage of a pipeline.
#[pyclass(module = "ron_accounting_telemetry", frozen, eq, hash, rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Read,
    Compress,
    Encrypt,
    Decrypt,
    Decompress,
    Write,
}

#[pymethods]
impl Stage {
    /// The name, in lower case, as in records.
    #[getter]
    fn name(&self) -> &'static str {
        rust::Stage::from(*self).name()
    }

    /// Returns the stage of a name in lower case.
    #[staticmethod]
    fn from_name(name: &str) -> PyResult<Self> {
        let found = rust::Stage::ALL.into_iter().find(|stage| stage.name() == name);
        found
            .map(Self::from)
            .ok_or_else(|| PyValueError::new_err(format!("no stage is named `{name}`; see Stage.all()")))
    }

    /// Returns all stages, in the order of records.
    #[staticmethod]
    fn all(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        stages(py, &rust::Stage::ALL)
    }

    /// Returns the stages of an encrypting pipeline.
    #[staticmethod]
    fn encryption(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        stages(py, &rust::Stage::ENCRYPTION)
    }

    /// Returns the stages of a decrypting pipeline.
    #[staticmethod]
    fn decryption(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        stages(py, &rust::Stage::DECRYPTION)
    }

    fn __str__(&self) -> &'static str {
        self.name()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, (&'static str,)>> {
        Ok((constructor(slf, "from_name")?, (slf.get().name(),)))
    }
}

fn stages<'py>(py: Python<'py>, stages: &[rust::Stage]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, stages.iter().map(|stage| Stage::from(*stage)))
}

impl From<rust::Stage> for Stage {
    fn from(stage: rust::Stage) -> Self {
        match stage {
            rust::Stage::Read => Self::Read,
            rust::Stage::Compress => Self::Compress,
            rust::Stage::Encrypt => Self::Encrypt,
            rust::Stage::Decrypt => Self::Decrypt,
            rust::Stage::Decompress => Self::Decompress,
            rust::Stage::Write => Self::Write,
        }
    }
}

impl From<Stage> for rust::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Read => Self::Read,
            Stage::Compress => Self::Compress,
            Stage::Encrypt => Self::Encrypt,
            Stage::Decrypt => Self::Decrypt,
            Stage::Decompress => Self::Decompress,
            Stage::Write => Self::Write,
        }
    }
}

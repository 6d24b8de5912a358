//! The report of a run.

use pyo3::{
    prelude::*,
    pybacked::PyBackedBytes,
    types::{PyBytes, PyDict, PyType},
};
use ron_accounting_telemetry as rust;

use crate::{
    counters::TelemetryCounters,
    dictionary::{constructor, from_dict, repr, to_dict, Reduced},
    errors::sanity,
    stage::Stage,
    stage_times::StageTimes,
    timer::TelemetryTimer,
};

/// What a run did. It cannot be changed: attaching the output makes a new one.
///
/// counters: what was counted. timer: what was timed. If the timer is still running, it is read now.
#[pyclass(module = "ron_accounting_telemetry", frozen, eq, hash)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TelemetrySnapshot(rust::TelemetrySnapshot);

#[pymethods]
impl TelemetrySnapshot {
    #[new]
    #[pyo3(signature = (counters, timer=None))]
    fn new(
        py: Python<'_>,
        counters: TelemetryCounters,
        timer: Option<PyRef<'_, TelemetryTimer>>,
    ) -> PyResult<Self> {
        let Some(timer) = timer else { return Ok(Self(counters.0.into())) };
        if !timer.inner.is_finished() {
            timer.look(py)?;
        }
        Ok(Self(rust::TelemetrySnapshot::new(counters.0, &timer.inner)))
    }

    /// Frames that carry data.
    #[getter]
    fn frames_data(&self) -> u64 {
        self.0.frames_data()
    }

    /// Frames that end a stream.
    #[getter]
    fn frames_terminator(&self) -> u64 {
        self.0.frames_terminator()
    }

    /// Frames that carry a digest of the stream.
    #[getter]
    fn frames_digest(&self) -> u64 {
        self.0.frames_digest()
    }

    /// Bytes of data before compression.
    #[getter]
    fn bytes_plaintext(&self) -> u64 {
        self.0.bytes_plaintext()
    }

    /// Bytes of data after compression and before encryption.
    #[getter]
    fn bytes_compressed(&self) -> u64 {
        self.0.bytes_compressed()
    }

    /// Bytes of data after encryption, with the cipher's tags.
    #[getter]
    fn bytes_ciphertext(&self) -> u64 {
        self.0.bytes_ciphertext()
    }

    /// Bytes of the encrypted stream that carry no data.
    #[getter]
    fn bytes_overhead(&self) -> u64 {
        self.0.bytes_overhead()
    }

    /// The length of the attached output, or None.
    #[getter]
    fn bytes_output(&self) -> Option<u64> {
        self.0.bytes_output()
    }

    /// bytes_compressed / bytes_plaintext, or 1.0 without plaintext.
    #[getter]
    fn compression_ratio(&self) -> f64 {
        self.0.compression_ratio()
    }

    /// Plaintext bytes per second of elapsed time, or 0.0 if no time passed.
    #[getter]
    fn throughput_bytes_per_sec(&self) -> f64 {
        self.0.throughput_bytes_per_sec()
    }

    /// How long the run took.
    #[getter]
    fn elapsed_ns(&self) -> u64 {
        self.0.elapsed_ns()
    }

    /// How many workers timed stages.
    #[getter]
    fn workers(&self) -> u32 {
        self.0.workers()
    }

    /// A copy of the time of each stage, summed over workers.
    #[getter]
    fn stage_times(&self) -> StageTimes {
        StageTimes(self.0.stage_times())
    }

    /// A copy of all counters.
    #[getter]
    fn counters(&self) -> TelemetryCounters {
        TelemetryCounters(self.0.counters())
    }

    /// The attached output, or None.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.output().map(|output| PyBytes::new(py, output))
    }

    /// Returns the same snapshot with the output of the run.
    fn attach_output(&self, output: PyBackedBytes) -> Self {
        Self(self.0.clone().attach_output(output.to_vec()))
    }

    /// Returns whether each of the stages took time, see Stage.encryption() and Stage.decryption().
    fn has_all_stages(&self, stages: Vec<Stage>) -> bool {
        let stages: Vec<rust::Stage> = stages.into_iter().map(Into::into).collect();
        self.0.has_all_stages(&stages)
    }

    /// Raises the SanityError of the first rule that the numbers break.
    fn sanity_check(&self, py: Python<'_>) -> PyResult<()> {
        match self.0.sanity_check() {
            Ok(()) => Ok(()),
            Err(violation) => Err(sanity(py, violation)?),
        }
    }

    /// Returns a SanityError for each rule that the numbers break.
    fn violations(&self, py: Python<'_>) -> PyResult<Vec<PyErr>> {
        self.0.violations().map(|violation| sanity(py, violation)).collect()
    }

    /// Returns the fields with their values, in the order of the Rust crate. The output is not among them, but its length is.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.0)
    }

    /// Makes a snapshot of a dictionary that to_dict returned.
    #[classmethod]
    fn from_dict(_class: &Bound<'_, PyType>, fields: &Bound<'_, PyDict>) -> PyResult<Self> {
        from_dict(fields).map(Self)
    }

    /// Restores a snapshot. Pickle calls this.
    #[classmethod]
    fn _restore(
        class: &Bound<'_, PyType>,
        fields: &Bound<'_, PyDict>,
        output: Option<PyBackedBytes>,
    ) -> PyResult<Self> {
        let plain = Self::from_dict(class, fields)?;
        Ok(match output {
            None => plain,
            Some(output) => plain.attach_output(output),
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr("TelemetrySnapshot", &self.to_dict(py)?)
    }

    #[allow(clippy::type_complexity)] // Pickle prescribes the type.
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<Reduced<'py, (Bound<'py, PyDict>, Option<Bound<'py, PyBytes>>)>> {
        let (py, snapshot) = (slf.py(), slf.get());
        Ok((constructor(slf, "_restore")?, (snapshot.to_dict(py)?, snapshot.output(py))))
    }
}

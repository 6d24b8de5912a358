//! Converts values to dictionaries and back, by way of JSON.
//!
//! Rust writes the JSON and Python's own `json` reads it. Both keep 64-bit integers and doubles exactly.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyString},
};
use serde::{de::DeserializeOwned, Serialize};

/// Returns the value's fields, in the order of the Rust crate.
pub(crate) fn to_dict<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyDict>> {
    let text = serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(py.import("json")?.call_method1("loads", (text,))?.cast_into()?)
}

/// Returns the value of such a dictionary. `ValueError` names a field that is missing, unknown or of another type.
pub(crate) fn from_dict<T: DeserializeOwned>(fields: &Bound<'_, PyDict>) -> PyResult<T> {
    let text = fields.py().import("json")?.call_method1("dumps", (fields,))?;
    let text = text.cast_into::<PyString>()?;
    serde_json::from_str(text.to_cow()?.as_ref()).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Returns `Name(field=value, ...)`.
pub(crate) fn repr(name: &str, fields: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut arguments = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        arguments.push(format!("{field}={}", value.repr()?));
    }
    Ok(format!("{name}({})", arguments.join(", ")))
}

/// Returns what pickle and copy call to restore a value: `class.NAME(*arguments)`.
pub(crate) type Reduced<'py, A> = (Bound<'py, PyAny>, A);

/// Returns a classmethod of `object` in the form in which pickle finds it again.
pub(crate) fn constructor<'py, T>(object: &Bound<'py, T>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    object.as_any().get_type().getattr(name)
}

//! Logs of every format, whole and damaged, and what must come out of them.

// Everything in here runs in tests, where a panic is the report.
#![allow(clippy::unwrap_used)]

mod damage;
mod detection;
mod fixtures;
mod formats;
mod json_model;
mod mutations;
mod notations;
mod properties;
mod reading;

//! The endpoints, one module for those that belong together.

pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod slices;
pub(crate) mod streams;
pub(crate) mod usage;

//! Lines that are JSON objects.
//!
//! * `scan`: a walk through one line that does not allocate, and forgives what servers write that is no JSON.
//! * `map`: which keys are which fields, and a line read by that.
//! * `order`: which key comes next, by the lines before.
//! * `presets`: the maps of Caddy, Traefik, Envoy and nginx.

mod map;
mod order;
mod presets;
mod scan;

pub(crate) use map::{JsonMap, MapFault, KEPT_MAX};
pub(crate) use presets::{caddy, envoy, nginx, preset_of, traefik, Preset};
pub(crate) use scan::{unescape_into, unescaped, Scalar};

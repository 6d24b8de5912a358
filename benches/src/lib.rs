//! Criterion benches of the metering workspace; the benches are in `benches/`.

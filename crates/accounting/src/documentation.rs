//! The pages of `docs/`, next to the API.
//!
//! They exist only when documentation is built. A page defines its links at its end. The definitions that are given here lead to
//! modules instead of files. They come first, and the first definition of a link wins.

#[doc = "[CONTRIBUTING.md]: https://github.com/rustyonions/ron-accounting/blob/main/CONTRIBUTING.md"]
#[doc = "[wire-format.md]: self::wire_format"]
#[doc = "[configuration.md]: self::configuration"]
#[doc = "[durability.md]: self::durability"]
#[doc = "[wal-format.md]: self::wal_format"]
#[doc = "[sqlite-ledger.md]: self::sqlite_ledger"]
#[doc = "[telemetry.md]: self::telemetry"]
#[doc = "[streams.md]: self::streams"]
#[doc = "[events.md]: self::events"]
#[doc = "[performance.md]: self::performance"]
#[doc = "[routes.md]: self::routes"]
#[doc = "[metrics.md]: self::metrics"]
#[doc = "[http.md]: self::http"]
#[doc = ""]
#[doc = include_str!("../../../docs/architecture.md")]
pub mod architecture {}

#[doc = "[http.md]: self::http"]
#[doc = ""]
#[doc = include_str!("../../../docs/configuration.md")]
pub mod configuration {}

#[doc = "[wal-format.md]: self::wal_format"]
#[doc = "[wire-format.md]: self::wire_format"]
#[doc = "[sqlite-ledger.md]: self::sqlite_ledger"]
#[doc = ""]
#[doc = include_str!("../../../docs/durability.md")]
pub mod durability {}

#[doc = include_str!("../../../docs/events.md")]
pub mod events {}

#[doc = "[metrics.md]: self::metrics"]
#[doc = ""]
#[doc = include_str!("../../../docs/http.md")]
pub mod http {}

#[doc = "[operations.md]: self::operations"]
#[doc = "[ops/README.md]: https://github.com/rustyonions/ron-accounting/blob/main/docs/ops/README.md"]
#[doc = ""]
#[doc = include_str!("../../../docs/metrics.md")]
pub mod metrics {}

#[doc = "[plots/threads.svg]: https://github.com/rustyonions/ron-accounting/raw/main/docs/plots/threads.svg"]
#[doc = "[plots/label-sets.svg]: https://github.com/rustyonions/ron-accounting/raw/main/docs/plots/label-sets.svg"]
#[doc = "[plots/dimensions.svg]: https://github.com/rustyonions/ron-accounting/raw/main/docs/plots/dimensions.svg"]
#[doc = "[plots/windows.svg]: https://github.com/rustyonions/ron-accounting/raw/main/docs/plots/windows.svg"]
#[doc = ""]
#[doc = include_str!("../../../docs/performance.md")]
pub mod performance {}

#[doc = "[durability.md]: self::durability"]
#[doc = "[metrics.md]: self::metrics"]
#[doc = "[ops/README.md]: https://github.com/rustyonions/ron-accounting/blob/main/docs/ops/README.md"]
#[doc = "[http.md]: self::http"]
#[doc = ""]
#[doc = include_str!("../../../docs/operations.md")]
pub mod operations {}

#[doc = "[performance.md]: self::performance"]
#[doc = "[streams.md]: self::streams"]
#[doc = ""]
#[doc = include_str!("../../../docs/middleware.md")]
pub mod middleware {}

#[doc = "[performance.md]: self::performance"]
#[doc = ""]
#[doc = include_str!("../../../docs/routes.md")]
pub mod routes {}

#[doc = "[wire-format.md]: self::wire_format"]
#[doc = "[durability.md]: self::durability"]
#[doc = ""]
#[doc = include_str!("../../../docs/sqlite-ledger.md")]
pub mod sqlite_ledger {}

#[doc = "[../crates/accounting/examples/count_a_connection.rs]: https://github.com/rustyonions/ron-accounting/blob/main/crates/accounting/examples/count_a_connection.rs"]
#[doc = ""]
#[doc = include_str!("../../../docs/streams.md")]
pub mod streams {}

#[doc = "[../crates/telemetry-py/README.md]: https://github.com/rustyonions/ron-accounting/blob/main/crates/telemetry-py/README.md"]
#[doc = "[../crates/telemetry/examples/encrypt_files/main.rs]: https://github.com/rustyonions/ron-accounting/blob/main/crates/telemetry/examples/encrypt_files/main.rs"]
#[doc = ""]
#[doc = include_str!("../../../docs/telemetry.md")]
pub mod telemetry {}

#[doc = include_str!("../../../docs/wal-format.md")]
pub mod wal_format {}

#[doc = "[slice.cddl]: https://github.com/rustyonions/ron-accounting/blob/main/docs/slice.cddl"]
#[doc = ""]
#[doc = include_str!("../../../docs/wire-format.md")]
pub mod wire_format {}

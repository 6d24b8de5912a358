//! Real processes on a real disk, killed at any moment.
//!
//! A *node* (the program `crash-node`) meters into a log and a SQLite ledger. The *producer* is another process: it tells the
//! node what to record, keeps its own tally, and kills the node with SIGKILL. The next life of the node starts on the same
//! log and ledger. At the end everything drains, and the ledger is compared with the tally.
//!
//! * [`run()`], [`Plan`]: so many kills, under such conditions.
//! * [`Report`]: what came of it.
//! * [`messages`]: what the two processes say to each other, one line each.
//! * [`tally`]: what a ledger may hold after such lives, and what it may not.
//!
//! Inside are `life` (one process from its start to its end), `small_disk` (a disk that fills up) and `locker` (somebody who
//! locks the ledger).

mod dice;
mod life;
mod locker;
pub mod messages;
mod plan;
mod report;
mod run;
mod small_disk;
pub mod tally;

pub use plan::Plan;
pub use report::Report;
pub use run::run;

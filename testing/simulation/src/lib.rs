//! A deterministic simulator of the durability protocol.
//!
//! * [`Story::generate`] draws a configuration and its steps from a seed; [`run`] lets them happen.
//! * [`disk`] tears, loses and lies; [`ledger`] loses answers; the model compares what must hold after each step.
//! * [`minimise`] finds the few steps that show a failure, and [`Report`] tells it.
//! * [`load_on`] counts what a log asks of a disk that is broken; [`run_facade`] drives the façade over real directories.
//! * [`Campaign`] runs many seeds; the program `simulate` is its command line.
//!
//! What the product is asked to do stands in `process.rs` and nowhere else.

mod broken_disk;
mod campaign;
mod clock;
mod dice;
pub mod disk;
mod door;
mod facade;
mod kinds;
pub mod ledger;
mod minimise;
mod model;
mod panics;
mod probe;
mod process;
mod regressions;
mod report;
mod scenarios;
mod settle;
pub mod setup;
pub mod steps;
mod story;
mod totals;
mod world;

pub use broken_disk::{load_on, BrokenDisk, Load};
pub use campaign::{run_once_or_twice, Campaign, Summary};
pub use dice::Dice;
pub use facade::{run_facade, FacadeOutcome};
pub use kinds::Kind;
pub use minimise::minimise;
pub use regressions::{Regression, REGRESSIONS};
pub use report::{Failure, Report};
pub use scenarios::{scenario, scenarios, Scenario};
pub use story::{Planned, Story};
pub use totals::{Place, Totals};
pub use world::{run, Outcome, Probing};

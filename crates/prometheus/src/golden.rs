//! The metrics about the instance itself. `docs/metrics.md` lists them, and a test compares.

mod delivery;
mod engine;
#[cfg(feature = "export")]
mod export;
mod health;
#[cfg(feature = "export")]
mod log;
mod scrapes;
mod spans;

use ron_accounting::{Readiness, Stats};

pub(crate) use self::scrapes::ScrapeFigures;
use crate::text::Text;

pub(crate) fn write(text: &mut Text<'_>, stats: &Stats, readiness: Readiness, figures: &ScrapeFigures) {
    health::write_readiness(text, stats, readiness);
    if stats.is_forked {
        // All other figures would be those of an instance that did nothing: counters that go back to zero.
        return;
    }
    delivery::write(text, stats);
    engine::write(text, &stats.engine);
    health::write_windows(text, stats);
    #[cfg(feature = "export")]
    if let Some(pipeline) = &stats.export {
        export::write(text, pipeline);
        if let Some(found) = &pipeline.log {
            log::write(text, found);
        }
    }
    scrapes::write(text, figures);
}

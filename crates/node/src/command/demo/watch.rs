//! Shows the progress of the demo: a live line on a terminal, a line per window elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use ron_accounting::Accounting;

use super::producers::Producers;
use crate::progress;

/// The time between two updates. Ctrl-C is noticed no later than this.
const UPDATE: Duration = Duration::from_millis(50);

/// The display.
#[derive(Debug)]
pub(super) struct Watch {
    start: Instant,
    duration: Option<Duration>,
    is_live: bool,
}

impl Watch {
    pub(super) fn new(duration_ms: Option<u64>) -> Self {
        Self {
            start: Instant::now(),
            duration: duration_ms.map(Duration::from_millis),
            is_live: io::stderr().is_terminal(),
        }
    }

    /// Shows the progress until the flag is set or the time is over.
    pub(super) fn until(
        &self,
        stop: &AtomicBool,
        accounting: &Accounting,
        producers: &Producers,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let bar = progress::message();
        let mut window = Window::default();
        while !stop.load(Ordering::Relaxed)
            && self.duration.is_none_or(|duration| self.start.elapsed() < duration)
        {
            thread::sleep(UPDATE);
            let windows = accounting.stats().windows;
            if self.is_live {
                bar.set_message(self.line(&mut window, accounting, producers));
                bar.tick();
            } else if windows > window.number {
                let line = self.line(&mut window, accounting, producers);
                writeln!(out, "{line}")?;
                out.flush()?;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn line(&self, window: &mut Window, accounting: &Accounting, producers: &Producers) -> String {
        let stats = accounting.stats();
        let increments = producers.increments();
        if stats.windows > window.number {
            let elapsed = self.start.elapsed();
            #[allow(clippy::cast_precision_loss)] // A rate to two figures.
            let recorded = increments.saturating_sub(window.increments) as f64;
            window.rate = recorded / elapsed.saturating_sub(window.seen).as_secs_f64().max(1e-3) / 1e6;
            (window.number, window.increments, window.seen) = (stats.windows, increments, elapsed);
        }
        let (slices, rows, pending) = stats
            .export
            .map_or((0, 0, 0), |export| (export.acknowledged, export.acknowledged_rows, export.pending));
        let recorded = format!(
            "{:3} s  window {:3}  {increments:>13} increments, {:5.1} million per second",
            self.start.elapsed().as_secs(),
            window.number,
            window.rate,
        );
        let exported = format!("ledger: {slices} slices, {rows} rows  pending: {pending}");
        // Two short lines on a terminal, which may be narrow, and one long one in a file.
        format!("{recorded}{}{exported}", if self.is_live { "\n  " } else { "  " })
    }
}

/// The last window that was shown.
#[derive(Debug, Default)]
struct Window {
    number: u64,
    increments: u64,
    seen: Duration,
    rate: f64,
}

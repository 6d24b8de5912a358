//! The second reading of an access log: every line is counted, and the times of the lines close the windows.

use std::{io::Read, mem::ManuallyDrop, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{ensure, Context};
use indicatif::ProgressBar;
use ron_accounting::{
    export::{Exporter, Origin},
    labels,
    window::SystemClock,
    Accounting, Dimension, Labels, OnFull,
};

use super::{
    label_sets::LabelSets,
    shape::Shape,
    source::{Content, HashingReader, Source},
    summary::{Summary, Totals},
};
use crate::access_log::{Entry, Lines, Request};

/// Label sets and tenants that are told apart at once. Enough for any site, and bounded: about 100 MB.
const LABEL_LIMIT: usize = 65_536;

/// How long the ledger may take for the last slices of a log.
const DRAIN_DEADLINE: Duration = Duration::from_secs(600);

/// The method of a request line that is not HTTP. The normalizer gives unknown methods the same one.
const OTHER_METHOD: &str = "OTHER";

/// The route of a request line that is not HTTP.
const MALFORMED_ROUTE: &str = ":malformed";

/// How many skipped lines are shown. The rest are only counted.
const SKIPPED_SHOWN_MAX: u64 = 5;

/// The ledger, log and origin of the slices of one access log.
pub(super) struct Destination {
    pub(super) ledger: Arc<dyn Exporter>,
    /// `None`: in memory only.
    pub(super) log: Option<PathBuf>,
    /// `None`: a random one.
    pub(super) origin: Option<Origin>,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination")
            .field("log", &self.log)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Meters an access log from beginning to end, and waits until the ledger has all of it. Returns the origin, if any line
/// counted.
pub(super) fn meter(
    source: &mut Source,
    content: Option<Content>,
    shape: &Shape,
    destination: &Destination,
    label_sets: &mut LabelSets,
    summary: &mut Summary,
    bar: &ProgressBar,
) -> anyhow::Result<Option<Origin>> {
    let name = source.name.clone();
    // To the end that the first reading saw: the file may have grown since.
    let input = source.read_from_start().with_context(|| format!("cannot read {name}"))?;
    let mut input = input.take(content.map_or(u64::MAX, |content| content.bytes));
    let mut lines = Lines::new(HashingReader::new(&mut input));
    let mut metering: Option<Metering> = None;
    let mut pseudonym = String::new();
    let bytes_before = bar.position();

    loop {
        let number = lines.number() + 1;
        let read = lines.get_ref().bytes();
        let Some(line) = lines.next().with_context(|| format!("cannot read {name}"))? else { break };
        summary.lines_read += 1;
        if number.is_multiple_of(1024) {
            bar.set_position(bytes_before + read);
        }
        let entry = match line.and_then(|line| Entry::parse(line, shape.format)) {
            Ok(entry) => entry,
            Err(error) => {
                summary.count_skipped(error.reason());
                if summary.lines_skipped <= SKIPPED_SHOWN_MAX {
                    bar.suspend(|| eprintln!("{name}:{number}: skipped: {error}"));
                }
                continue;
            }
        };
        let metering = match &mut metering {
            Some(metering) => metering,
            none => none.insert(Metering::start(entry.time_ms, shape, destination)?),
        };
        let is_in_time =
            metering.turn_to(entry.time_ms).with_context(|| format!("stopped at line {number} of {name}"))?;
        let tenant = shape.tenants.of(&entry, &mut pseudonym);
        let (method, route) = match &entry.request {
            Request::Http { method, target } => (*method, target.as_ref()),
            Request::Malformed => (OTHER_METHOD, MALFORMED_ROUTE),
        };
        let labels =
            labels().tenant(tenant).method(method).route(route).service(&shape.service).region(&shape.region);
        label_sets.observe(&labels);
        metering.count(&labels, entry.bytes_sent);
        summary.lines_metered += 1;
        summary.lines_late += u64::from(!is_in_time);
    }
    let read = lines.get_ref().content();
    bar.set_position(bytes_before + read.bytes);
    summary.bytes_read += read.bytes;
    if let Some(content) = content {
        ensure!(
            content.hash == read.hash && content.bytes == read.bytes,
            "{name} changed while it was read, and the windows so far are in the ledger under its old content: \
             import logs that nobody writes to any more"
        );
    }
    metering.map_or(Ok(None), |metering| {
        metering.finish(summary).with_context(|| format!("stopped at the end of {name}"))
    })
}

/// An instance whose time is that of the lines.
struct Metering {
    /// Not dropped when the import fails: that would seal half a window, and the next run seals the whole one. A failed import
    /// leaves the log as a crash would.
    accounting: ManuallyDrop<Accounting>,
    window_ms: u64,
    window_start_ms: u64,
    windows: u64,
    counted: Totals,
}

impl Metering {
    /// Opens the window of the first line.
    fn start(first_ms: u64, shape: &Shape, destination: &Destination) -> anyhow::Result<Self> {
        let mut builder = Accounting::builder()
            .window_ms(shape.window_ms)
            .label_limit(LABEL_LIMIT)
            .tenant_limit(LABEL_LIMIT)
            .normalizer(shape.normalizer.clone())
            // The lines tell the time of the windows, and the system that of retries and timeouts.
            .manual_at(first_ms)
            .export_clock(SystemClock)
            // The same lines must give the same slices. Stretched windows would depend on how fast the ledger is.
            .on_full(OnFull::Wait)
            // The next run starts at the first line, so it needs no counts of half a window.
            .checkpoint_ms(0)
            .exporter(Arc::clone(&destination.ledger));
        if let Some(origin) = destination.origin {
            // The same content gives the same seed, and a client that does not know all of it cannot guess the seed.
            let seed =
                origin.as_bytes().iter().fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte));
            builder = builder.origin(origin).replay().hash_seed(seed);
        }
        builder = match &destination.log {
            Some(path) => builder.wal_dir(path),
            None => builder.amnesia(true),
        };
        Ok(Self {
            accounting: ManuallyDrop::new(builder.build()?),
            window_ms: shape.window_ms,
            window_start_ms: first_ms - first_ms % shape.window_ms,
            windows: 1,
            counted: Totals::default(),
        })
    }

    /// Closes the windows before the line. Returns `false` for a line whose own window is closed already.
    fn turn_to(&mut self, time_ms: u64) -> anyhow::Result<bool> {
        if time_ms < self.window_start_ms {
            return Ok(false);
        }
        if time_ms - self.window_start_ms >= self.window_ms {
            self.window_start_ms = time_ms - time_ms % self.window_ms;
            self.windows += 1;
            self.accounting.tick(time_ms)?;
        }
        Ok(true)
    }

    fn count(&mut self, labels: &Labels<'_>, bytes_out: u64) {
        self.accounting.record_each(labels, &[(Dimension::REQUESTS, 1), (Dimension::BYTES_OUT, bytes_out)]);
        self.counted.add(1_u64, bytes_out);
    }

    /// Seals the last window and waits for the ledger.
    fn finish(self, summary: &mut Summary) -> anyhow::Result<Option<Origin>> {
        self.accounting.shutdown(DRAIN_DEADLINE)?;
        let accounting = ManuallyDrop::into_inner(self.accounting);
        let stats = accounting.stats();
        for total in accounting.totals() {
            match total.dimension.as_str() {
                "requests" => summary.acknowledged.requests += total.acknowledged,
                _ => summary.acknowledged.bytes_out += total.acknowledged,
            }
        }
        summary.windows += self.windows;
        summary.saturations += stats.engine.saturations;
        summary.overflowed += stats.engine.overflowed_label_sets + stats.engine.overflowed_tenants;
        if let Some(export) = stats.export {
            summary.slices += export.sealed_slices;
            summary.duplicates += export.duplicates;
            summary.rows += export.sealed_rows;
        }
        summary.totals.add(self.counted.requests, self.counted.bytes_out);
        Ok(accounting.origin())
    }
}

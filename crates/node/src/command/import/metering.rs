//! The second reading of an access log: every line is counted, and the times of the lines close the windows.

use std::{
    hash::{BuildHasher, RandomState},
    mem::ManuallyDrop,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{ensure, Context};
use indicatif::ProgressBar;
use ron_accounting::{
    export::{Exporter, Origin},
    labels,
    normalize::RouteNormalizer,
    window::SystemClock,
    Accounting, Dimension, Labels, OnFull,
};
use ron_accounting_access_log::{Lines, Request};

use super::{
    examining::Examined,
    held::{Counts, Held, LineLabels, SetAside},
    label_sets::LabelSets,
    read_ahead::{read_ahead, Unpacked},
    reading::Before,
    routes::method_and_path,
    shape::Shape,
    source::Source,
    summary::{Summary, Totals},
};

/// Label sets that are told apart at once, unless there may be more tenants. Enough for any site, and bounded: about 100 MB.
const LABEL_LIMIT: usize = 65_536;

/// How many windows in a row a label set may be unused before it leaves the memory. Closing a window reads all label sets that are
/// in memory: this many windows' worth, and not all that the log has ever had.
const IDLE_WINDOWS: u64 = 8;

/// How many streams are remembered one by one. They take about 10 MB. The ledger tells the heads of others.
const STREAMS_MAX: usize = 16_384;

/// How long the ledger may take for the last slices of a log.
const DRAIN_DEADLINE: Duration = Duration::from_secs(600);

/// How many slices the ledger stores with one commit, which costs about as much as a hundred of them.
const BATCH_MAX: usize = 500;

/// How many skipped lines are shown. The rest are only counted.
pub(super) const SKIPPED_SHOWN_MAX: u64 = 5;

/// The ledger, log and origin of the slices of one access log.
pub(super) struct Destination {
    pub(super) ledger: Arc<dyn Exporter>,
    /// `None`: the input can be read again, so that slices wait in memory.
    pub(super) log: Option<PathBuf>,
    /// Whether nothing but the ledger may be written.
    pub(super) amnesia: bool,
    /// `None`: a random one.
    pub(super) origin: Option<Origin>,
}

impl Destination {
    /// Returns a seed for hashes. The same content gives the same seed, and a client that does not know all of it cannot guess
    /// the seed.
    fn seed(&self) -> u64 {
        let Some(origin) = self.origin else { return RandomState::default().hash_one(0) };
        origin.as_bytes().iter().fold(0, |seed, byte| seed.rotate_left(8) ^ u64::from(*byte))
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination")
            .field("log", &self.log)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// What became of an access log.
#[derive(Debug)]
pub(super) struct Metered {
    /// `None` if no line counted.
    pub(super) origin: Option<Origin>,
    /// The format of the log, in words.
    pub(super) format: String,
}

/// Meters an access log from beginning to end but for what is counted already, and waits until the ledger has all of it.
/// `destination` prepares the one of each pass.
pub(super) fn meter(
    source: &mut Source,
    examined: &Examined,
    before: &Before,
    shape: &Shape,
    destination: &mut dyn FnMut(u64) -> anyhow::Result<Destination>,
    (label_sets, summary): (&mut LabelSets, &mut Summary),
    bar: &ProgressBar,
) -> anyhow::Result<Metered> {
    let Examined { content, parser, normalizer, .. } = examined;
    let name = source.name.clone();
    let cannot_read = || format!("cannot read {name}");
    let input = bar.wrap_read(source.read_from_start().with_context(cannot_read)?);
    // To the end that the first reading saw: the file may have grown since.
    let bytes_max = content.as_ref().map_or(u64::MAX, |content| content.bytes);
    let first = destination(0)?;
    let mut pass = Pass::new(shape, normalizer, &first);
    let mut buffer = String::new();
    let (parser, Unpacked { content: read, damage, .. }) =
        read_ahead(input, bytes_max, Vec::new(), |ahead| {
            let mut lines = Lines::new(ahead);
            let mut parser = match parser {
                Some(parser) => parser.clone(),
                None => shape.reading.parser(&name, lines.sample().with_context(cannot_read)?)?,
            };
            let lines_read =
                before.each_request(&name, &mut lines, &mut parser, |number, parsed| match parsed {
                    Ok(request) => count(request, shape, &mut buffer, label_sets, summary, &mut pass)
                        .with_context(|| format!("stopped at line {number} of {name}")),
                    Err(skip) => {
                        summary.count_skipped(skip.reason().name());
                        if summary.lines_skipped <= SKIPPED_SHOWN_MAX {
                            bar.suspend(|| eprintln!("{name}:{number}: skipped: {skip}"));
                        }
                        Ok(())
                    }
                })?;
            summary.lines_read += lines_read;
            Ok(parser)
        })?;
    if let Some(damage) = damage {
        bar.suspend(|| {
            eprintln!("note: {name} is damaged or cut: {damage}; what can be unpacked is metered");
        });
    }
    summary.bytes_read += read.bytes;
    if let Some(content) = content {
        ensure!(
            content.hash == read.hash && content.bytes == read.bytes,
            "{name} changed while it was read, and the windows so far are in the ledger under its old content: \
             import logs that are only appended to"
        );
    }

    let stopped = || format!("stopped at the end of {name}");
    let (origin, mut aside) = pass.finish(summary).with_context(stopped)?;
    let mut number = 0;
    while let Some(lines) = aside {
        number += 1;
        let next = destination(number)?;
        let mut pass = Pass::new(shape, normalizer, &next);
        lines.replay(|start_ms, labels, counts| pass.add(start_ms, labels, counts)).with_context(stopped)?;
        aside = pass.finish(summary).with_context(stopped)?.1;
    }
    Ok(Metered { origin, format: parser.description().to_owned() })
}

/// Seals counts and hands their slices to the destination.
pub(super) fn seal(
    held: Held,
    shape: &Shape,
    normalizer: &RouteNormalizer,
    destination: &Destination,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let mut pass = Pass::new(shape, normalizer, destination);
    pass.held = held;
    pass.finish(summary).map(drop)
}

/// Counts one request.
fn count(
    request: &Request<'_>,
    shape: &Shape,
    buffer: &mut String,
    label_sets: &mut LabelSets,
    summary: &mut Summary,
    pass: &mut Pass<'_>,
) -> anyhow::Result<()> {
    let tenant = shape.tenants.of(request, buffer);
    let (method, route) = method_and_path(request);
    let raw = labels().tenant(tenant).method(method).route(route);
    label_sets.observe(&raw.service(&shape.service).region(&shape.region));
    let counts = Counts {
        requests: 1,
        bytes_in: request.bytes_received.unwrap_or(0).into(),
        bytes_out: request.bytes_sent.unwrap_or(0).into(),
    };
    let start_ms = request.time_ms - request.time_ms % shape.window_ms;
    summary.lines_late += u64::from(pass.is_late(start_ms));
    pass.add(start_ms, LineLabels { tenant, method, route }, counts)?;
    summary.lines_metered += 1;
    for remark in request.remarks.iter() {
        *summary.remarks.entry(remark.name()).or_default() += 1;
    }
    Ok(())
}

/// One series of windows, from the oldest to the newest.
struct Pass<'m> {
    shape: &'m Shape,
    normalizer: &'m RouteNormalizer,
    destination: &'m Destination,
    held: Held,
    /// `None` before the first window is closed.
    metering: Option<Metering>,
    aside: Option<SetAside>,
}

impl<'m> Pass<'m> {
    fn new(shape: &'m Shape, normalizer: &'m RouteNormalizer, destination: &'m Destination) -> Self {
        let held = Held::new(destination.seed());
        Self { shape, normalizer, destination, held, metering: None, aside: None }
    }

    /// Returns whether a window is closed already.
    fn is_late(&self, start_ms: u64) -> bool {
        self.metering.as_ref().is_some_and(|metering| start_ms < metering.window_start_ms)
    }

    fn add(&mut self, start_ms: u64, labels: LineLabels<'_>, counts: Counts) -> anyhow::Result<()> {
        if self.is_late(start_ms) {
            let aside = match &mut self.aside {
                Some(aside) => aside,
                none => none.insert(SetAside::new(self.destination.amnesia)?),
            };
            return Ok(aside.add(start_ms, labels, counts)?);
        }
        self.held.add(start_ms, labels, counts);
        if self.held.bytes() > self.shape.held_bytes_max {
            // A few at a time, so that the ledger always has some to store, and never so many that the lines wait for it.
            self.close_windows(self.shape.held_bytes_max - self.shape.held_bytes_max / 32)?;
        }
        Ok(())
    }

    /// Closes the oldest windows until the others take no more than this.
    fn close_windows(&mut self, bytes_max: usize) -> anyhow::Result<()> {
        let shape = self.shape;
        while self.held.bytes() > bytes_max {
            let Some((start_ms, window)) = self.held.take_oldest() else { break };
            let metering = match &mut self.metering {
                Some(metering) => metering,
                none => none.insert(Metering::start(start_ms, shape, self.normalizer, self.destination)?),
            };
            metering.turn_to(start_ms)?;
            for (LineLabels { tenant, method, route }, counts) in window.counts() {
                let labels = labels().tenant(tenant).method(method).route(route);
                metering.count(&labels.service(&shape.service).region(&shape.region), counts);
            }
        }
        Ok(())
    }

    /// Closes all windows. Returns the origin, if there were any, and what a further pass has to count.
    fn finish(mut self, summary: &mut Summary) -> anyhow::Result<(Option<Origin>, Option<SetAside>)> {
        self.close_windows(0)?;
        let origin = self.metering.map_or(Ok(None), |metering| metering.finish(summary))?;
        Ok((origin, self.aside))
    }
}

/// An instance whose time is that of the lines.
struct Metering {
    /// Not dropped when the import fails: that would seal half a window, and the next run seals the whole one. A failed import
    /// leaves the log as a crash would.
    accounting: ManuallyDrop<Accounting>,
    window_start_ms: u64,
    windows: u64,
    counted: Totals,
}

impl Metering {
    /// Opens the window that begins at this time.
    fn start(
        start_ms: u64,
        shape: &Shape,
        normalizer: &RouteNormalizer,
        destination: &Destination,
    ) -> anyhow::Result<Self> {
        let mut builder = Accounting::builder()
            .window_ms(shape.window_ms)
            .label_limit(LABEL_LIMIT.max(shape.tenants_max as usize))
            .tenant_limit(shape.tenants_max as usize)
            .idle_windows(IDLE_WINDOWS)
            .streams_max(STREAMS_MAX)
            .normalizer(normalizer.clone())
            // The lines tell the time of the windows, and the system that of retries and timeouts.
            .manual_at(start_ms)
            .export_clock(SystemClock)
            // The same lines must give the same slices. Stretched windows would depend on how fast the ledger is.
            .on_full(OnFull::Wait)
            .export_in_background()
            // The next run starts at the first line, so it needs no counts of half a window.
            .checkpoint_ms(0)
            .batch_max(BATCH_MAX)
            .exporter(Arc::clone(&destination.ledger));
        if let Some(origin) = destination.origin {
            builder = builder.origin(origin).replay().hash_seed(destination.seed());
        }
        builder = match &destination.log {
            Some(path) => builder.wal_dir(path),
            None => builder.amnesia(destination.amnesia),
        };
        Ok(Self {
            accounting: ManuallyDrop::new(builder.build()?),
            window_start_ms: start_ms,
            windows: 1,
            counted: Totals::default(),
        })
    }

    /// Closes the windows before the one that begins at this time.
    fn turn_to(&mut self, start_ms: u64) -> anyhow::Result<()> {
        if start_ms > self.window_start_ms {
            self.window_start_ms = start_ms;
            self.windows += 1;
            self.accounting.tick(start_ms)?;
        }
        Ok(())
    }

    fn count(&mut self, labels: &Labels<'_>, counts: Counts) {
        self.counted.add(counts.requests, counts.bytes_in, counts.bytes_out);
        let Counts { mut requests, mut bytes_in, mut bytes_out } = counts;
        loop {
            // A cell takes 64 bits at once.
            let [received, sent] =
                [bytes_in, bytes_out].map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
            let each = [
                (Dimension::REQUESTS, requests),
                (Dimension::BYTES_OUT, sent),
                // Most formats have none, and a stream of nothing is no stream.
                (Dimension::BYTES_IN, received),
            ];
            let each = if received == 0 { each.get(..2).unwrap_or(&each) } else { &each };
            self.accounting.record_each(labels, each);
            bytes_in -= u128::from(received);
            bytes_out -= u128::from(sent);
            requests = 0;
            if bytes_in == 0 && bytes_out == 0 {
                break;
            }
        }
    }

    /// Seals the last window and waits for the ledger.
    fn finish(self, summary: &mut Summary) -> anyhow::Result<Option<Origin>> {
        self.accounting.shutdown(DRAIN_DEADLINE)?;
        let accounting = ManuallyDrop::into_inner(self.accounting);
        let stats = accounting.stats();
        for total in accounting.totals() {
            summary.acknowledged.add_to(total.dimension.as_str(), total.acknowledged);
        }
        summary.windows += self.windows;
        summary.saturations += stats.engine.saturations;
        summary.overflowed += stats.engine.overflowed_label_sets + stats.engine.overflowed_tenants;
        if let Some(export) = stats.export {
            summary.slices += export.sealed_slices;
            summary.duplicates += export.duplicates;
            summary.rows += export.sealed_rows;
            // Streams that were idle while there were too many are no longer told one by one.
            for forgotten in &export.forgotten {
                summary.acknowledged.add_to(&forgotten.dimension, forgotten.acknowledged);
            }
        }
        let Totals { requests, bytes_in, bytes_out } = self.counted;
        summary.totals.add(requests, bytes_in, bytes_out);
        Ok(accounting.origin())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use indicatif::ProgressBar;
    use ron_accounting_access_log::Format;
    use ron_accounting_ledger::{usage_rows, Column, UsageQuery};
    use ron_accounting_sqlite::SqliteLedger;

    use super::{meter, Before, Destination, LabelSets, Shape, Source, Summary};
    use crate::command::import::{
        examining::Examination,
        reading::Reading,
        routes::Routes,
        tenant::{TenantRule, Tenants},
    };

    /// Usage by window, and the summary, of a log whose counts may take this much memory.
    fn imported(log: &str, held_bytes_max: usize) -> (Vec<String>, Summary) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        fs::write(&path, log).unwrap();
        let ledger = Arc::new(SqliteLedger::open(folder.path().join("usage.db")).unwrap());
        let shape = Shape {
            window_ms: 60_000,
            tenants: Tenants::User,
            tenants_max: 100,
            service: String::new(),
            region: String::new(),
            again_as: String::new(),
            reading: Reading::new(Format::auto(), None, None, TenantRule::User).unwrap(),
            routes: Routes::new(None, None, 0).unwrap(),
            held_bytes_max,
        };
        let mut source = Source::open(&path, false).unwrap();
        let bar = ProgressBar::hidden();
        let Shape { reading, routes, .. } = &shape;
        let examination = Examination { reading, routes, is_strict: false, bar: &bar };
        let examined = examination.examine(&mut source, u64::MAX, Vec::new()).unwrap();
        let content = examined.content.unwrap();
        let mut destination = |pass| {
            let origin = Some(shape.origin(&content.hash, 0, pass));
            Ok(Destination { ledger: Arc::clone(&ledger) as _, log: None, amnesia: false, origin })
        };
        let mut label_sets = LabelSets::new(examined.normalizer.clone());
        let mut summary = Summary::default();
        let all = (&mut label_sets, &mut summary);
        meter(&mut source, &examined, &Before::default(), &shape, &mut destination, all, &bar).unwrap();
        let by = [Column::Window, Column::Tenant, Column::Dimension];
        let rows = usage_rows(&ledger, &UsageQuery::by(by)).unwrap();
        (rows.iter().map(|row| format!("{row:?}")).collect(), summary)
    }

    #[test]
    fn lines_that_are_older_than_closed_windows_count_in_their_own() {
        // Hours in which each goes back, and a last line before all of them.
        let minutes = (0..40_u32).map(|n| (n * 7 + n % 3 * 30) % 60 + 1).chain([0]);
        let line = |minute: u32| {
            let user = ["ada", "bob", "eve"][minute as usize % 3];
            let time = format!("17/May/2015:10:{minute:02}:03 +0000");
            format!("192.0.2.7 - {user} [{time}] \"GET /{user} HTTP/1.1\" 200 {minute}\n")
        };
        let log = minutes.map(line).collect::<Vec<_>>().concat();
        let log = log.replace(":60:", ":59:");
        let (rows, summary) = imported(&log, usize::MAX);
        assert_eq!(summary.lines_late, 0);
        for held_bytes_max in [1, 300, 1000, 3000] {
            let (few, summary) = imported(&log, held_bytes_max);
            assert_eq!(few, rows, "{held_bytes_max}");
            assert_eq!(summary.acknowledged, summary.totals);
            assert!(summary.lines_late > 0, "{held_bytes_max}");
        }
    }
}

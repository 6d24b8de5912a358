//! `import`: meters access logs.

mod again;
mod examining;
mod follow;
mod hash_key;
mod held;
mod label_sets;
mod log_directory;
mod metering;
mod read_ahead;
mod reading;
mod routes;
mod shape;
mod source;
mod summary;
mod tenant;

use std::{fs, io::Write, path::PathBuf, sync::Arc, time::Instant};

use anyhow::ensure;
use indicatif::ProgressBar;
use ron_accounting::counters::Label;
use ron_accounting_access_log::Format;
use ron_accounting_sqlite::SqliteLedger;

use self::{
    again::{Log, Part, Stop},
    examining::{Examination, Examined},
    hash_key::HashKey,
    label_sets::LabelSets,
    log_directory::LogDirectory,
    metering::Destination,
    reading::{Before, Reading},
    routes::Routes,
    shape::Shape,
    source::Source,
    summary::{FileSummary, Refusal, Summary},
    tenant::{TenantRule, Tenants},
};
use super::ledger::LedgerArgument;
use crate::{
    exit::{Exit, Failure},
    moment, progress,
};

/// Counts that are held for their windows take about this much memory.
const HELD_BYTES_MAX: usize = 16 << 20;

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting import access.log
  ron-accounting import --window 5m --tenant =acme --service web --region fra access.log.2 access.log.1
  zcat access.log.*.gz | ron-accounting import --tenant host-hash --json -
  ron-accounting import --tenant header:X-Tenant --format '%h %l %u %t \"%r\" %>s %b %{X-Tenant}i' access.log
  ron-accounting import --routes openapi.yaml --unmatched-route :other access.log
  ron-accounting import --strict --ledger /var/lib/meter/usage.db access.log
  ron-accounting import --follow --ledger /var/lib/meter/usage.db /var/log/nginx/access.log";

/// Meter access logs of Apache, nginx, Caddy, Traefik, Envoy, HAProxy, IIS, CloudFront, AWS and others, packed with gzip or zstd
/// or not.
///
/// The format is recognised by the first lines, and named in the summary. Where it would be a guess who made the requests, and
/// where most lines cannot be read, nothing is imported; --format then says what the fields are.
///
/// Each line counts one request, its bytes_out, and its bytes_in where the format has them, under the tenant, the method, the route (the target without query,
/// numbers and other identifiers replaced by placeholders, or the one of --routes that it matches), the service and the region. Each line counts in the window
/// of its own time, whatever the order of lines. A request line that is not HTTP (`-`, TLS on a plain port) counts under method OTHER and route :malformed. A line that cannot be read is skipped and counted
/// by reason. The first few are shown with their numbers.
///
/// Importing the same log twice changes nothing: its slices are named after its content and the options that change them
/// (window, tenant, service, region, routes, format, times, hash key), and the ledger has them already. A log that has grown since
/// is recognised, whatever its name, packed or not, and what is new is counted. The same log with other options is refused;
/// --again-as counts it once more. Standard input and pipes are kept in a temporary file until they end, so the same holds for them.
/// With --amnesia they are read directly instead, under a random name, and count each time. If an import is interrupted, run it
/// again: what the ledger has already is not counted twice. So files need no write-ahead log. Standard input has one while it is
/// imported.
///
/// With --follow, logs are counted while they are written, across rotation by rename and by copytruncate, until SIGTERM or Ctrl-C.
/// The ledger keeps how far each log is counted, in the transaction that stores the slices. So a kill loses and doubles nothing: the
/// next start goes on there. A line is in the ledger at most --commit-every and --poll after it was written.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// The folder of the write-ahead log that standard input and pipes need [default: next to the ledger, as FILE.log]
    #[arg(long, value_name = "DIR", conflicts_with = "amnesia")]
    wal: Option<PathBuf>,
    /// Keep everything but the ledger in memory: no log, no temporary files
    #[arg(long)]
    amnesia: bool,
    /// The length of a window, from 10ms to 1d: 500ms, 60s, 5m, 1h
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = moment::parse_window)]
    window: u64,
    /// The tenant of a line: =NAME for one tenant, `user` for the authenticated user, `user-hash` or `host-hash` for a keyed
    /// pseudonym of the user or of the client's address, `vhost` for the host that was asked, `header:NAME` or `field:NAME` for
    /// what the format has; `anonymous` without one
    #[arg(long, value_name = "RULE", default_value = "=default")]
    tenant: TenantRule,
    /// How many tenants are told apart, from 1 to 16,777,216; usage of later ones counts under ~overflow
    #[arg(long, value_name = "NUMBER", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    tenants_max: u32,
    /// The key of the pseudonyms, 16 to 4096 bytes [default: $RON_ACCOUNTING_HASH_KEY, else FILE.hash-key next to the ledger,
    /// which is created on first use]
    #[arg(long, value_name = "KEYFILE")]
    hash_key_file: Option<PathBuf>,
    /// The service that wrote the log
    #[arg(long, value_name = "NAME", default_value = "")]
    service: String,
    /// The region that it runs in
    #[arg(long, value_name = "NAME", default_value = "")]
    region: String,
    /// The routes of the service, which win over what paths look like: one path a line, as /users/{id}, or an OpenAPI 3 document as
    /// JSON or YAML
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// The one route of all paths that match none of --routes, such as :unmatched [default: each what it looks like]
    #[arg(long, value_name = "NAME", requires = "routes")]
    unmatched_route: Option<String>,
    /// How many values a position of the paths may show before all become :name, as in /files/:name, from 1 to 65,536; 0: any
    /// number. Each log learns from all its paths before the first is counted
    #[arg(long, value_name = "NUMBER", default_value_t = 128, value_parser = clap::value_parser!(u32).range(..=65_536))]
    route_values_max: u32,
    /// The format of the log: auto, common, combined, vhost_common, vhost_combined, w3c (IIS, CloudFront), alb, elb, s3, haproxy,
    /// envoy, istio, caddy, traefik, nginx-json, envoy-json, docker, json:FIELD=KEY,..., or a format as Apache's LogFormat or
    /// nginx's log_format has it
    #[arg(long, default_value = "auto")]
    format: Format,
    /// The zone of times without one: UTC, Europe/Berlin, +02:00
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// The form of the times, as for strftime: %d.%m.%Y %H:%M:%S
    #[arg(long, value_name = "FORM")]
    time_format: Option<String>,
    /// Count logs that other options have counted already once more, apart, under this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    again_as: String,
    /// Read all logs first; if any line cannot be metered, name it and change nothing
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    follow: follow::FollowArguments,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// The logs, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    if arguments.follow.follow {
        return follow::run(arguments, out);
    }
    let start = Instant::now();
    let bar = progress::bytes();
    let result = import(arguments, &bar);
    bar.finish_and_clear();
    let (mut summary, label_sets) = result?;
    tell(&mut summary, label_sets, start, arguments.json, out)
}

/// Prints the summary.
fn tell(
    summary: &mut Summary,
    label_sets: LabelSets,
    start: Instant,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    summary.refused = label_sets.refused.into_iter().map(|(what, count)| Refusal::new(what, count)).collect();
    summary.complete(label_sets.counts, start.elapsed());
    if as_json {
        summary.write_json(out).map_err(Failure::stopped)?;
    } else {
        summary.write_text(out).map_err(Failure::stopped)?;
    }
    Ok(if summary.conserved { Exit::Done } else { Exit::Violated })
}

fn import(arguments: &Arguments, bar: &ProgressBar) -> Result<(Summary, LabelSets), Failure> {
    let ledger_path = &arguments.ledger.ledger;
    // Before the logs are read, which may take long. A ledger that does not exist cannot be checked without creating it.
    let mut ends = Vec::new();
    if fs::metadata(ledger_path).is_ok_and(|metadata| metadata.len() > 0) {
        let imports = arguments.ledger.open_read_only()?.log_imports()?;
        ends.extend(imports.iter().map(|import| import.end_byte));
    }
    let (reading, routes) = reading_and_routes(arguments)?;
    let mut sources = open_sources(arguments)?;
    bar.set_length(sources.iter().filter_map(Source::bytes).sum::<u64>() * 2);
    let shape = shape(arguments, reading, routes)?;
    let Shape { reading, routes, .. } = &shape;
    let examination = Examination { reading, routes, is_strict: arguments.strict, bar };
    let mut logs = Vec::with_capacity(sources.len());
    for mut source in sources.drain(..) {
        let examined = examination.examine(&mut source, u64::MAX, ends.clone())?;
        ends.extend(examined.content.as_ref().map(|content| content.bytes));
        logs.push(ExaminedLog { source, examined, parts: Vec::new() });
    }

    let directory = LogDirectory::new(arguments.wal.as_deref(), ledger_path);
    directory.create_named()?;
    let ledger = Arc::new(SqliteLedger::open(ledger_path)?);
    begin(&ledger, &shape, &mut logs)?;
    let mut importing = Importing {
        ledger: &ledger,
        shape: &shape,
        directory: &directory,
        amnesia: arguments.amnesia,
        label_sets: LabelSets::new(shape.routes.normalizer()?),
        summary: Summary { ledger: ledger_path.display().to_string(), ..Summary::default() },
        bar,
    };
    for log in logs {
        importing.log(log, &examination).map_err(Failure::stopped)?;
    }
    Ok((importing.summary, importing.label_sets))
}

fn reading_and_routes(arguments: &Arguments) -> anyhow::Result<(Reading, Routes)> {
    let reading = Reading::new(
        arguments.format.clone(),
        arguments.time_zone.as_deref(),
        arguments.time_format.as_deref(),
        arguments.tenant.clone(),
    )?;
    let routes = Routes::new(
        arguments.routes.as_deref(),
        arguments.unmatched_route.as_deref(),
        arguments.route_values_max,
    )?;
    Ok((reading, routes))
}

/// A log that is to be imported.
#[derive(Debug)]
struct ExaminedLog {
    source: Source,
    examined: Examined,
    parts: Vec<Part>,
}

/// Finds out which parts of the logs are to be imported, and notes it in the ledger. All logs are begun, or none.
fn begin(ledger: &SqliteLedger, shape: &Shape, logs: &mut [ExaminedLog]) -> anyhow::Result<()> {
    loop {
        let mut seen = Vec::new();
        let begun = ledger.begin_log_imports(|imports| {
            let mut all = imports.to_vec();
            seen.clear();
            for ExaminedLog { source, examined, parts } in logs.iter_mut() {
                let Some(content) = examined.content else { continue };
                seen.extend(all.iter().map(|import| import.end_byte));
                let log = Log { name: &source.name, content, marks: &examined.marks };
                let begun;
                (*parts, begun) = log.parts(shape, &all)?;
                all.extend(begun);
                all.sort_by_key(|import| import.end_byte);
            }
            Ok::<_, Stop>(all.into_iter().filter(|import| !imports.contains(import)).collect())
        });
        match begun {
            Ok(()) => return Ok(()),
            Err(Stop::Unmarked) => {
                for ExaminedLog { source, examined, .. } in logs.iter_mut().filter(|log| log.source.is_file())
                {
                    let ends = seen.iter().chain(examined.content.iter().map(|content| &content.bytes));
                    examined.marks = examining::marks(source, ends.copied().collect())?;
                }
            }
            Err(stop) => return Err(stop.into()),
        }
    }
}

/// An import on its way.
struct Importing<'i> {
    ledger: &'i Arc<SqliteLedger>,
    shape: &'i Shape,
    directory: &'i LogDirectory,
    amnesia: bool,
    label_sets: LabelSets,
    summary: Summary,
    bar: &'i ProgressBar,
}

impl Importing<'_> {
    /// Imports the parts of a log that are to be imported.
    fn log(&mut self, log: ExaminedLog, examination: &Examination<'_>) -> anyhow::Result<()> {
        let ExaminedLog { mut source, examined, parts } = log;
        let Some(content) = examined.content else {
            return self.part(&mut source, &examined, 0, &Before::default());
        };
        if parts.is_empty() {
            self.known(&source, &examined);
        }
        for part in parts {
            if part.content.bytes == content.bytes {
                self.part(&mut source, &examined, part.start, &part.before)?;
            } else {
                // An import that was interrupted. It is completed as it was begun: it knew nothing of what came later.
                let earlier = examination.examine(&mut source, part.content.bytes, Vec::new())?;
                self.part(&mut source, &earlier, part.start, &part.before)?;
            }
        }
        Ok(())
    }

    /// Notes a log of which following has counted everything.
    fn known(&mut self, source: &Source, examined: &Examined) {
        self.summary.is_known = true;
        self.summary.files.push(FileSummary {
            file: source.name.clone(),
            lines: 0,
            lines_before: Before::of(examined.marks.iter()).lines(),
            format: examined
                .parser
                .as_ref()
                .map_or_else(String::new, |parser| parser.description().to_owned()),
            origin: None,
        });
    }

    /// Imports a part of a log, which begins at byte `start`.
    fn part(
        &mut self,
        source: &mut Source,
        examined: &Examined,
        start: u64,
        before: &Before,
    ) -> anyhow::Result<()> {
        let Self { ledger, shape, directory, amnesia, label_sets, summary, bar } = self;
        label_sets.begin_log(&examined.normalizer);
        let lines_before = summary.lines_read;
        let mut prepared = Vec::new();
        // A file can be read again, which is its recovery.
        let needs_log = source.is_spooled() && !*amnesia;
        let origin = |pass| examined.content.map(|content| shape.origin(&content.hash, start, pass));
        let mut destination = |pass: u64| {
            let log = origin(pass).filter(|_| needs_log);
            let log = log.map(|origin| directory.prepare(origin, ledger)).transpose()?;
            let log_path = log.as_ref().map(|log| log.path.clone());
            prepared.extend(log);
            let ledger = Arc::clone(ledger) as _;
            Ok(Destination { ledger, log: log_path, amnesia: *amnesia, origin: origin(pass) })
        };
        let told = (&mut *label_sets, &mut *summary);
        let metered = metering::meter(source, examined, before, shape, &mut destination, told, bar)?;
        if let Some(origin) = origin(0) {
            ledger.complete_log_import(origin)?;
        }
        if let Some(learner) = examined.normalizer.learner() {
            summary.add_learned(learner.stats());
        }
        for log in prepared {
            summary.recovered_slices += log.recovered_slices;
            log.finish()?;
        }
        summary.files.push(FileSummary {
            file: source.name.clone(),
            lines: summary.lines_read - lines_before,
            lines_before: before.lines(),
            format: metered.format,
            origin: metered.origin.map(|origin| origin.to_string()),
        });
        Ok(())
    }
}

fn open_sources(arguments: &Arguments) -> anyhow::Result<Vec<Source>> {
    source::check_paths(&arguments.files)?;
    let mut sources = Vec::with_capacity(arguments.files.len());
    for path in &arguments.files {
        let source = Source::open(path, arguments.amnesia)?;
        ensure!(
            source.is_file() || !arguments.strict,
            "--strict reads {} twice, and --amnesia forbids to keep it: drop one of the two, or name a file",
            source.name
        );
        sources.push(source);
    }
    Ok(sources)
}

fn shape(arguments: &Arguments, reading: Reading, routes: Routes) -> anyhow::Result<Shape> {
    let normalizer = routes.normalizer()?;
    let checked = |label, option, raw: &str| shape::checked_label(&normalizer, label, option, raw);
    let tenants = match &arguments.tenant {
        TenantRule::Fixed(name) => Tenants::Fixed(checked(Label::Tenant, "--tenant", name)?),
        TenantRule::User => Tenants::User,
        TenantRule::UserHash => Tenants::UserHash(hash_key(arguments)?),
        TenantRule::HostHash => Tenants::HostHash(hash_key(arguments)?),
        TenantRule::Vhost => Tenants::Vhost,
        TenantRule::Field(name) => Tenants::Field(name.clone()),
    };
    let service = checked(Label::Service, "--service", &arguments.service)?;
    let region = checked(Label::Region, "--region", &arguments.region)?;
    let tenants_max = arguments.tenants_max;
    Ok(Shape {
        window_ms: arguments.window,
        tenants,
        tenants_max,
        service,
        region,
        again_as: arguments.again_as.clone(),
        reading,
        routes,
        held_bytes_max: HELD_BYTES_MAX,
    })
}

fn hash_key(arguments: &Arguments) -> anyhow::Result<HashKey> {
    HashKey::obtain(arguments.hash_key_file.as_deref(), &arguments.ledger.ledger)
}

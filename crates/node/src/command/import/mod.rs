//! `import`: meters access logs.

mod hash_key;
mod held;
mod label_sets;
mod log_directory;
mod metering;
mod reading;
mod routes;
mod shape;
mod source;
mod summary;
mod tenant;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use anyhow::{bail, ensure, Context};
use indicatif::ProgressBar;
use ron_accounting::{counters::Label, normalize::RouteNormalizer};
use ron_accounting_access_log::{Format, Parser};
use ron_accounting_sqlite::SqliteLedger;

use self::{
    hash_key::HashKey,
    label_sets::LabelSets,
    log_directory::LogDirectory,
    metering::Destination,
    reading::{each_request, Reading},
    routes::{Learning, Routes},
    shape::Shape,
    source::{Content, HashingReader, Source},
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
  ron-accounting import --strict --ledger /var/lib/meter/usage.db access.log";

/// Meter access logs of Apache, nginx, Caddy, Traefik, Envoy, HAProxy, IIS, CloudFront, AWS and others, packed with gzip or zstd
/// or not.
///
/// The format is recognised by the first lines, and named in the summary. Where it would be a guess who made the requests, and
/// where most lines cannot be read, nothing is imported; --format then says what the fields are.
///
/// Each line counts one request and its bytes_out, under the tenant, the method, the route (the target without query,
/// numbers and other identifiers replaced by placeholders, or the one of --routes that it matches), the service and the region. Each line counts in the window
/// of its own time, whatever the order of lines. A request line that is not HTTP (`-`, TLS on a plain port) counts under method OTHER and route :malformed. A line that cannot be read is skipped and counted
/// by reason. The first few are shown with their numbers.
///
/// Importing the same log twice changes nothing: its slices are named after its content and the options that change them
/// (window, tenant, service, region, routes, format, times, hash key), and the ledger has them already. So import logs that are closed. A log
/// that has grown since is another log, and its old lines would count again. Standard input and pipes are kept in a
/// temporary file until they end, so the same holds for them. With --amnesia they are read directly instead, under a random
/// name, and count each time. If an import is interrupted, run it again: what the ledger has already is not counted twice. So files
/// need no write-ahead log. Standard input has one while it is imported.
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
    /// Read all logs first; if any line cannot be metered, name it and change nothing
    #[arg(long)]
    strict: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// The logs, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let start = Instant::now();
    let bar = progress::bytes();
    let result = import(arguments, &bar);
    bar.finish_and_clear();
    let (mut summary, label_sets) = result?;
    summary.refused = label_sets.refused.into_iter().map(|(what, count)| Refusal::new(what, count)).collect();
    summary.complete(label_sets.counts, start.elapsed());
    if arguments.json {
        summary.write_json(out).map_err(Failure::stopped)?;
    } else {
        summary.write_text(out).map_err(Failure::stopped)?;
    }
    Ok(if summary.conserved { Exit::Done } else { Exit::Violated })
}

fn import(arguments: &Arguments, bar: &ProgressBar) -> Result<(Summary, LabelSets), Failure> {
    let ledger_path = &arguments.ledger.ledger;
    // Before the logs are read, which may take long. A ledger that does not exist cannot be checked without creating it.
    if fs::metadata(ledger_path).is_ok_and(|metadata| metadata.len() > 0) {
        arguments.ledger.open_read_only()?;
    }
    let reading = Reading::new(
        arguments.format.clone(),
        arguments.time_zone.as_deref(),
        arguments.time_format.as_deref(),
        arguments.tenant.field(),
    )?;
    let routes = Routes::new(
        arguments.routes.as_deref(),
        arguments.unmatched_route.as_deref(),
        arguments.route_values_max,
    )?;
    let mut sources = open_sources(arguments)?;
    bar.set_length(sources.iter().filter_map(Source::bytes).sum::<u64>() * 2);
    let mut contents = Vec::with_capacity(sources.len());
    for source in &mut sources {
        contents.push(examine(source, &reading, &routes, arguments.strict, bar)?);
    }

    let shape = shape(arguments, reading, routes)?;
    let logs = LogDirectory::new(arguments.wal.as_deref(), ledger_path);
    logs.create_named()?;
    let ledger = Arc::new(SqliteLedger::open(ledger_path)?);
    let mut summary = Summary { ledger: ledger_path.display().to_string(), ..Summary::default() };
    let mut label_sets = LabelSets::new(shape.routes.normalizer()?);
    for (source, examined) in sources.iter_mut().zip(contents) {
        label_sets.begin_log(&examined.normalizer);
        let lines_before = summary.lines_read;
        let mut prepared = Vec::new();
        let needs_log = source.is_spooled();
        let mut destination = |pass: u64| {
            let origin = examined.content.as_ref().map(|content| shape.origin(&content.hash, pass));
            // A file can be read again, which is its recovery.
            let needs_log = needs_log && !arguments.amnesia;
            let log = origin.filter(|_| needs_log).map(|origin| logs.prepare(origin, &ledger)).transpose()?;
            let log_path = log.as_ref().map(|log| log.path.clone());
            prepared.extend(log);
            let amnesia = arguments.amnesia;
            Ok(Destination { ledger: Arc::clone(&ledger) as _, log: log_path, amnesia, origin })
        };
        let metered =
            metering::meter(source, &examined, &shape, &mut destination, &mut label_sets, &mut summary, bar)
                .map_err(Failure::stopped)?;
        if let Some(learner) = examined.normalizer.learner() {
            summary.add_learned(learner.stats());
        }
        for log in prepared {
            summary.recovered_slices += log.recovered_slices;
            log.finish().map_err(Failure::stopped)?;
        }
        summary.files.push(FileSummary {
            file: source.name.clone(),
            lines: summary.lines_read - lines_before,
            format: metered.format,
            origin: metered.origin.map(|origin| origin.to_string()),
        });
    }
    Ok((summary, label_sets))
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

/// A log after its first reading.
#[derive(Debug)]
struct Examined {
    /// `None` for a log that can be read only once. Its format is told, and its routes are learned, on the way.
    content: Option<Content>,
    parser: Option<Parser>,
    normalizer: RouteNormalizer,
}

/// Makes the first reading, if there can be a second.
fn examine(
    source: &mut Source,
    reading: &Reading,
    routes: &Routes,
    is_strict: bool,
    bar: &ProgressBar,
) -> anyhow::Result<Examined> {
    let normalizer = routes.normalizer()?;
    if !source.is_file() {
        return Ok(Examined { content: None, parser: None, normalizer });
    }
    let name = source.name.clone();
    let cannot_read = || format!("cannot read {name}");
    let mut input = bar.wrap_read(source.read_from_start().with_context(cannot_read)?);
    let mut reader = HashingReader::new(&mut input);
    let mut lines = Reading::lines(&mut reader).with_context(cannot_read)?;
    let parser = reading.parser(&name, lines.sample().with_context(cannot_read)?)?;
    let mut learning = Learning::with(&normalizer);
    if is_strict || learning.is_some() {
        let unwanted = "nothing was imported, since --strict wants every line to count";
        each_request(&mut lines, &mut parser.clone(), |number, parsed| {
            match (parsed, &mut learning) {
                (Ok(request), Some(learning)) => learning.observe(request),
                (Err(skip), _) if is_strict => bail!("{name}:{number}: {skip}; {unwanted}"),
                _ => {}
            }
            Ok(())
        })?;
        if let Some(damage) = lines.get_ref().damage().filter(|_| is_strict) {
            bail!("{name} is damaged or cut: {damage}; {unwanted}");
        }
    }
    drop(lines);
    io::copy(&mut reader, &mut io::sink()).with_context(cannot_read)?;
    let content = Some(reader.content());
    Ok(Examined { content, parser: Some(parser), normalizer })
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
        TenantRule::Field(_) => Tenants::Field,
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
        reading,
        routes,
        held_bytes_max: HELD_BYTES_MAX,
    })
}

fn hash_key(arguments: &Arguments) -> anyhow::Result<HashKey> {
    HashKey::obtain(arguments.hash_key_file.as_deref(), &arguments.ledger.ledger)
}

//! `import`: meters access logs.

mod hash_key;
mod label_sets;
mod log_directory;
mod metering;
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
use ron_accounting_sqlite::SqliteLedger;

use self::{
    hash_key::HashKey,
    label_sets::LabelSets,
    log_directory::LogDirectory,
    metering::Destination,
    shape::Shape,
    source::{Content, HashingReader, Source},
    summary::{FileSummary, Summary},
    tenant::{TenantRule, Tenants},
};
use super::ledger::LedgerArgument;
use crate::{
    access_log::{Entry, Format, Lines},
    exit::{Exit, Failure},
    moment, progress,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting import access.log
  ron-accounting import --window 5m --tenant =acme --service web --region fra access.log.2 access.log.1
  zcat access.log.*.gz | ron-accounting import --tenant host-hash --json -
  ron-accounting import --strict --ledger /var/lib/meter/usage.db access.log";

/// Meter access logs in the common or the combined format.
///
/// Each line counts one request and its bytes_out, under the tenant, the method, the route (the target without query,
/// numbers and other identifiers replaced by placeholders), the service and the region. The times in the
/// log close the windows. A line older than the current window is counted in it, and as late. A request line that is not HTTP
/// (`-`, TLS on a plain port) counts under method OTHER and route :malformed. A line that cannot be read is skipped and counted
/// by reason. The first few are shown with their numbers.
///
/// Importing the same log twice changes nothing: its slices are named after its content and the options that change them
/// (window, tenant, service, region, format, hash key), and the ledger has them already. So import logs that are closed. A log
/// that has grown since is another log, and its old lines would count again. Standard input and pipes are kept in a
/// temporary file until they end, so the same holds for them. With --amnesia they are read directly instead, under a random
/// name, and count each time. If an import is interrupted, run it again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// The folder of the write-ahead log [default: next to the ledger, as FILE.log]
    #[arg(long, value_name = "DIR", conflicts_with = "amnesia")]
    wal: Option<PathBuf>,
    /// Keep everything but the ledger in memory: no log, no temporary files
    #[arg(long)]
    amnesia: bool,
    /// The length of a window, from 10ms to 1d: 500ms, 60s, 5m, 1h
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = moment::parse_window)]
    window: u64,
    /// The tenant of a line: =NAME for one tenant, `user` for the authenticated user (`anonymous` without one), or
    /// `host-hash` for a keyed pseudonym of the client's address
    #[arg(long, value_name = "RULE", default_value = "=default")]
    tenant: TenantRule,
    /// The key of host-hash, 16 to 4096 bytes [default: $RON_ACCOUNTING_HASH_KEY, else FILE.hash-key next to the ledger,
    /// which is created on first use]
    #[arg(long, value_name = "KEYFILE")]
    hash_key_file: Option<PathBuf>,
    /// The service that wrote the log
    #[arg(long, value_name = "NAME", default_value = "")]
    service: String,
    /// The region that it runs in
    #[arg(long, value_name = "NAME", default_value = "")]
    region: String,
    /// The format of a line; auto decides for each
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
    let mut sources = open_sources(arguments)?;
    bar.set_length(sources.iter().filter_map(Source::bytes).sum::<u64>() * 2);
    let mut contents = Vec::with_capacity(sources.len());
    for source in &mut sources {
        contents.push(examine(source, arguments, bar)?);
    }

    let shape = shape(arguments)?;
    let logs = (!arguments.amnesia).then(|| LogDirectory::new(arguments.wal.as_deref(), ledger_path));
    if let Some(logs) = &logs {
        logs.create_named()?;
    }
    let ledger = Arc::new(SqliteLedger::open(ledger_path)?);
    let mut summary = Summary { ledger: ledger_path.display().to_string(), ..Summary::default() };
    let mut label_sets = LabelSets::new(shape.normalizer.clone());
    for (source, content) in sources.iter_mut().zip(contents) {
        let (lines_before, metered_before) = (summary.lines_read, summary.lines_metered);
        let origin = content.map(|content| shape.origin(&content.hash));
        let log = logs.as_ref().zip(origin).map(|(logs, origin)| logs.prepare(origin, &ledger));
        let log = log.transpose().map_err(Failure::stopped)?;
        summary.recovered_slices += log.as_ref().map_or(0, |log| log.recovered_slices);
        let log_path = log.as_ref().map(|log| log.path.clone());
        let destination = Destination { ledger: Arc::clone(&ledger) as _, log: log_path, origin };
        let metered =
            metering::meter(source, content, &shape, &destination, &mut label_sets, &mut summary, bar)
                .map_err(Failure::stopped)?;
        if let Some(log) = log {
            log.finish().map_err(Failure::stopped)?;
        }
        if summary.lines_read > lines_before && summary.lines_metered == metered_before {
            bar.suspend(|| eprintln!("note: no line of {} could be read; is it an access log?", source.name));
        }
        summary.files.push(FileSummary {
            file: source.name.clone(),
            lines: summary.lines_read - lines_before,
            origin: metered.map(|origin| origin.to_string()),
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

/// Makes the first reading. Returns `None` for a source that can be read only once.
fn examine(source: &mut Source, arguments: &Arguments, bar: &ProgressBar) -> anyhow::Result<Option<Content>> {
    if !source.is_file() {
        return Ok(None);
    }
    let name = source.name.clone();
    let cannot_read = || format!("cannot read {name}");
    let mut input = bar.wrap_read(source.read_from_start().with_context(cannot_read)?);
    let mut reader = HashingReader::new(&mut input);
    if !arguments.strict {
        io::copy(&mut reader, &mut io::sink()).with_context(cannot_read)?;
        return Ok(Some(reader.content()));
    }
    let mut lines = Lines::new(reader);
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next().with_context(cannot_read)? else { break };
        if let Err(error) = line.and_then(|line| Entry::parse(line, arguments.format)) {
            bail!("{name}:{number}: {error}; nothing was imported, since --strict wants every line to count");
        }
    }
    Ok(Some(lines.get_ref().content()))
}

fn shape(arguments: &Arguments) -> anyhow::Result<Shape> {
    let normalizer = RouteNormalizer::new();
    let checked = |label, option, raw: &str| shape::checked_label(&normalizer, label, option, raw);
    let tenants = match &arguments.tenant {
        TenantRule::Fixed(name) => Tenants::Fixed(checked(Label::Tenant, "--tenant", name)?),
        TenantRule::User => Tenants::User,
        TenantRule::HostHash => {
            Tenants::HostHash(HashKey::obtain(arguments.hash_key_file.as_deref(), &arguments.ledger.ledger)?)
        }
    };
    let service = checked(Label::Service, "--service", &arguments.service)?;
    let region = checked(Label::Region, "--region", &arguments.region)?;
    Ok(Shape { window_ms: arguments.window, tenants, service, region, format: arguments.format, normalizer })
}

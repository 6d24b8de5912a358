//! `verify`: proves that a ledger holds what was sealed.

use std::io::{self, Write};

use ron_accounting_ledger::{text, verify, Ledger, Verification, VerifyError, Violation};
use ron_accounting_sqlite::LedgerError;

use super::ledger::LedgerArgument;
use crate::{
    exit::{Exit, Failure},
    progress,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting verify
  ron-accounting verify --ledger /var/lib/meter/usage.db && echo sound";

/// Prove that a ledger holds what was sealed, and nothing else.
///
/// Reads every stream from its first slice, and checks decoding, digest, numbers without gaps, links, and that queries sum the
/// same rows. Ends with `verified: yes`, or names the first violation (stream, seq, what was expected, what was found)
/// and exits with 1.
///
/// It reads nothing but the ledger. So it cannot see that the newest slices of a stream, or a whole stream, were removed
/// together with their traces: compare with exported slices for that. docs/operations.md lists what else it cannot see.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let ledger = match arguments.ledger.open_read_only() {
        Err(LedgerError::Damaged { source, .. }) => return Ok(report_damage(&source.to_string(), out)?),
        opened => opened?,
    };
    verify_ledger(&ledger, out)
}

fn verify_ledger(ledger: &dyn Ledger, out: &mut dyn Write) -> Result<Exit, Failure> {
    let bar = progress::slices();
    let result = verify(ledger, |progress| {
        bar.set_length(progress.slices_total);
        bar.set_position(progress.slices);
    });
    bar.finish_and_clear();
    Ok(match result {
        Ok(verification) => report_verified(&verification, out)?,
        Err(VerifyError::Violation(violation)) => report_violation(&violation, out)?,
        Err(error) => return Err(error.into()),
    })
}

fn report_verified(verification: &Verification, out: &mut dyn Write) -> io::Result<Exit> {
    let time = |unix_ms: Option<u64>| unix_ms.map_or_else(|| "-".to_owned(), text::format_time);
    writeln!(out, "streams       {}", verification.streams)?;
    writeln!(out, "slices        {}", verification.slices)?;
    writeln!(out, "rows          {}", verification.rows)?;
    writeln!(out, "first window  {} (start)", time(verification.first_window_ms))?;
    writeln!(out, "last window   {} (end)", time(verification.last_window_ms))?;
    writeln!(out, "verified: yes")?;
    Ok(Exit::Done)
}

fn report_violation(violation: &Violation, out: &mut dyn Write) -> io::Result<Exit> {
    let stream = violation.stream.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let seq = violation.seq.map_or_else(|| "unknown".to_owned(), |seq| seq.to_string());
    report_difference([&stream, &seq, &violation.expected, &violation.found], out)
}

/// Reports damage that hides which slice it belongs to.
fn report_damage(reason: &str, out: &mut dyn Write) -> io::Result<Exit> {
    report_difference(["unknown", "unknown", "a readable ledger", reason], out)
}

/// Writes the four values escaped, since they may come from a forged ledger.
fn report_difference(values: [&str; 4], out: &mut dyn Write) -> io::Result<Exit> {
    for (name, value) in ["stream", "seq", "expected", "found"].into_iter().zip(values) {
        writeln!(out, "{name:<9} {}", value.escape_debug())?;
    }
    writeln!(out, "verified: no")?;
    Ok(Exit::Violated)
}

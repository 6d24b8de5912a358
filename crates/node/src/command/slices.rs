//! `slices`: writes the slices of a ledger to files, as evidence.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};
use ron_accounting_ledger::{read_all, Ledger, StoredSlice};
use ron_ledger_wire::{Cid, Digest};

use super::{ledger::LedgerArgument, visiting::Visiting};
use crate::{
    exit::{Exit, Failure},
    progress,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  ron-accounting slices --export evidence
  ron-accounting slices --ledger /var/lib/meter/usage.db --export /media/archive/2015-05
  ron-accounting slices --export evidence --cid bafyr4i...";

/// Write the exact bytes of every slice, or of those that are named, to DIR/<cid>.cbor.
///
/// The name is the content identifier (CIDv1, dag-cbor, BLAKE3-256) of the file's bytes, and each slice links to the one
/// before it, so any IPLD tool can check what was exported. A file that is there already with the same bytes is left
/// alone, so an export can be repeated and continued; one with other bytes is an error. Files of other names do not matter.
/// Slices whose stored bytes do not match their digest are not written, are named, and make the exit code 1.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArgument,
    /// The folder to write to; created if it is missing
    #[arg(long, value_name = "DIR")]
    export: PathBuf,
    /// Only the slice with this content identifier, as `usage --evidence` shows it; may be given again
    #[arg(long, value_name = "CID")]
    cid: Vec<Cid>,
}

#[derive(Debug, Default)]
struct Counts {
    written: u64,
    present: u64,
    forged: u64,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let ledger = arguments.ledger.open_read_only()?;
    let folder = &arguments.export;
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;

    let counts = if arguments.cid.is_empty() {
        export_all(&ledger, folder)?
    } else {
        export_named(&ledger, &arguments.cid, folder)?
    };

    writeln!(out, "slices   {}", counts.written + counts.present)?;
    writeln!(out, "written  {}", counts.written)?;
    writeln!(out, "present  {}", counts.present)?;
    if counts.forged > 0 {
        writeln!(out, "forged   {}", counts.forged)?;
        return Ok(Exit::Violated);
    }
    Ok(Exit::Done)
}

fn export_all(ledger: &dyn Ledger, folder: &Path) -> anyhow::Result<Counts> {
    let bar = progress::slices();
    let mut counts = Counts::default();
    let mut visiting = Visiting::default();
    read_all(ledger, |slice| {
        bar.inc_length(1);
        bar.inc(1);
        visiting.step(|| export(slice, folder, &mut counts))
    })?;
    bar.finish_and_clear();
    visiting.end()?;
    Ok(counts)
}

fn export_named(ledger: &dyn Ledger, cids: &[Cid], folder: &Path) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    for cid in cids {
        let name = ledger.find(cid)?;
        let name = name.with_context(|| format!("the ledger has no slice {cid}: check the identifier"))?;
        let slice = ledger.slice(&name)?;
        let slice = slice.with_context(|| format!("the ledger is damaged, verify it: {name} is missing"))?;
        export(&slice.as_stored(), folder, &mut counts)?;
    }
    Ok(counts)
}

fn export(slice: &StoredSlice<'_>, folder: &Path, counts: &mut Counts) -> anyhow::Result<()> {
    let computed = Digest::of(slice.bytes);
    if computed != slice.digest {
        counts.forged += 1;
        eprintln!(
            "not written: {} seq {} is stored as {} and its bytes have {computed}; run `ron-accounting verify`",
            slice.stream.to_string().escape_debug(),
            slice.seq,
            slice.digest,
        );
        return Ok(());
    }
    let path = folder.join(format!("{}.cbor", slice.cid()));
    if write_new(folder, &path, slice.bytes).with_context(|| format!("cannot write {}", path.display()))? {
        counts.written += 1;
    } else {
        counts.present += 1;
    }
    Ok(())
}

/// Writes a file, and gives it its final name once it is complete. Returns `false` if it exists with the same bytes.
fn write_new(folder: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
    match fs::read(path) {
        Ok(present) if present == bytes => return Ok(false),
        Ok(_) => bail!("the file is there and holds other bytes: move it away, or export to another folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist_noclobber(path)?;
    Ok(true)
}

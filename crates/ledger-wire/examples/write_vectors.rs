//! Writes the golden vectors to `testing/vectors/slice-v1`. Run it when the format is meant to change, and only then:
//! the tests compare the files and never write them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ron_ledger_wire::Slice;
use serde_json::json;

// Both are part of the tests, which use more of them and allow themselves more.
#[path = "../tests/wire/deviations.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::cast_possible_truncation)]
mod deviations;
#[path = "../tests/wire/golden.rs"]
#[allow(dead_code, clippy::cast_possible_truncation)]
mod golden;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/vectors/slice-v1");
    let invalid_directory = directory.join("invalid");
    fs::create_dir_all(&invalid_directory)?;
    remove_slices(&directory)?;
    remove_slices(&invalid_directory)?;

    let mut valid = Vec::new();
    for golden::Golden { name, slice, standalone } in golden::golden() {
        let sealed = slice.encode()?;
        fs::write(slice_path(&directory, &name), sealed.bytes())?;
        valid.push(json!({
            "name": name,
            "digest": sealed.digest().to_string(),
            "cid": sealed.cid().to_string(),
            "stream": sealed.stream().to_string(),
            "seq": sealed.seq().get(),
            "rows": sealed.row_count(),
            "standalone": standalone,
        }));
    }

    let mut invalid = Vec::new();
    for deviations::Deviation { name, error, offset, bytes } in deviations::deviations() {
        assert!(Slice::decode(&bytes).is_err(), "{name} is a valid slice");
        fs::write(slice_path(&invalid_directory, &name), bytes)?;
        invalid.push(json!({ "name": name, "error": error, "offset": offset }));
    }

    let index = json!({ "format": "slice-v1", "valid": valid, "invalid": invalid });
    fs::write(directory.join("index.json"), serde_json::to_string_pretty(&index)? + "\n")?;
    println!("{} valid and {} invalid vectors written", valid.len(), invalid.len());
    Ok(())
}

fn slice_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.cbor"))
}

fn remove_slices(directory: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cbor") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

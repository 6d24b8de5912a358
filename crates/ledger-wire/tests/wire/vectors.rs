//! Are the golden files still what the code writes? They are compared, never written, by the tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ron_ledger_wire::{SealedSlice, Slice};
use serde_json::{json, Value};

use crate::deviations::deviations;
use crate::golden::golden;
use crate::known_errors::variant;

const REPAIR: &str =
    "if the format is meant to change, run `cargo run -p ron-ledger-wire --example write_vectors`";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/vectors/slice-v1")
}

/// Name and content of each `.cbor` file.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let slices = entries.filter(|path| path.extension().is_some_and(|extension| extension == "cbor"));
    let named = slices.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    named.collect()
}

fn index(section: &str) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(directory().join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&text).unwrap();
    let entries = index[section].as_array().unwrap();
    entries.iter().map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry.clone())).collect()
}

#[test]
fn golden_files_are_what_the_code_writes() {
    let written: BTreeMap<_, _> = golden()
        .into_iter()
        .map(|golden| (golden.name, golden.slice.encode().unwrap().bytes().to_vec()))
        .collect();
    let stored = files(&directory());
    assert_eq!(stored.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>(), "{REPAIR}");
    for (name, bytes) in stored {
        assert!(bytes == written[&name], "{name} differs from its golden file: {REPAIR}");
    }
}

#[test]
fn golden_files_are_what_the_index_says() {
    let index = index("valid");
    let stored = files(&directory());
    assert_eq!(stored.keys().collect::<Vec<_>>(), index.keys().collect::<Vec<_>>(), "{REPAIR}");
    for golden in golden() {
        let (name, bytes) = stored.get_key_value(&golden.name).unwrap();
        let sealed = SealedSlice::from_bytes(&bytes[..]).unwrap();
        let expected = json!({
            "name": name,
            "digest": sealed.digest().to_string(),
            "cid": sealed.cid().to_string(),
            "stream": sealed.stream().to_string(),
            "seq": sealed.seq().get(),
            "rows": sealed.row_count(),
            "standalone": golden.standalone,
        });
        assert_eq!(index[name], expected);
    }
}

#[test]
fn invalid_files_earn_the_error_in_the_index() {
    let index = index("invalid");
    let stored = files(&directory().join("invalid"));
    assert_eq!(stored.keys().collect::<Vec<_>>(), index.keys().collect::<Vec<_>>(), "{REPAIR}");
    for (name, bytes) in stored {
        let error = Slice::decode(&bytes).unwrap_err();
        assert_eq!(index[&name]["error"], variant(error.kind()), "{name}");
        assert_eq!(index[&name]["offset"], error.offset(), "{name}");
    }
}

#[test]
fn every_deviation_is_among_the_invalid_files() {
    let stored = files(&directory().join("invalid"));
    for deviation in deviations() {
        let same = stored.get(&deviation.name).is_some_and(|bytes| *bytes == deviation.bytes);
        assert!(same, "{} differs from its file: {REPAIR}", deviation.name);
    }
}

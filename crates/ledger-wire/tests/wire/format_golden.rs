//! Does the page on the format tell the truth? Its worked example and its limits are compared with the code.

use std::fs;
use std::path::Path;

use ron_ledger_wire::{SLICE_BYTES_MAX, TEXT_BYTES_MAX, WIRE_VERSION};

use crate::golden;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of the page's block of annotated hexadecimal: what stands before `#` on each line.
fn worked_example(page: &str) -> Vec<u8> {
    let block = page.split("```hex\n").nth(1).unwrap().split("```").next().unwrap();
    let digits: String = block
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().chars())
        .filter(|character| !character.is_whitespace())
        .collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn the_worked_example_is_a_slice() {
    let page = page("wire-format.md");
    let sealed = golden::example().encode().unwrap();
    assert_eq!(worked_example(&page), sealed.bytes());
    for stated in
        [format!("{} bytes", sealed.bytes().len()), sealed.digest().to_string(), sealed.cid().to_string()]
    {
        assert!(page.contains(&stated), "docs/wire-format.md must state {stated}");
    }
}

#[test]
fn the_limits_are_stated() {
    let page = page("wire-format.md");
    for stated in [format!("{SLICE_BYTES_MAX} bytes"), format!("{TEXT_BYTES_MAX} bytes")] {
        assert!(page.contains(&stated), "docs/wire-format.md must state {stated}");
    }
}

#[test]
fn the_schema_has_the_fields_in_wire_order() {
    let schema = page("slice.cddl");
    let map = schema.split("slice = {").nth(1).unwrap().split('}').next().unwrap();
    let fields: Vec<&str> =
        map.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    let names = ["v", "seq", "prev", "rows", "end_ms", "origin", "tenant", "start_ms", "dimension"];
    assert_eq!(fields, names);
    assert!(map.contains(&format!("v: {WIRE_VERSION}")));
    assert!(
        schema.contains(&format!(".le {TEXT_BYTES_MAX}")) || schema.contains(&format!("0..{TEXT_BYTES_MAX}"))
    );
}

//! Do the page and the code describe the same bytes?
//!
//! The offsets and widths come from the tables of `docs/wal-format.md`; the values from the test. The file that is built
//! from them must be, byte for byte, what the log writes.

use ron_accounting_wal::fault::MemoryStorage;
use ron_accounting_wal::{RecordKind, Wal};

use crate::rig::*;

const PAGE: &str = include_str!("../../../../docs/wal-format.md");

/// The rows of the field table under a heading: offset, width (`None` for the body), name.
fn fields(heading: &str) -> Vec<(usize, Option<usize>, String)> {
    let section = PAGE.split(&format!("### {heading}\n")).nth(1).expect("the page has the heading");
    let rows = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.map(cells).map(|row| (row[1].parse().unwrap(), row[2].parse().ok(), row[3].clone())).collect()
}

/// Lays the values out as the table says. Every field must be given a value of its width, and no field twice.
fn build(heading: &str, mut value: impl FnMut(&str, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (offset, width, name) in fields(heading) {
        assert_eq!(offset, bytes.len(), "{heading}: {name} leaves a gap");
        let field = if name == "reserved" { vec![0; width.unwrap()] } else { value(&name, &bytes) };
        assert!(width.is_none() || width == Some(field.len()), "{heading}: {name} has another width");
        bytes.extend(field);
    }
    bytes
}

fn header(number: u64, created_ms: u64) -> Vec<u8> {
    salted_header(number, created_ms, 0)
}

fn salted_header(number: u64, created_ms: u64, salt: u32) -> Vec<u8> {
    build("Header", |name, before| match name {
        "magic" => b"RONWAL\r\n".to_vec(),
        "version" => 1u32.to_le_bytes().to_vec(),
        "origin" => ORIGIN.to_vec(),
        "segment" => number.to_le_bytes().to_vec(),
        "created_ms" => created_ms.to_le_bytes().to_vec(),
        "salt" => salt.to_le_bytes().to_vec(),
        "checksum" => crc32c::crc32c(before).to_le_bytes().to_vec(),
        other => panic!("the page has an unknown field {other}"),
    })
}

fn frame(number: u64, offset: usize, kind: (u8, u8), synced: u64, body: &[u8]) -> Vec<u8> {
    salted_frame(number, offset, kind, (synced, 0), body)
}

pub(crate) fn salted_frame(
    number: u64,
    offset: usize,
    kind: (u8, u8),
    (synced, salt): (u64, u32),
    body: &[u8],
) -> Vec<u8> {
    build("Record", |name, before| {
        let place = [number.to_le_bytes(), (offset as u64).to_le_bytes()].concat();
        match name {
            "length" => u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(),
            "frame" => vec![kind.0],
            "kind" => vec![kind.1],
            "synced" => u32::try_from(synced).unwrap().to_le_bytes().to_vec(),
            "salt" => salt.to_le_bytes().to_vec(),
            "checksum" => crc32c::crc32c(&[&place, before, body].concat()).to_le_bytes().to_vec(),
            "header_checksum" => crc32c::crc32c(&[&place, before].concat()).to_le_bytes().to_vec(),
            "body" => body.to_vec(),
            other => panic!("the page has an unknown field {other}"),
        }
    })
}

fn golden() -> Vec<u8> {
    let mut file = header(0, 0x0102_0304);
    file.resize(4096, 0);
    file.extend(header(0, 0x0102_0304));
    assert_eq!(file.len(), 4160);
    file.extend(frame(0, file.len(), (1, 9), 4160, b"first"));
    let synced = file.len() as u64;
    file.extend(frame(0, file.len(), (1, 255), synced, b""));
    file.extend(frame(0, file.len(), (1, 0), synced, &[0; 300]));
    let synced = file.len() as u64;
    let footer = build("Footer", |name, _| match name {
        "records" => 3u64.to_le_bytes().to_vec(),
        "bytes" => (file.len() as u64).to_le_bytes().to_vec(),
        "whole_checksum" => crc32c::crc32c(&file).to_le_bytes().to_vec(),
        other => panic!("the page has an unknown field {other}"),
    });
    file.extend(frame(0, file.len(), (2, 0), synced, &footer));
    file
}

#[test]
fn the_code_writes_what_the_page_says() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = Wal::open(disk.clone(), ORIGIN, small(), 0).unwrap();
    wal.append(RecordKind(9), b"first", 0x0102_0304).unwrap();
    wal.sync().unwrap();
    wal.append(RecordKind(255), b"", 0).unwrap();
    wal.append(RecordKind(0), &[0; 300], 0).unwrap();
    wal.rotate(0).unwrap();
    assert!(disk.content(&segment(0)).unwrap() == golden());
}

#[test]
fn the_code_writes_into_a_recycled_file_what_the_page_says() {
    let disk = MemoryStorage::new();
    let (mut wal, _) = open(&disk);
    let old = append(&mut wal, [7; 3_000]);
    wal.rotate(0).unwrap();
    append(&mut wal, "kept");
    wal.release(old);
    wal.retire().unwrap();
    let leftovers = disk.content("spare").unwrap();
    wal.rotate(9).unwrap();
    wal.append(RecordKind(3), b"new", 0).unwrap();

    let found = disk.content(&segment(2)).unwrap();
    let salt = u32::from_le_bytes(found[48..52].try_into().unwrap());
    assert_ne!(salt, 0);
    let mut expected = salted_header(2, 9, salt);
    expected.resize(4096, 0);
    expected.extend(salted_header(2, 9, salt));
    expected.extend(salted_frame(2, expected.len(), (1, 3), (4160, salt), b"new"));
    expected.extend([0; 24]);
    expected.extend(&leftovers[expected.len()..]);
    assert!(found == expected);
}

#[test]
fn the_code_reads_what_the_page_says() {
    let disk = MemoryStorage::new();
    disk.put(&segment(0), golden());
    let (_, recovery) = open(&disk);
    let read: Vec<_> = recovery.records.iter().map(|record| (record.kind.0, record.body.len())).collect();
    assert_eq!(read, [(9, 5), (255, 0), (0, 300)]);
    assert!(recovery.report.damage.is_empty() && recovery.report.torn_tails == 0);
}

#[test]
fn the_golden_file_does_not_change() {
    // A change of both the page and the code is still noticed. FNV-1a, since a CRC of bytes that carry their own CRC
    // does not depend on them.
    let digest = golden().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((golden().len(), digest), (4585, 0xa6db_e7f8_f384_915b));
}

//! CBOR sequences (RFC 8742): where one item ends and the next begins. The items themselves are for the decoder of slices.

/// Why bytes are no sequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {index}, which begins at byte {offset}, {why}")]
pub(crate) struct MalformedItem {
    index: usize,
    offset: usize,
    why: &'static str,
}

/// Splits a sequence into the bytes of its items.
pub(crate) fn split(mut bytes: &[u8]) -> Result<Vec<&[u8]>, MalformedItem> {
    let length = bytes.len();
    let mut items = Vec::new();
    while !bytes.is_empty() {
        let malformed = |why| MalformedItem { index: items.len(), offset: length - bytes.len(), why };
        let (item, rest) = bytes.split_at(item_bytes(bytes).map_err(malformed)?);
        items.push(item);
        bytes = rest;
    }
    Ok(items)
}

/// Returns the length of the first item. It does not recurse, and reads each byte at most once.
fn item_bytes(bytes: &[u8]) -> Result<usize, &'static str> {
    const CUT_OFF: &str = "is cut off: send each slice to its end";
    let mut offset: usize = 0;
    // How many items are still to come before the first one is complete.
    let mut open: u64 = 1;
    while open > 0 {
        open -= 1;
        let first = *bytes.get(offset).ok_or(CUT_OFF)?;
        let argument_bytes = match first & 0x1f {
            0..=23 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            31 => return Err("has an indefinite length: write lengths, as canonical slices do"),
            _ => return Err("begins with a reserved byte"),
        };
        let behind = offset + 1 + argument_bytes;
        let argument = bytes.get(offset + 1..behind).ok_or(CUT_OFF)?;
        let number = match argument_bytes {
            0 => u64::from(first & 0x1f),
            _ => argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        };
        offset = behind;
        let left = (bytes.len() - offset) as u64;
        match first >> 5 {
            // Bytes and text have as many bytes; each item of an array or a map takes one at least.
            2..=5 if number > left => return Err(CUT_OFF),
            2 | 3 => offset += usize::try_from(number).map_err(|_| CUT_OFF)?,
            4 => open += number,
            5 => open += 2 * number,
            // A tag is followed by one item.
            6 => open += 1,
            _ => {}
        }
        if open > (bytes.len() - offset) as u64 {
            return Err(CUT_OFF);
        }
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use ron_ledger_wire::{Origin, Row, RowKey, Seq, Slice, StreamId};

    use super::*;

    fn slice(tenant: &str) -> Vec<u8> {
        let rows = vec![Row { key: RowKey::labels("GET", "/a", "s", "r"), increment: u64::MAX }];
        let stream = StreamId::new(Origin::from_bytes([7; 16]), tenant, "requests");
        let slice = Slice { stream, seq: Seq::FIRST, start_ms: 0, end_ms: 60_000, previous: None, rows };
        slice.encode().unwrap().bytes().to_vec()
    }

    #[test]
    fn slices_are_split_where_they_end() {
        let slices = [slice("a"), slice(&"b".repeat(300)), slice("c")];
        assert_eq!(split(&slices.concat()).unwrap(), slices);
        assert_eq!(split(b"").unwrap(), Vec::<&[u8]>::new());
        // Numbers, nested arrays, a map, a tag and simple values.
        let items: [&[u8]; 5] =
            [b"\x18\x20", b"\x82\x81\x01\x80", b"\xa1\x61a\x40", b"\xd8\x2a\x00", b"\xfb\0\0\0\0\0\0\0\0"];
        assert_eq!(split(&items.concat()).unwrap(), items);
    }

    #[test]
    fn every_cut_within_an_item_is_found() {
        let (first, second) = (slice("a"), slice("b"));
        let bytes = [first.clone(), second.clone()].concat();
        for end in 1..bytes.len() {
            let found = split(&bytes[..end]);
            if end == first.len() {
                assert_eq!(found.unwrap(), [first.as_slice()]);
            } else {
                assert!(found.is_err(), "{end}");
            }
        }
    }

    #[test]
    fn what_promises_more_than_it_has_ends_at_once() {
        for bytes in [
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
            b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x9f\x01\xff",
            b"\x1c",
            b"\xff",
            b"\xd8\x2a",
        ] {
            assert!(split(bytes).is_err(), "{bytes:x?}");
        }
        // A tower of arrays takes no stack.
        assert!(split(&vec![0x81; 1 << 20]).is_err());
    }
}

//! What happens at the edges: one mebibyte exactly, the longest text, the width of every head.

use ron_ledger_wire::{
    encode_account_key, encode_labels_key, DecodeErrorKind, EncodeError, Row, RowKey, Seq, Slice,
    SliceBuilder, StreamId, SLICE_BYTES_MAX, TEXT_BYTES_MAX,
};

use crate::golden;

fn builder() -> SliceBuilder {
    SliceBuilder::new(&golden::example().stream, Seq::FIRST, 0, 60_000, None).unwrap()
}

fn labels_key(method: u32, route_bytes: usize) -> Vec<u8> {
    let mut key = Vec::new();
    encode_labels_key(&format!("{method:08}"), &"r".repeat(route_bytes), "", "", &mut key);
    key
}

/// A builder with rows of a kibibyte, as many as fit, and the number of the next row.
fn nearly_full() -> (SliceBuilder, u32) {
    let mut builder = builder();
    let mut method = 0;
    while builder.push_encoded(&labels_key(method, 1000), 1).is_ok() {
        method += 1;
    }
    (builder, method)
}

/// The longest route with which one more row fits.
fn longest_fit(builder: &SliceBuilder, method: u32) -> usize {
    let lengths: Vec<usize> = (0..=TEXT_BYTES_MAX).collect();
    let fits = |bytes: &usize| builder.clone().push_encoded(&labels_key(method, *bytes), 1).is_ok();
    lengths.partition_point(fits) - 1
}

#[test]
fn the_size_limit_is_exact() {
    let (mut builder, method) = nearly_full();
    let longest = longest_fit(&builder, method);
    builder.push_encoded(&labels_key(method, longest), 1).unwrap();
    let sealed = builder.finish().unwrap();
    assert_eq!(sealed.bytes().len(), SLICE_BYTES_MAX);
    assert_eq!(Slice::decode(sealed.bytes()).unwrap().rows.len(), sealed.row_count());
}

/// With row 256 the count of rows takes a byte more, which must be reckoned with before the row goes in.
#[test]
fn the_size_limit_is_exact_where_the_count_grows() {
    let long = |bytes: usize| "x".repeat(bytes);
    let mut builder = builder();
    let key = |row: u32, route: usize, region: usize| {
        let mut key = Vec::new();
        encode_labels_key(&format!("{row:01024}"), &long(route), &long(1024), &long(region), &mut key);
        key
    };
    for row in 0..255 {
        builder.push_encoded(&key(row, 1024, 1014), 1).unwrap();
    }
    let lengths: Vec<usize> = (0..=1024).collect();
    let fitting =
        lengths.partition_point(|route| builder.clone().push_encoded(&key(255, *route, 0), 1).is_ok());
    assert!((1..1024).contains(&fitting), "the rows above must leave room for a part of row 256");
    builder.push_encoded(&key(255, fitting - 1, 0), 1).unwrap();
    let sealed = builder.finish().unwrap();
    assert_eq!((sealed.row_count(), sealed.bytes().len()), (256, SLICE_BYTES_MAX));
}

#[test]
fn a_full_builder_is_unchanged_and_the_next_takes_the_row() {
    let (mut builder, method) = nearly_full();
    let key = labels_key(method, longest_fit(&builder, method) + 1);
    let expected = builder.clone().finish().unwrap();
    assert_eq!(builder.push_encoded(&key, 1), Err(EncodeError::Full));
    assert_eq!(builder.push_encoded(&key, 1), Err(EncodeError::Full));
    let sealed = builder.finish().unwrap();
    assert_eq!(sealed.bytes(), expected.bytes());

    let stream = sealed.stream();
    let mut next = SliceBuilder::new(stream, Seq::new(1), 0, 60_000, Some(sealed.digest())).unwrap();
    next.push_encoded(&key, 1).unwrap();
    assert_eq!(next.finish().unwrap().previous(), Some(sealed.digest()));
}

#[test]
fn one_byte_past_the_limit_is_refused_unread() {
    let input = vec![0xff; SLICE_BYTES_MAX + 1];
    let error = Slice::decode(&input).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::TooLarge { bytes: SLICE_BYTES_MAX + 1 });
    let error = Slice::decode(&input[..SLICE_BYTES_MAX]).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::IndefiniteLength);
}

#[test]
fn the_largest_frame_takes_the_largest_row() {
    let text = "x".repeat(TEXT_BYTES_MAX);
    let stream = StreamId::new(golden::example().stream.origin(), &text, &text);
    let digest = golden::example().encode().unwrap().digest();
    let mut builder =
        SliceBuilder::new(&stream, Seq::new(u64::MAX), u64::MAX - 1, u64::MAX, Some(digest)).unwrap();
    let mut key = Vec::new();
    encode_labels_key(&text, &text, &text, &text, &mut key);
    builder.push_encoded(&key, u64::MAX).unwrap();
    let sealed = builder.finish().unwrap();
    assert!(Slice::decode(sealed.bytes()).is_ok());
}

#[test]
fn the_row_count_is_written_in_its_shortest_form() {
    let unlimited = usize::MAX;
    for count in [1, 23, 24, 255, 256, 65_535, 65_536, unlimited] {
        let mut builder = builder();
        let mut key = Vec::new();
        // Two methods of one byte, a route of two and a region of one are more keys than are asked for.
        'rows: for index in 0..count.min(95 * 95 * 95) {
            let character =
                |digit: usize| char::from(b' ' + (index / 95_usize.pow(2 - digit as u32) % 95) as u8);
            let [method, route, region] = [0, 1, 2].map(|digit| character(digit).to_string());
            key.clear();
            encode_labels_key(&method, &route, "", &region, &mut key);
            match builder.push_encoded(&key, 1) {
                Ok(()) => {}
                Err(EncodeError::Full) if count == unlimited => break 'rows,
                Err(error) => panic!("row {index} of {count}: {error}"),
            }
        }
        let sealed = builder.finish().unwrap();
        assert!(count == unlimited || sealed.row_count() == count);
        assert!(sealed.bytes().len() <= SLICE_BYTES_MAX);
        assert_eq!(sealed.decode().encode().unwrap().bytes(), sealed.bytes());
    }
}

#[test]
fn integers_take_their_shortest_form() {
    for (value, width) in golden::EXTREMES.into_iter().zip([1, 2, 2, 3, 3, 5, 5, 9, 9]) {
        let mut builder = builder();
        let mut key = Vec::new();
        encode_account_key(0, 0, &mut key);
        builder.push_encoded(&key, value).unwrap();
        let with_one = {
            let mut slice = golden::example();
            (slice.start_ms, slice.end_ms) = (0, 60_000);
            slice.rows = vec![Row { key: RowKey::account(0, 0), increment: 1 }];
            slice.encode().unwrap().bytes().len()
        };
        assert_eq!(builder.finish().unwrap().bytes().len(), with_one - 1 + width, "{value}");
    }
}

#[test]
fn texts_are_limited_in_bytes_not_characters() {
    let mut slice = golden::example();
    for (text, fits) in [("é".repeat(512), true), ("é".repeat(513), false), ("a".repeat(1025), false)] {
        slice.rows = vec![Row { key: RowKey::labels(&text, "", "", ""), increment: 1 }];
        assert_eq!(slice.encode().is_ok(), fits);
    }
}

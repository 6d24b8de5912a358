//! Does it work: every type by example, with values that were computed elsewhere.

use ron_ledger_wire::{
    encode_account_key, encode_labels_key, encode_row_key, Cid, Digest, Origin, ParseError, Row, RowKey,
    RowKeyRef, SealedSlice, Slice, SliceBuilder, StreamId,
};

use crate::golden;

#[test]
fn a_slice_comes_back_as_it_was() {
    let slice = golden::example();
    let sealed = slice.encode().unwrap();
    assert_eq!(Slice::decode(sealed.bytes()), Ok(slice.clone()));
    assert_eq!(sealed.decode(), slice);
}

#[test]
fn a_sealed_slice_tells_what_is_in_its_bytes() {
    let slice = golden::example();
    let sealed = slice.encode().unwrap();
    let read = SealedSlice::from_bytes(sealed.bytes()).unwrap();
    for sealed in [&sealed, &read] {
        assert_eq!(sealed.stream(), &slice.stream);
        assert_eq!(sealed.seq(), slice.seq);
        assert_eq!((sealed.start_ms(), sealed.end_ms()), (slice.start_ms, slice.end_ms));
        assert_eq!(sealed.previous(), slice.previous);
        assert_eq!(sealed.digest(), Digest::of(sealed.bytes()));
        assert_eq!(sealed.cid().digest(), sealed.digest());
        assert_eq!(sealed.row_count(), slice.rows.len());
        assert_eq!(sealed.total(), slice.rows.iter().map(|row| u128::from(row.increment)).sum());
        assert_eq!(&sealed.bytes().to_vec()[..], sealed.bytes());
    }
    assert_eq!(sealed, read);
    assert_ne!(sealed, golden::chain(2)[1].encode().unwrap());
}

#[test]
fn the_total_goes_past_64_bits() {
    let mut slice = golden::example();
    for row in &mut slice.rows {
        row.increment = u64::MAX;
    }
    let count = slice.rows.len() as u128;
    assert_eq!(slice.encode().unwrap().total(), count * u128::from(u64::MAX));
}

#[test]
fn rows_are_borrowed_in_order() {
    let sealed = golden::example().encode().unwrap();
    let mut rows = sealed.rows();
    assert_eq!(rows.len(), 2);
    let first = rows.next().unwrap();
    assert_eq!(
        first.key,
        RowKeyRef::Labels { method: "GET", route: "/v1/objects/:id", service: "gateway", region: "eu" }
    );
    assert_eq!(first.increment, 41);
    assert_eq!((rows.len(), rows.next().map(|row| row.increment)), (1, Some(1)));
    assert_eq!((rows.len(), rows.next()), (0, None));
    assert_eq!(rows.next(), None);
}

#[test]
fn the_builder_writes_what_the_slice_writes() {
    let slice = golden::example();
    let mut builder =
        SliceBuilder::new(&slice.stream, slice.seq, slice.start_ms, slice.end_ms, slice.previous).unwrap();
    assert!(builder.is_empty());
    for row in &slice.rows {
        let mut key = Vec::new();
        encode_row_key(&row.key, &mut key);
        builder.push_encoded(&key, row.increment).unwrap();
    }
    assert!(!builder.is_empty());
    assert_eq!(builder.row_count(), slice.rows.len());
    assert_eq!(builder.finish().unwrap().bytes(), slice.encode().unwrap().bytes());
}

#[test]
fn keys_are_appended_from_borrowed_parts() {
    let mut key = vec![0xff];
    encode_labels_key("GET", "/", "", "eu", &mut key);
    assert_eq!(key, b"\xff\x84\x63GET\x61/\x60\x62eu");
    key.clear();
    encode_account_key(256, 1, &mut key);
    assert_eq!(key, b"\x82\x19\x01\x00\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
}

#[test]
fn texts_of_identities_go_there_and_back() {
    let origin = Origin::from_bytes(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff");
    assert_eq!(origin.to_string(), "000102030405060708090a0b0c0d0eff");
    assert_eq!(origin.to_string().parse(), Ok(origin));
    assert_eq!(format!("{origin:?}"), "Origin(000102030405060708090a0b0c0d0eff)");

    // The digest of nothing, from the BLAKE3 paper's reference implementation.
    let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    assert_eq!(Digest::of(b"").to_string(), text);
    assert_eq!(text.parse(), Ok(Digest::of(b"")));

    // Python's base64.b32encode of 01 71 1e 20 and that digest, lower case, unpadded, after a 'b'.
    let text = "bafyr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";
    assert_eq!(Cid::from(Digest::of(b"")).to_string(), text);
    assert_eq!(text.parse(), Ok(Cid::from(Digest::of(b""))));
}

#[test]
fn texts_of_identities_are_strict() {
    let hex = Digest::of(b"").to_string();
    assert_eq!("00".parse::<Origin>(), Err(ParseError::Length { expected: 32, found: 2 }));
    assert!(matches!(
        hex.to_uppercase().parse::<Digest>(),
        Err(ParseError::Character { index: 0, found: 'A', .. })
    ));

    let cid = Cid::from(Digest::of(b"")).to_string();
    let with = |index: usize, character: &str| {
        let mut text = cid.clone();
        text.replace_range(index..=index, character);
        text.parse::<Cid>()
    };
    assert_eq!(cid[1..].parse::<Cid>(), Err(ParseError::Length { expected: 59, found: 58 }));
    assert_eq!(with(0, "z"), Err(ParseError::Multibase { found: 'z' }));
    assert!(matches!(with(9, "A"), Err(ParseError::Character { index: 9, found: 'A', .. })));
    assert!(matches!(with(58, "8"), Err(ParseError::Character { index: 58, found: '8', .. })));
    assert_eq!(with(58, "j"), Err(ParseError::TrailingBits { found: 'j' }));
    for index in 1..7 {
        assert!(
            matches!(with(index, "7"), Err(ParseError::CidHeader { .. })),
            "character {index} is part of the header"
        );
    }
}

#[test]
fn streams_show_themselves_without_control_characters() {
    let stream = StreamId::new(Origin::from_bytes([0xab; 16]), "a\u{1b}[2J/\n", "bytes in");
    assert_eq!(stream.to_string(), format!("{}/a\\u{{1b}}[2J/\\n/bytes in", "ab".repeat(16)));
}

#[test]
fn streams_are_equal_by_content() {
    let one = StreamId::new(Origin::from_bytes([1; 16]), "acme", "requests");
    let same = StreamId::new(Origin::from_bytes([1; 16]), "acme", "requests");
    assert_eq!(one, same);
    assert_ne!(one, StreamId::new(Origin::from_bytes([2; 16]), "acme", "requests"));
    assert_ne!(one, StreamId::new(Origin::from_bytes([1; 16]), "acm", "erequests"));
    assert!(one < StreamId::new(Origin::from_bytes([1; 16]), "acme", "requestt"));
    assert_eq!((one.tenant(), one.dimension()), ("acme", "requests"));
}

#[test]
fn keys_sort_as_they_do_on_the_wire() {
    let mut slice = golden::example();
    slice.rows = ["/b", "/aa", "/a"]
        .map(|route| Row { key: RowKey::labels("GET", route, "s", "r"), increment: 1 })
        .into_iter()
        .chain([Row { key: RowKey::account(9, 0), increment: 1 }])
        .collect();
    assert!(slice.encode().is_err());
    slice.rows.sort_by(|a, b| a.key.cmp(&b.key));
    let routes: Vec<_> = slice.rows.iter().map(|row| row.key.clone()).collect();
    assert_eq!(routes[0], RowKey::account(9, 0));
    assert_eq!(routes[1], RowKey::labels("GET", "/a", "s", "r"));
    assert_eq!(routes[3], RowKey::labels("GET", "/aa", "s", "r"));
    assert!(slice.encode().is_ok());
}

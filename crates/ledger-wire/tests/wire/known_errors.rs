//! Does each deviation have its own error, at its own place?

use std::collections::BTreeSet;

use ron_ledger_wire::{
    encode_labels_key, DecodeErrorKind, Digest, EncodeError, RowKey, SealedSlice, Seq, Slice, SliceBuilder,
    StreamId,
};

use crate::deviations::{deviations, Deviation, Pieces};
use crate::golden;

/// The variant's name, without its fields.
pub(crate) fn variant(kind: &DecodeErrorKind) -> String {
    format!("{kind:?}").split([' ', '{']).next().unwrap().to_owned()
}

fn refused(name: &str) {
    let all = deviations();
    let Deviation { error, offset, bytes, .. } = all.iter().find(|deviation| deviation.name == name).unwrap();
    let found = Slice::decode(bytes).unwrap_err();
    assert_eq!((variant(found.kind()).as_str(), found.offset()), (*error, *offset), "{found}");
    assert_eq!(SealedSlice::from_bytes(&bytes[..]), Err(found));
}

macro_rules! refused {
    ($($name:ident)*) => {
        $(#[test] fn $name() { refused(stringify!($name)); })*

        #[test]
        fn every_deviation_has_its_test() {
            let tested = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            let known: Vec<String> = deviations().into_iter().map(|deviation| deviation.name).collect();
            assert_eq!(known.len(), tested.len(), "two deviations share a name");
            assert_eq!(known.into_iter().collect::<BTreeSet<_>>(), tested);
        }
    };
}

refused! {
    empty_input cut_off one_byte_behind slice_behind_slice rows_announced_but_absent
    fields_announced_but_absent array_for_slice integer_for_slice tagged_slice deep_nesting

    integer_in_two_bytes integer_in_three_bytes integer_in_five_bytes integer_in_nine_bytes
    version_in_two_bytes increment_in_two_bytes tag_in_three_bytes text_length_in_two_bytes
    text_length_in_nine_bytes bytes_length_in_two_bytes row_count_in_two_bytes field_count_in_two_bytes
    name_length_in_two_bytes indefinite_text indefinite_bytes indefinite_rows indefinite_map
    break_for_integer reserved_integer reserved_text indefinite_integer half_float single_float
    double_float foreign_tag big_integer

    negative_seq text_for_integer text_for_version bytes_for_text text_for_origin null_for_text
    false_for_link undefined_for_link simple_for_link digest_for_link text_in_link link_for_integer
    integer_for_rows map_for_rows integer_for_row text_for_key negative_increment array_for_text
    map_for_integer array_for_label integer_for_name

    missing_v missing_seq missing_prev missing_rows missing_end_ms missing_origin missing_tenant
    missing_start_ms missing_dimension no_fields unknown_field unknown_field_last upper_case_field
    duplicate_field duplicate_field_later version_second alphabetical_fields

    link_without_zero_byte link_in_base32 link_of_version_0 link_of_version_2 link_to_raw_codec
    link_to_padded_codec link_by_sha2 link_with_short_digest link_with_wrong_digest_length link_cut_off
    link_too_long empty_link second_slice_without_link first_slice_with_link

    version_0 version_2 short_origin long_origin tenant_not_utf8 surrogate_in_dimension overlong_utf8
    label_not_utf8 long_tenant long_dimension long_label text_of_4_gib end_is_start end_before_start

    no_rows unsorted_rows account_after_labels rows_in_text_order duplicate_row zero_increment row_of_one
    row_of_three empty_key key_of_three key_of_five namespace_of_33_bits short_account_id long_account_id
}

#[test]
fn the_pieces_are_valid_until_one_is_changed() {
    for pieces in [Pieces::genesis(), Pieces::second()] {
        let bytes = pieces.bytes();
        assert_eq!(Slice::decode(&bytes).unwrap().encode().unwrap().bytes(), bytes);
    }
}

#[test]
fn errors_say_where_and_what() {
    let shown = |name: &str| {
        let deviation = deviations().into_iter().find(|deviation| deviation.name == name).unwrap();
        Slice::decode(&deviation.bytes).unwrap_err().to_string()
    };
    assert_eq!(shown("negative_seq"), "at byte 8: expected an unsigned integer, found a negative integer");
    assert_eq!(shown("unknown_field"), "at byte 4: field \"x\" is not part of the format");
    assert_eq!(
        shown("version_2"),
        "at byte 3: version 2 of the format is not supported, this reader knows 1"
    );
}

#[test]
fn a_long_unknown_field_is_named_by_its_beginning() {
    let mut bytes = b"\xa1\x79\x04\x00".to_vec();
    bytes.extend("é".repeat(512).bytes());
    let error = Slice::decode(&bytes).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::UnknownField { name: "é".repeat(32).into() });
}

#[test]
fn the_encoder_refuses_what_the_decoder_would() {
    let valid = golden::example();
    let digest = Digest::of(b"");
    let encode = |change: fn(&mut Slice, Digest)| {
        let mut slice = valid.clone();
        change(&mut slice, digest);
        slice.encode().unwrap_err()
    };
    assert_eq!(encode(|slice, digest| slice.previous = Some(digest)), EncodeError::GenesisLink);
    assert_eq!(encode(|slice, _| slice.seq = Seq::new(3)), EncodeError::MissingLink { seq: Seq::new(3) });
    assert!(matches!(encode(|slice, _| slice.end_ms = slice.start_ms), EncodeError::EmptyWindow { .. }));
    assert_eq!(encode(|slice, _| slice.rows.clear()), EncodeError::NoRows);
    assert_eq!(encode(|slice, _| slice.rows.reverse()), EncodeError::UnsortedRows { row: 1 });
    assert_eq!(
        encode(|slice, _| slice.rows[1].key = slice.rows[0].key.clone()),
        EncodeError::DuplicateRow { row: 1 }
    );
    assert_eq!(encode(|slice, _| slice.rows[1].increment = 0), EncodeError::ZeroIncrement { row: 1 });
    let with_tenant = |slice: &mut Slice, tenant: &str, dimension: &str| {
        slice.stream = StreamId::new(slice.stream.origin(), tenant, dimension);
    };
    let mut slice = valid.clone();
    with_tenant(&mut slice, &"é".repeat(513), "requests");
    assert_eq!(slice.encode(), Err(EncodeError::TextTooLong { field: "tenant", bytes: 1026 }));
    with_tenant(&mut slice, "acme", &"d".repeat(1025));
    assert_eq!(slice.encode(), Err(EncodeError::TextTooLong { field: "dimension", bytes: 1025 }));
    let mut slice = valid.clone();
    slice.rows[0].key = RowKey::labels("GET", &"/".repeat(1025), "s", "r");
    let EncodeError::InvalidKey(error) = slice.encode().unwrap_err() else { panic!("the key is too long") };
    assert_eq!(error.kind(), &DecodeErrorKind::TextTooLong { bytes: 1025 });
}

#[test]
fn the_builder_refuses_keys_that_are_not_keys() {
    let slice = golden::example();
    let mut builder = SliceBuilder::new(&slice.stream, Seq::FIRST, 0, 1, None).unwrap();
    let mut key = Vec::new();
    encode_labels_key("GET", "/", "s", "r", &mut key);
    let mut refused = |key: &[u8]| match builder.push_encoded(key, 1) {
        Err(EncodeError::InvalidKey(error)) => variant(error.kind()),
        other => panic!("{key:02x?} is no key: {other:?}"),
    };
    assert_eq!(refused(b""), "Truncated");
    assert_eq!(refused(b"\x84\x61a"), "Truncated");
    assert_eq!(refused(b"\x01"), "WrongType");
    assert_eq!(refused(b"\x82\x18\x01\x50"), "NonShortestInteger");
    assert_eq!(refused(&[&key[..], b"\0"].concat()), "TrailingBytes");
    assert!(builder.is_empty());
    assert_eq!(builder.clone().finish(), Err(EncodeError::NoRows));
}

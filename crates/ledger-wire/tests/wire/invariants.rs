//! Can input break a promise: one form per value, no panic, no memory beyond the input's size.

use proptest::prelude::*;
use ron_ledger_wire::{encode_row_key, DecodeErrorKind, SealedSlice, Slice, SliceBuilder};

use crate::{deviations, golden, strategies};

/// What must hold for any bytes: they are refused, or they are the one form of what they say.
fn one_form_or_refused(bytes: &[u8]) {
    let sealed = SealedSlice::from_bytes(bytes);
    match Slice::decode(bytes) {
        Ok(slice) => {
            assert_eq!(slice.encode().unwrap().bytes(), bytes);
            assert_eq!(sealed.unwrap().decode(), slice);
        }
        Err(error) => {
            assert!(error.offset() <= bytes.len(), "{error}");
            assert_eq!(sealed, Err(error));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        one_form_or_refused(&bytes);
    }

    #[test]
    fn flipped_bits_do_no_harm(
        slice in strategies::slice(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8), 1..4),
    ) {
        let mut bytes = slice.encode().unwrap().bytes().to_vec();
        for (index, bit) in flips {
            *index.get_mut(&mut bytes) ^= 1_u8 << bit;
        }
        one_form_or_refused(&bytes);
    }

    #[test]
    fn rows_come_with_the_encoded_form_of_their_keys(slice in strategies::slice()) {
        let sealed = slice.encode().unwrap();
        let rows: Vec<_> = sealed.rows().with_encoded_keys().collect();
        prop_assert_eq!(rows.len(), slice.rows.len());
        for ((key, row), expected) in rows.into_iter().zip(&slice.rows) {
            let mut encoded = Vec::new();
            encode_row_key(&expected.key, &mut encoded);
            prop_assert_eq!(key, &encoded[..]);
            prop_assert_eq!(&row.to_row(), expected);
        }
    }

    #[test]
    fn keys_sort_as_their_bytes_do(one in strategies::row_key(), other in strategies::row_key()) {
        let [mut one_bytes, mut other_bytes] = [Vec::new(), Vec::new()];
        encode_row_key(&one, &mut one_bytes);
        encode_row_key(&other, &mut other_bytes);
        prop_assert_eq!(one.cmp(&other), one_bytes.cmp(&other_bytes));
    }

    /// A builder that refuses rows all along still finishes with what it took.
    #[test]
    fn refused_rows_leave_no_trace(slice in strategies::slice(), junk in any::<[u8; 8]>()) {
        let begin = || SliceBuilder::new(&slice.stream, slice.seq, slice.start_ms, slice.end_ms, slice.previous);
        let mut builder = begin().unwrap();
        let mut key = Vec::new();
        for row in &slice.rows {
            prop_assert!(builder.push_encoded(&junk, 1).is_err());
            key.clear();
            encode_row_key(&row.key, &mut key);
            prop_assert!(builder.push_encoded(&key, 0).is_err());
            builder.push_encoded(&key, row.increment).unwrap();
            prop_assert!(builder.push_encoded(&key, 1).is_err());
            prop_assert!(builder.push_encoded(&key[..key.len() - 1], 1).is_err());
        }
        prop_assert_eq!(builder.finish().unwrap(), slice.encode().unwrap());
    }
}

#[test]
fn every_prefix_of_a_slice_is_cut_off() {
    let bytes = golden::example().encode().unwrap().bytes().to_vec();
    for length in 0..bytes.len() {
        let error = Slice::decode(&bytes[..length]).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::Truncated { .. }), "{length} bytes: {error}");
    }
}

#[test]
fn every_single_bit_of_a_slice_counts() {
    let sealed = golden::example().encode().unwrap();
    for index in 0..sealed.bytes().len() {
        for bit in 0..8 {
            let mut bytes = sealed.bytes().to_vec();
            bytes[index] ^= 1_u8 << bit;
            one_form_or_refused(&bytes);
            assert!(SealedSlice::from_bytes(bytes).map_or(true, |other| other.digest() != sealed.digest()));
        }
    }
}

/// A refused input costs no memory at all, except for the name of an unknown field in the error.
#[test]
fn refused_input_allocates_nothing() {
    for deviation in deviations::deviations() {
        let mut error = None;
        let use_of_memory = allocation_counter::measure(|| error = Slice::decode(&deviation.bytes).err());
        let error = error.unwrap();
        let allowed = match error.kind() {
            DecodeErrorKind::UnknownField { .. } => deviation.bytes.len() as u64,
            _ => 0,
        };
        assert!(use_of_memory.bytes_total <= allowed, "{}: {use_of_memory:?}", deviation.name);
    }
}

/// An accepted input costs its owned form and no more: no growth, no second copy.
#[test]
fn accepted_input_allocates_what_it_holds() {
    for golden in golden::golden() {
        let bytes = golden.slice.encode().unwrap().bytes().to_vec();
        let mut slice = None;
        let use_of_memory = allocation_counter::measure(|| slice = Some(Slice::decode(&bytes).unwrap()));
        let rows = slice.as_ref().unwrap().rows.len() * size_of::<ron_ledger_wire::Row>();
        let allowed = bytes.len() + rows + 128;
        assert!(use_of_memory.bytes_total <= allowed as u64, "{}: {use_of_memory:?}", golden.name);
    }
}

//! Keys that were checked once give the slices that checking each row gives.

use proptest::prelude::*;
use ron_ledger_wire::{
    encode_account_key, encode_labels_key, EncodeError, MergeSource, Origin, SealedSlice, Seq, SliceBuilder,
    SortedKeys, StreamId, SLICE_BYTES_MAX,
};

fn account(id: u128) -> Vec<u8> {
    let mut key = Vec::new();
    encode_account_key(1, id, &mut key);
    key
}

fn route(route: &str) -> Vec<u8> {
    let mut key = Vec::new();
    encode_labels_key("GET", route, "", "", &mut key);
    key
}

fn sorted(mut keys: Vec<Vec<u8>>) -> SortedKeys {
    keys.sort();
    keys.dedup();
    let mut sorted = SortedKeys::default();
    keys.iter().try_for_each(|key| sorted.push(key)).unwrap();
    sorted
}

fn builder() -> SliceBuilder {
    SliceBuilder::new(&StreamId::new(Origin::from_bytes([7; 16]), "acme", "requests"), Seq::FIRST, 0, 1, None)
        .unwrap()
}

fn keys() -> impl Strategy<Value = SortedKeys> {
    let key = prop_oneof![any::<u128>().prop_map(account), "[a-z/]{0,80}".prop_map(|path| route(&path))];
    prop::collection::vec(key, 1..40).prop_map(sorted)
}

fn one_by_one(keys: &SortedKeys, rows: &[(usize, u64)]) -> SealedSlice {
    let mut builder = builder();
    for (index, increment) in rows {
        builder.push_encoded(keys.get(*index).unwrap(), *increment).unwrap();
    }
    builder.finish().unwrap()
}

proptest! {
    #[test]
    fn sorted_rows_are_the_bytes_of_rows_one_by_one(
        keys in keys(),
        counts in prop::collection::vec(prop_oneof![Just(0), 1..30_u64, any::<u64>()], 40),
        split in 0..40_usize,
    ) {
        let rows: Vec<_> =
            (0..keys.len()).zip(counts).filter(|(_, increment)| *increment != 0).collect();
        prop_assume!(!rows.is_empty());
        let (first, second) = rows.split_at(split.min(rows.len()));
        let mut builder = builder();
        prop_assert_eq!(builder.push_sorted(&keys, first.iter().copied()), Ok(None));
        prop_assert_eq!(builder.push_sorted(&keys, second.iter().copied()), Ok(None));
        prop_assert_eq!(builder.row_count(), rows.len());
        let sealed = builder.finish().unwrap();
        let expected = one_by_one(&keys, &rows);
        prop_assert_eq!((sealed.total(), sealed.bytes()), (expected.total(), expected.bytes()));
        prop_assert!(SealedSlice::from_bytes(sealed.bytes()).is_ok());
    }

    #[test]
    fn merging_is_sorting(
        own in prop::collection::btree_set(0..60_u128, 0..30),
        added in prop::collection::btree_set(60..90_u128, 0..30),
        dropped in prop::collection::btree_set(0..30_usize, 0..10),
        mixed in any::<bool>(),
    ) {
        // Ids interleave or follow, by the low bit.
        let spread = |id: u128| if mixed { (id * 37) % 101 } else { id };
        let own = sorted(own.into_iter().map(|id| account(spread(id))).collect());
        let added = sorted(added.into_iter().map(|id| account(spread(id))).collect());
        let mut sources = Vec::new();
        let merged = own.merged(|index| !dropped.contains(&index), &added, |source| sources.push(source)).unwrap();
        for keys in [&own, &added, &merged] {
            prop_assert_eq!(keys.validate(), Ok(()));
        }
        let kept = (0..own.len()).filter(|index| !dropped.contains(index)).filter_map(|index| own.get(index));
        let all = kept.chain((0..added.len()).filter_map(|index| added.get(index)));
        let expected = sorted(all.map(<[u8]>::to_vec).collect());
        prop_assert_eq!(merged.len(), expected.len());
        for (index, source) in sources.iter().enumerate() {
            let origin = match source {
                MergeSource::Kept(index) => own.get(*index),
                MergeSource::Added(index) => added.get(*index),
            };
            prop_assert_eq!(merged.get(index), origin);
            prop_assert_eq!(merged.get(index), expected.get(index));
        }
    }
}

#[test]
fn what_does_not_fit_is_handed_back_and_goes_to_the_next_slice() {
    let path = "x".repeat(900);
    let keys = sorted((0..2_000).map(|n| route(&format!("/{path}/{n:04}"))).collect());
    let rows = || (0..keys.len()).map(|index| (index, index as u64 + 1));
    let mut builder = builder();
    let left = builder.push_sorted(&keys, rows()).unwrap().expect("2,000 rows of 900 bytes are too many");
    let sealed = builder.clone().finish().unwrap();
    assert_eq!(sealed.row_count(), left.0);
    assert!(sealed.bytes().len() <= SLICE_BYTES_MAX);
    assert_eq!(builder.push_encoded(keys.get(left.0).unwrap(), left.1), Err(EncodeError::Full));
    let first: Vec<_> = rows().take(left.0).collect();
    assert_eq!(sealed.bytes(), one_by_one(&keys, &first).bytes());
}

#[test]
fn rows_out_of_order_are_refused_and_leave_what_stood_before() {
    let keys = sorted(vec![account(1), account(2), account(3)]);
    let push = |rows: &[(usize, u64)]| {
        let mut builder = builder();
        let result = builder.push_sorted(&keys, rows.iter().copied());
        (result, builder.row_count())
    };
    assert_eq!(push(&[(0, 1), (2, 1), (1, 1)]), (Err(EncodeError::UnsortedRows { row: 2 }), 2));
    assert_eq!(push(&[(0, 1), (0, 1)]), (Err(EncodeError::DuplicateRow { row: 1 }), 1));
    assert_eq!(push(&[(0, 1), (1, 0)]), (Err(EncodeError::ZeroIncrement { row: 1 }), 1));
    assert_eq!(push(&[(0, 1), (3, 1)]), (Err(EncodeError::UnsortedRows { row: 1 }), 1));

    // Against a row that was pushed by another call.
    let mut builder = builder();
    builder.push_encoded(&account(2), 1).unwrap();
    assert_eq!(builder.push_sorted(&keys, [(0, 1)]), Err(EncodeError::UnsortedRows { row: 1 }));
    assert_eq!(builder.push_sorted(&keys, [(1, 1)]), Err(EncodeError::DuplicateRow { row: 1 }));
    assert_eq!(builder.push_sorted(&keys, [(2, 1)]), Ok(None));
    assert_eq!(builder.push_encoded(&account(3), 1), Err(EncodeError::DuplicateRow { row: 2 }));
    assert_eq!(builder.finish().unwrap().row_count(), 2);
}

#[test]
fn keys_that_are_not_canonical_or_out_of_order_are_refused() {
    let mut keys = SortedKeys::default();
    assert!(keys.is_empty() && keys.get(0).is_none());
    keys.push(&account(5)).unwrap();
    assert!(matches!(keys.push(b"\x80"), Err(EncodeError::InvalidKey(_))));
    assert_eq!(keys.push(&account(4)), Err(EncodeError::UnsortedRows { row: 1 }));
    assert_eq!(keys.push(&account(5)), Err(EncodeError::DuplicateRow { row: 1 }));
    assert_eq!((keys.len(), keys.bytes(), keys.get(0)), (1, account(5).len() + 1, Some(&account(5)[..])));
    let same = sorted(vec![account(5)]);
    assert!(matches!(keys.merged(|_| true, &same, |_| {}), Err(EncodeError::DuplicateRow { row: 1 })));
}

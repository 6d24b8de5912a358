//! Does somebody else's codec agree: `serde_ipld_dagcbor`, which shares no line with ours, is the judge.

use ipld_core::cid::Cid as IpldCid;
use proptest::prelude::*;
use ron_ledger_wire::{Cid, RowKey, Slice};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{golden, strategies};

/// The schema once more, for serde. The fields are in no particular order: sorting them is the codec's business.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mirror {
    origin: ByteArray<16>,
    tenant: String,
    dimension: String,
    v: u64,
    seq: u64,
    start_ms: u64,
    end_ms: u64,
    prev: Option<IpldCid>,
    rows: Vec<(MirrorKey, u64)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum MirrorKey {
    Labels(String, String, String, String),
    Account(u32, ByteArray<16>),
}

impl Mirror {
    fn of(slice: &Slice) -> Self {
        Self {
            origin: ByteArray::new(*slice.stream.origin().as_bytes()),
            tenant: slice.stream.tenant().to_owned(),
            dimension: slice.stream.dimension().to_owned(),
            v: 1,
            seq: slice.seq.get(),
            start_ms: slice.start_ms,
            end_ms: slice.end_ms,
            prev: slice.previous.map(|digest| IpldCid::try_from(&Cid::from(digest).to_bytes()[..]).unwrap()),
            rows: slice.rows.iter().map(|row| (MirrorKey::of(&row.key), row.increment)).collect(),
        }
    }
}

impl MirrorKey {
    fn of(key: &RowKey) -> Self {
        match key {
            RowKey::Labels { method, route, service, region } => {
                let [m, r, s, g] = [method, route, service, region].map(ToString::to_string);
                Self::Labels(m, r, s, g)
            }
            RowKey::Account { namespace, id } => Self::Account(*namespace, ByteArray::new(id.to_be_bytes())),
        }
    }
}

/// Both codecs write the same bytes and read the same values.
fn agree(slice: &Slice) {
    let mirror = Mirror::of(slice);
    let sealed = slice.encode().unwrap();
    assert_eq!(sealed.bytes(), serde_ipld_dagcbor::to_vec(&mirror).unwrap());
    assert_eq!(serde_ipld_dagcbor::from_slice::<Mirror>(sealed.bytes()).unwrap(), mirror);
    assert_eq!(Slice::decode(sealed.bytes()).as_ref(), Ok(slice));
    assert_eq!(sealed.decode(), *slice);
}

#[test]
fn golden_slices_agree() {
    for golden in golden::golden() {
        agree(&golden.slice);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn generated_slices_agree(slice in strategies::slice()) {
        agree(&slice);
    }

    /// Whatever we accept is canonical to the judge too, after any damage to a valid slice.
    #[test]
    fn nothing_slips_past_the_decoder(
        slice in strategies::slice(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = slice.encode().unwrap().bytes().to_vec();
        for (index, value) in damage {
            *index.get_mut(&mut bytes) = value;
        }
        if let Ok(read) = Slice::decode(&bytes) {
            let mirror: Mirror = serde_ipld_dagcbor::from_slice(&bytes).unwrap();
            prop_assert_eq!(&mirror, &Mirror::of(&read));
            prop_assert_eq!(serde_ipld_dagcbor::to_vec(&mirror).unwrap(), bytes);
        }
    }

    #[test]
    fn cids_agree(digest in any::<[u8; 32]>()) {
        let cid = Cid::from(ron_ledger_wire::Digest::from_bytes(digest));
        let theirs = IpldCid::try_from(&cid.to_bytes()[..]).unwrap();
        prop_assert_eq!(cid.to_string(), theirs.to_string());
        prop_assert_eq!(theirs.to_string().parse(), Ok(cid));
    }
}

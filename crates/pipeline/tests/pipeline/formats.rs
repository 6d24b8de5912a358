//! Can logs that older builds wrote be opened and carried on?

use std::collections::BTreeMap;

use ron_accounting_wal::fault::MemoryStorage;

use crate::node::{options, Node};

const SEGMENT: &str = "00000000000000000000.wal";

/// Written by the build of payload version 1: acme 0 and bolt 0 acknowledged, acme 1 (10) and 2 (20) pending, a checkpoint
/// with 100 of acme and 1000 of crow.
const VERSION_1: &[u8] = include_bytes!("../golden/version-1/00000000000000000000.wal");

#[test]
fn a_log_of_version_1_is_carried_on() {
    let disk = MemoryStorage::new();
    disk.put(SEGMENT, VERSION_1);
    for _ in 0..2 {
        let node = Node::on(&disk, options());
        let pending: BTreeMap<_, _> =
            node.pending().into_iter().map(|((tenant, _), units)| (tenant, units)).collect();
        assert_eq!(pending, BTreeMap::from([("acme".to_owned(), 130), ("crow".to_owned(), 1_000)]));
        let stats = node.pipeline.stats();
        assert_eq!((stats.not_durable, stats.last_error), (0, None));
        assert_eq!(node.log_stats().unreadable_records, 0);
    }
}

//! What is sealed: accounts of one tenant that all have a new count, and the same slice as other encoders would take it.

use ron_accounting::accounting::{AccountKey, Dimension};
use ron_accounting_core::{Engine, Tenant};
use ron_accounting_seal::Sealer;
use ron_accounting_window::Span;
use ron_ledger_wire::{encode_account_key, Origin, SealedSlice};
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::label_sets::Dice;

/// The identity of all slices here.
pub const ORIGIN: [u8; 16] = [7; 16];
const TENANT: &str = "acme";
/// The span of all slices here: a minute.
pub const WINDOW: Span = Span { start_ms: 1_700_000_040_000, end_ms: 1_700_000_100_000 };

/// Random accounts, each once.
pub fn accounts(count: usize) -> Vec<AccountKey> {
    let mut dice = Dice(0xACC0);
    let id = |dice: &mut Dice| u128::from(dice.roll()) << 64 | u128::from(dice.roll());
    (0..count).map(|_| AccountKey { ns: 1, id: id(&mut dice) }).collect()
}

/// What the account at this position is given before each sealing: from one byte to three on the wire.
pub const fn increment(position: usize) -> u64 {
    1 + (position as u64 * 37) % 1500
}

/// An engine with its sealer.
#[derive(Debug)]
pub struct Sealing {
    engine: Engine,
    tenant: Tenant,
    accounts: Vec<AccountKey>,
    sealer: Sealer,
}

impl Sealing {
    /// Ready to seal `rows` rows again and again.
    pub fn new(rows: usize) -> Self {
        let engine = Engine::builder()
            .label_limit(rows.max(2048))
            .hash_seed(1)
            .build()
            .expect("the limit is in range");
        let sealer = Sealer::new(&engine, Origin::from_bytes(ORIGIN));
        Self { tenant: engine.tenant(TENANT), engine, accounts: accounts(rows), sealer }
    }

    /// Gives each account a new count.
    pub fn count(&self) {
        for (position, account) in self.accounts.iter().enumerate() {
            self.engine.record_account(&self.tenant, *account, Dimension::REQUESTS, increment(position));
        }
    }

    /// Seals what was counted: read, group, encode, digest.
    pub fn seal(&mut self) -> Vec<SealedSlice> {
        self.sealer.seal(WINDOW, usize::MAX, |_| false).slices
    }
}

/// The floor of sealing: keys that are encoded already, in order and one after the other.
#[derive(Debug)]
pub struct ReadyRows {
    keys: Vec<u8>,
    /// The end of each key, and its count.
    rows: Vec<(usize, u64)>,
}

impl ReadyRows {
    /// The rows of a slice.
    pub fn new(rows: usize) -> Self {
        let mut ready = Self { keys: Vec::new(), rows: Vec::with_capacity(rows) };
        for (account, increment) in sorted(rows) {
            encode_account_key(account.ns, account.id, &mut ready.keys);
            ready.rows.push((ready.keys.len(), increment));
        }
        ready
    }

    /// Copies the keys, writes the integers, and hashes in one pass.
    pub fn write(&self) -> (Vec<u8>, blake3::Hash) {
        let mut out = Vec::with_capacity(self.keys.len() + self.rows.len() * 10);
        let mut start = 0;
        for (end, increment) in &self.rows {
            out.push(0x82);
            out.extend_from_slice(&self.keys[start..*end]);
            write_integer(*increment, &mut out);
            start = *end;
        }
        let hash = blake3::hash(&out);
        (out, hash)
    }
}

/// An unsigned integer in its shortest CBOR form.
#[allow(clippy::cast_possible_truncation)] // each arm has its range
fn write_integer(value: u64, out: &mut Vec<u8>) {
    match value {
        0..=23 => out.push(value as u8),
        24..=0xFF => out.extend_from_slice(&[0x18, value as u8]),
        0x100..=0xFFFF => {
            let [high, low] = (value as u16).to_be_bytes();
            out.extend_from_slice(&[0x19, high, low]);
        }
        _ => {
            out.push(0x1B);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

fn sorted(rows: usize) -> Vec<(AccountKey, u64)> {
    let mut sorted: Vec<_> = accounts(rows)
        .into_iter()
        .enumerate()
        .map(|(position, account)| (account, increment(position)))
        .collect();
    sorted.sort_unstable_by_key(|(account, _)| (account.ns, account.id));
    sorted
}

/// The first slice of a stream, as the encoders of serde take it.
#[derive(Debug, Serialize)]
pub struct SerdeSlice {
    v: u64,
    seq: u64,
    prev: Option<()>,
    rows: Vec<((u32, ByteBuf), u64)>,
    end_ms: u64,
    origin: ByteBuf,
    tenant: &'static str,
    start_ms: u64,
    dimension: &'static str,
}

impl SerdeSlice {
    /// A slice with the rows that [`Sealing`] seals.
    pub fn new(rows: usize) -> Self {
        let rows = sorted(rows).into_iter();
        Self {
            v: 1,
            seq: 0,
            prev: None,
            rows: rows
                .map(|(account, increment)| {
                    ((account.ns, ByteBuf::from(account.id.to_be_bytes())), increment)
                })
                .collect(),
            end_ms: WINDOW.end_ms,
            origin: ByteBuf::from(ORIGIN),
            tenant: TENANT,
            start_ms: WINDOW.start_ms,
            dimension: "requests",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contestants_write_the_same_slice() {
        for rows in [1, 100, 2048] {
            let mut sealing = Sealing::new(rows);
            sealing.count();
            let ours = sealing.seal();
            assert_eq!(ours.len(), 1);
            let serde = serde_ipld_dagcbor::to_vec(&SerdeSlice::new(rows)).unwrap();
            assert_eq!(ours[0].bytes(), serde, "{rows} rows");
            let (floor, _) = ReadyRows::new(rows).write();
            let found = ours[0].bytes().windows(floor.len()).any(|part| part == floor);
            assert!(found, "the rows of the floor are those of the slice");
            sealing.count();
            assert_eq!(sealing.seal()[0].row_count(), rows, "each sealing has all rows");
        }
    }
}

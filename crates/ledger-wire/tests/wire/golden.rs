//! The slices behind `testing/vectors/slice-v1`, as values. The vectors' writer and their test both use this.

use ron_ledger_wire::{Digest, Origin, Row, RowKey, SealedSlice, Seq, Slice, StreamId};

const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_700_000_040_000;

/// A slice that is a file among the vectors.
pub(crate) struct Golden {
    /// Name of the file, without its extension.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) slice: Slice,
    /// Whether its predecessors are not among the vectors, so that no chain can be followed to it.
    pub(crate) standalone: bool,
}

fn stream(name: &str) -> StreamId {
    StreamId::new(Origin::from_bytes(std::array::from_fn(|index| index as u8)), "acme", name)
}

fn genesis(stream: StreamId, mut rows: Vec<Row>) -> Slice {
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    Slice { stream, seq: Seq::FIRST, start_ms: START_MS, end_ms: START_MS + MINUTE_MS, previous: None, rows }
}

fn labels(method: &str, route: &str, service: &str, region: &str, increment: u64) -> Row {
    Row { key: RowKey::labels(method, route, service, region), increment }
}

fn account(namespace: u32, id: u128, increment: u64) -> Row {
    Row { key: RowKey::account(namespace, id), increment }
}

/// The slice of the worked example in `docs/wire-format.md`.
pub(crate) fn example() -> Slice {
    let rows = vec![
        labels("GET", "/v1/objects/:id", "gateway", "eu", 41),
        labels("PUT", "/v1/objects/:id", "gateway", "eu", 1),
    ];
    genesis(stream("requests"), rows)
}

/// The first `length` slices of one stream.
pub(crate) fn chain(length: u64) -> Vec<Slice> {
    let mut slices: Vec<Slice> = Vec::new();
    let mut previous = None;
    for seq in 0..length {
        let mut slice = genesis(stream("bytes_out"), vec![labels("GET", "/", "web", "eu", 1000 + seq)]);
        slice.seq = Seq::new(seq);
        // The last one spans two windows, as a stretched stream does.
        slice.start_ms += seq * MINUTE_MS;
        slice.end_ms += (seq + u64::from(seq + 1 == length)) * MINUTE_MS;
        slice.previous = previous;
        previous = slice.encode().as_ref().map(SealedSlice::digest).ok();
        slices.push(slice);
    }
    slices
}

/// The values where an encoded integer changes its width.
pub(crate) const EXTREMES: [u64; 9] =
    [23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, u64::MAX];

/// All golden slices.
pub(crate) fn golden() -> Vec<Golden> {
    let linked = |name: &str, slice| Golden { name: name.to_owned(), slice, standalone: false };
    let mut all = vec![linked("genesis-labels", example())];
    all.extend((0..).zip(chain(3)).map(|(seq, slice)| linked(&format!("chain-{seq}"), slice)));

    all.push(linked(
        "account-keys",
        genesis(
            stream("cpu"),
            vec![
                account(0, 0, 1),
                account(7, 1, 2),
                account(7, 255, 3),
                account(7, 256, 4),
                account(24, u128::MAX, 5),
                account(u32::MAX, 1 << 64, 6),
            ],
        ),
    ));
    all.push(linked(
        "mixed-keys",
        genesis(
            stream("mixed"),
            vec![labels("", "", "", "", 1), account(7, 1, 2), labels("A", "", "", "", 3)],
        ),
    ));
    let unicode = StreamId::new(Origin::from_bytes([0xff; 16]), "Žluťoučký kůň", "データ量");
    all.push(linked(
        "unicode-labels",
        genesis(
            unicode,
            vec![
                labels("GET", "/größe", "übersicht", "zürich", 1),
                labels("GET", "/寿司/:id", "注文", "東京", 2),
                labels("POST", "/🦀", "\u{65}\u{301}", "\u{e9}", 3),
            ],
        ),
    ));
    let long = |character: &str| character.repeat(1024 / character.len());
    all.push(linked(
        "long-text",
        genesis(
            StreamId::new(Origin::from_bytes([1; 16]), &long("t"), &long("é")),
            vec![labels(&long("m"), &long("r"), &long("s"), &long("🦀"), 1)],
        ),
    ));
    let thousand = (0..1000).map(|index| labels("GET", &format!("/r/{index}"), "web", "eu", index + 1));
    all.push(linked("rows-1000", genesis(stream("thousand"), thousand.collect())));
    let increments = (1..).zip(EXTREMES).map(|(id, value)| account(1, id, value));
    all.push(linked("integers", genesis(stream("integers"), increments.collect())));
    for value in EXTREMES {
        let namespace = u32::try_from(value).unwrap_or(u32::MAX);
        let mut slice = genesis(stream("widths"), vec![account(namespace, u128::from(value), value)]);
        slice.seq = Seq::new(value);
        slice.start_ms = value - 1;
        slice.end_ms = value;
        slice.previous = Some(Digest::of(&value.to_be_bytes()));
        all.push(Golden { name: format!("integer-{value}"), slice, standalone: true });
    }
    all
}

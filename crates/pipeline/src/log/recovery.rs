//! From the records of a log to what they mean.

use std::collections::{BTreeMap, HashMap};

use ron_accounting_wal::{Position, Record};
use ron_accounting_window::Span;
use ron_ledger_wire::{encode_row_key, Head, Origin, SealedSlice, StreamId};

use super::{
    records::{decode, kind, split_number, AcknowledgementRecord, HeadRecord},
    Checkpoint, Standing,
};
use crate::{journal::RecoveredRows, PipelineError};

/// What the records of a log say.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) slices: HashMap<(StreamId, u64), (Position, SealedSlice)>,
    pub(crate) standings: BTreeMap<StreamId, Standing>,
    pub(crate) head_positions: Vec<Position>,
    pub(crate) checkpoint: Checkpoint,
    /// The newest segment that has a slice or an acknowledgement.
    pub(crate) newest: Option<u64>,
    /// Records that say nothing that others don't say as well.
    pub(crate) superseded: Vec<Position>,
    /// Slices that are not acknowledged, each stream's in order.
    pub(crate) pending: Vec<SealedSlice>,
    pub(crate) live: Vec<RecoveredRows>,
    pub(crate) unreadable: Vec<PipelineError>,
    /// Slices whose predecessor is lost.
    pub(crate) orphans: Vec<PipelineError>,
}

/// Slices by stream and seq.
type Sealed = BTreeMap<(StreamId, u64), (Position, SealedSlice)>;

/// The slices of one checkpoint, whole only if all of them are there.
#[derive(Debug, Default)]
struct Candidate {
    slices: Vec<SealedSlice>,
    positions: Vec<Position>,
    expected: Option<u64>,
}

/// Reads what a log says. `is_sound` tells that nothing in it is damaged that was durable once.
pub(crate) fn read(origin: Origin, records: Vec<Record>, is_sound: bool) -> Found {
    let mut found = Found::default();
    let mut sealed = Sealed::new();
    let mut checkpoints: BTreeMap<u64, Candidate> = BTreeMap::new();
    for record in records {
        let position = record.position;
        let result = match record.kind {
            kind::SLICE => slice(&record.body).map(|slice| {
                let place = (slice.stream().clone(), slice.seq());
                let again = sealed.insert(place, (position, slice));
                found.superseded.extend(again.map(|(position, _)| position));
                found.newest = found.newest.max(Some(position.segment));
            }),
            kind::ACKNOWLEDGEMENTS => decode(&record.body).map(|list: Vec<AcknowledgementRecord>| {
                for record in list {
                    let stream = StreamId::new(origin, &record.tenant, &record.dimension);
                    found.raise(Head::genesis(stream), record.seq.saturating_add(1));
                }
                found.superseded.push(position);
                found.newest = found.newest.max(Some(position.segment));
            }),
            kind::HEADS => decode(&record.body).map(|list: Vec<HeadRecord>| {
                for record in list {
                    found.raise(record.head(origin), record.acknowledged);
                }
                found.head_positions.push(position);
            }),
            kind::CHECKPOINT => checkpoint_slice(&record.body).map(|(number, slice)| {
                let candidate = checkpoints.entry(number).or_default();
                candidate.slices.push(slice);
                candidate.positions.push(position);
            }),
            kind::CHECKPOINT_END => checkpoint_end(&record.body).map(|(number, slices)| {
                let candidate = checkpoints.entry(number).or_default();
                candidate.expected = Some(slices);
                candidate.positions.push(position);
            }),
            other => Err(format!("it has kind {other}")),
        };
        if let Err(reason) = result {
            found.unreadable.push(PipelineError::Record { position: position.to_string(), reason });
        }
    }
    found.trust_acknowledgements(&sealed);
    // Where something durable is missing, nobody can say what never was durable.
    if is_sound && found.unreadable.is_empty() {
        found.drop_orphans(&mut sealed);
    }
    for (_, slice) in sealed.values() {
        found.raise(Head::new(slice.stream().clone(), slice.seq() + 1, Some(slice.digest())), 0);
    }
    found.choose_checkpoint(checkpoints);
    found.live = live_counts(&sealed, &found.standings, &found.checkpoint.slices);
    for (place, (position, slice)) in sealed {
        let acknowledged = found.standings.get(&place.0).map_or(0, |standing| standing.acknowledged);
        if place.1 < acknowledged {
            found.superseded.push(position);
        } else {
            found.pending.push(slice.clone());
            found.slices.insert(place, (position, slice));
        }
    }
    found
}

impl Found {
    fn raise(&mut self, head: Head, acknowledged: u64) {
        let standing = self
            .standings
            .entry(head.stream().clone())
            .or_insert_with(|| Standing { head: Head::genesis(head.stream().clone()), acknowledged: 0 });
        if head.next_seq() > standing.head.next_seq() {
            standing.head = head;
        }
        standing.acknowledged = standing.acknowledged.max(acknowledged);
    }

    /// A stream never goes back behind what the ledger has, whatever else is lost. If the digest is lost as well, sealing
    /// fails until an operator has dealt with it.
    fn trust_acknowledgements(&mut self, sealed: &Sealed) {
        for (stream, standing) in &mut self.standings {
            let next_seq = standing.acknowledged;
            if next_seq > standing.head.next_seq() {
                let last = sealed.get(&(stream.clone(), next_seq - 1)).map(|(_, slice)| slice.digest());
                standing.head = Head::new(stream.clone(), next_seq, last);
            }
        }
    }

    /// Drops slices that do not follow from the ones before them. A power cut may lose a slice and keep a later one of its
    /// stream, when neither was durable and so neither was exported. Nothing could ever fill that gap.
    fn drop_orphans(&mut self, sealed: &mut Sealed) {
        let mut chains: HashMap<StreamId, Head> = HashMap::new();
        sealed.retain(|(stream, seq), (position, slice)| {
            let standing = self.standings.get(stream);
            let chain = chains.entry(stream.clone()).or_insert_with(|| {
                standing.map_or_else(|| Head::genesis(stream.clone()), |standing| standing.head.clone())
            });
            // Heads are written when all that they count is durable, and the ledger acknowledges nothing else.
            let is_durable = *seq < chain.next_seq();
            let is_linked = slice.previous() == chain.last() || chain.last().is_none();
            let is_next = *seq == chain.next_seq() && is_linked;
            if is_next {
                *chain = Head::new(stream.clone(), seq + 1, Some(slice.digest()));
            }
            let is_kept = is_durable || is_next;
            if !is_kept {
                self.superseded.push(*position);
                self.orphans.push(PipelineError::Orphan { stream: stream.clone(), seq: *seq });
            }
            is_kept
        });
    }

    /// The newest checkpoint of which nothing is missing. Older ones, and half ones, are superseded.
    fn choose_checkpoint(&mut self, checkpoints: BTreeMap<u64, Candidate>) {
        self.checkpoint.number = checkpoints.keys().next_back().copied().unwrap_or_default();
        let mut is_found = false;
        for candidate in checkpoints.into_values().rev() {
            if !is_found && candidate.expected == Some(candidate.slices.len() as u64) {
                is_found = true;
                self.checkpoint.slices = candidate.slices;
                self.checkpoint.positions = candidate.positions;
            } else {
                self.superseded.extend(candidate.positions);
            }
        }
    }
}

/// What a checkpoint counted and no slice holds.
///
/// A stream's next sealing after the checkpoint has all that the checkpoint had of its rows. So what is left of a row is
/// what it had, less what the slices from the checkpoint's seq onwards have of it. If one of those is missing, it was
/// acknowledged and retired; that happens only after all slices of its sealing were durable, so nothing is left.
fn live_counts(
    sealed: &Sealed,
    standings: &BTreeMap<StreamId, Standing>,
    checkpoint: &[SealedSlice],
) -> Vec<RecoveredRows> {
    let mut streams: BTreeMap<&StreamId, RecoveredRows> = BTreeMap::new();
    for slice in checkpoint {
        let window = Span { start_ms: slice.start_ms(), end_ms: slice.end_ms() };
        let recovered = streams.entry(slice.stream()).or_insert_with(|| RecoveredRows {
            stream: slice.stream().clone(),
            window,
            first_seq: slice.seq(),
            rows: BTreeMap::new(),
        });
        recovered.first_seq = slice.seq().min(recovered.first_seq);
        recovered.rows.extend(rows(slice));
    }
    let leftovers = streams.into_iter().map(|(stream, mut recovered)| {
        let first = recovered.first_seq;
        let next_seq = standings.get(stream).map_or(0, |standing| standing.head.next_seq());
        let later = sealed.range((stream.clone(), first)..(stream.clone(), next_seq.max(first)));
        let mut seen = 0;
        for (_, (_, slice)) in later {
            seen += 1;
            // What is left belongs to the sealing that was torn.
            recovered.window.end_ms = slice.end_ms().max(recovered.window.end_ms);
            for (key, increment) in rows(slice) {
                if let Some(left) = recovered.rows.get_mut(&key) {
                    *left = left.saturating_sub(increment);
                }
            }
        }
        let is_retired = seen < next_seq.saturating_sub(first);
        recovered.rows.retain(|_, left| *left > 0 && !is_retired);
        recovered
    });
    leftovers.filter(|recovered| !recovered.rows.is_empty()).collect()
}

fn rows(slice: &SealedSlice) -> impl Iterator<Item = (Vec<u8>, u64)> {
    slice.decode().rows.into_iter().map(|row| {
        let mut key = Vec::new();
        encode_row_key(&row.key, &mut key);
        (key, row.increment)
    })
}

fn slice(bytes: &[u8]) -> Result<SealedSlice, String> {
    SealedSlice::from_bytes(bytes).map_err(|error| error.to_string())
}

fn checkpoint_slice(body: &[u8]) -> Result<(u64, SealedSlice), String> {
    let (number, bytes) = split_number(body).ok_or("it is cut short")?;
    Ok((number, slice(bytes)?))
}

fn checkpoint_end(body: &[u8]) -> Result<(u64, u64), String> {
    let (number, rest) = split_number(body).ok_or("it is cut short")?;
    let (slices, _) = split_number(rest).ok_or("it is cut short")?;
    Ok((number, slices))
}

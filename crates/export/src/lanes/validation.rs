//! The invariants of the lanes, checked from outside.

use std::collections::HashMap;

use ron_ledger_wire::{SealedSlice, StreamId};

use super::Lanes;
use crate::lane::{Lane, LaneState};

impl Lanes {
    /// Checks every invariant, for tests. `Err` says which one does not hold, and where. The cost grows with what is pending.
    pub fn validate(&self) -> Result<(), String> {
        self.validate_counts()?;
        self.validate_schedule()?;
        self.validate_flights()?;
        self.trouble.validate(&self.by_stream)?;
        for (stream, lane) in &self.by_stream {
            validate_order(stream, lane)?;
            if (lane.state == LaneState::Parked) != self.parked.contains_key(stream) {
                return Err(format!(
                    "2: {stream} is {:?}, which the list of parked lanes denies",
                    lane.state
                ));
            }
        }
        let stray = self.parked.keys().find(|stream| !self.by_stream.contains_key(*stream));
        stray.map_or(Ok(()), |stream| Err(format!("2: {stream} is parked without a lane")))
    }

    fn validate_counts(&self) -> Result<(), String> {
        let slices = |is_parked: bool| -> usize {
            let lanes = self.by_stream.values();
            lanes
                .filter(|lane| !is_parked || lane.state == LaneState::Parked)
                .map(|lane| lane.slices.len())
                .sum()
        };
        let (pending, parked) = (slices(false), slices(true));
        if (pending, parked) != (self.pending, self.pending_parked) {
            let counted = (self.pending, self.pending_parked);
            return Err(format!("1: {pending} slices and {parked} in parked lanes, counted as {counted:?}"));
        }
        if self.waits_since.is_some() != (pending > parked) {
            let waits = self.waits_since;
            return Err(format!(
                "1: {pending} slices, {parked} of them parked, and the wait began at {waits:?}"
            ));
        }
        if pending == self.set_aside() && self.room() == 0 {
            return Err(format!("4: nothing can be pushed, though all {pending} slices are set aside"));
        }
        Ok(())
    }

    fn validate_schedule(&self) -> Result<(), String> {
        let mut scheduled: HashMap<&StreamId, usize> = HashMap::new();
        for stream in self.schedule.streams() {
            *scheduled.entry(stream).or_default() += 1;
        }
        for (stream, lane) in &self.by_stream {
            let expected = usize::from(lane.state == LaneState::Scheduled);
            let found = scheduled.remove(stream).unwrap_or(0);
            if found != expected {
                return Err(format!("2: {stream} is {:?} and {found} times in the schedule", lane.state));
            }
        }
        match scheduled.keys().next() {
            Some(stream) => Err(format!("2: {stream} is in the schedule without a lane")),
            None => Ok(()),
        }
    }

    fn validate_flights(&self) -> Result<(), String> {
        let (out, in_flight_max) = (self.flights.len(), self.options.in_flight_max);
        if out > in_flight_max {
            return Err(format!("5: {out} batches are out, of at most {in_flight_max}"));
        }
        let mut in_flight = 0;
        for (id, flight) in &self.flights {
            if flight.expired != flight.slices.is_empty() || flight.slices.len() > self.options.batch_max {
                let (slices, expired) = (flight.slices.len(), flight.expired);
                return Err(format!("5: {id} has {slices} slices, expired: {expired}"));
            }
            for run in flight.slices.chunk_by(|one, next| one.stream() == next.stream()) {
                let stream = run.first().map(SealedSlice::stream);
                let lane = stream.and_then(|stream| self.by_stream.get(stream));
                let state = lane.map(|lane| lane.state);
                if state != Some(LaneState::InFlight { batch: *id, run: run.len() }) {
                    return Err(format!(
                        "2: {id} has {} slices of {stream:?}, which is {state:?}",
                        run.len()
                    ));
                }
                let pending = lane.into_iter().flat_map(|lane| &lane.slices);
                if !pending.zip(run).all(|(pending, slice)| pending.slice == *slice && pending.offered) {
                    return Err(format!("2: {id} has other slices of {stream:?} than the first of its lane"));
                }
                in_flight += 1;
            }
        }
        let lanes = self.by_stream.values();
        let waiting = lanes.filter(|lane| matches!(lane.state, LaneState::InFlight { .. })).count();
        if waiting == in_flight {
            Ok(())
        } else {
            Err(format!("2: {waiting} lanes are in flight, {in_flight} are in batches"))
        }
    }
}

/// Checks that a lane has slices, and that each follows the one before it.
fn validate_order(stream: &StreamId, lane: &Lane) -> Result<(), String> {
    let mut previous: Option<&SealedSlice> = None;
    for slice in lane.slices.iter().map(|pending| &pending.slice) {
        let follows = previous.map_or(true, |previous| {
            previous.seq().checked_next() == Some(slice.seq()) && slice.previous() == Some(previous.digest())
        });
        if slice.stream() != stream || !follows {
            return Err(format!(
                "1: slice {} of {} is out of order in {stream}",
                slice.seq(),
                slice.stream()
            ));
        }
        previous = Some(slice);
    }
    previous.map(drop).ok_or_else(|| format!("1: the lane of {stream} is empty"))
}

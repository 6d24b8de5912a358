//! What events cost in memory, counted by the allocator.

#![allow(clippy::unwrap_used)] // A failed assertion, wherever it stands.

use allocation_counter::measure;
use ron_accounting_events::EventStore;

#[test]
fn recording_a_known_event_allocates_nothing() {
    let store = EventStore::new();
    store.record("event");
    let name = String::from("event");
    let info = measure(|| {
        for count in 0..10_000 {
            store.record("event");
            store.record_count(&name, count);
        }
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn an_event_takes_less_than_two_fifths_of_2_7_kilobytes() {
    const EVENTS: u64 = 1000;
    let names: Vec<String> = (0..EVENTS).map(|number| format!("event number {number}")).collect();
    let mut store = None;
    let info = measure(|| {
        let events = EventStore::new();
        for name in &names {
            events.record_count(name, 1_000_000);
        }
        store = Some(events);
    });
    let per_event = u64::try_from(info.bytes_current).unwrap() / EVENTS;
    assert!(per_event <= 1080, "{per_event} bytes per event");
    // And the store knows it: what it does not count are the free places of its maps.
    let told = store.unwrap().memory_usage() as u64 / EVENTS;
    assert!((per_event * 9 / 10..=per_event).contains(&told), "told {told} of {per_event} bytes");
    println!("{per_event} bytes per event, {told} told");
}

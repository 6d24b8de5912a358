//! Does each reader see each count once?

mod totals;

use std::{sync::mpsc, thread, time::Duration};

use ron_accounting_core::{labels, AccountKey, Dimension, Dimensions, Engine, Labels, Reader, Reading};

use totals::values;

const FEED: Labels<'static> =
    labels().tenant("acme").method("GET").route("/v1/feed").service("omnigate").region("iad");

const UPLOAD: Labels<'static> = labels().tenant("acme").method("PUT").route("/v1/objects/:id");

const OTHER: Labels<'static> = labels().tenant("other").route("/v1/feed");

#[test]
fn a_reading_holds_what_came_since_the_one_before() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    assert!(reader.take().is_empty());
    engine.record(&FEED, Dimension::REQUESTS, 3);
    engine.record(&UPLOAD, Dimension::REQUESTS, 1);
    assert_eq!(reader.take().len(), 2);
    engine.record(&FEED, Dimension::REQUESTS, 4);
    let reading = reader.take();
    assert_eq!((reading.len(), values(&reading, &FEED)), (1, vec![4, 0, 0, 0]));
    assert!(reader.take().is_empty());
}

#[test]
fn what_take_if_does_not_accept_stays() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let both = [(Dimension::REQUESTS, 1), (Dimension::CPU, 2)];
    engine.record_each(&FEED, &both);
    engine.record_each(&OTHER, &both);
    let acme = engine.tenant("acme").id();

    let mut reading = Reading::default();
    reader.take_if(|tenant, dimension| tenant == acme && dimension == Dimension::CPU, &mut reading);
    assert_eq!((reading.len(), values(&reading, &FEED)), (1, vec![0, 0, 0, 2]));
    reader.take_if(|_, _| false, &mut reading);
    assert!(reading.is_empty());
    engine.record_each(&FEED, &both);
    reader.take_if(|tenant, _| tenant != acme, &mut reading);
    assert_eq!((reading.len(), values(&reading, &OTHER)), (1, vec![1, 0, 0, 2]));
    let rest = reader.take();
    assert_eq!((rest.len(), values(&rest, &FEED)), (1, vec![2, 0, 0, 2]));
}

#[test]
fn peek_shows_what_take_would_and_takes_nothing() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let mut seen = Reading::default();
    engine.record(&FEED, Dimension::REQUESTS, 1);
    reader.restore(&engine.usage_key(&FEED), Dimension::CPU, 5);
    reader.restore(&engine.usage_key(&OTHER), Dimension::CPU, 6);
    for _ in 0..2 {
        reader.peek(&mut seen);
        assert_eq!(seen.len(), 2);
        assert_eq!((values(&seen, &FEED), values(&seen, &OTHER)), (vec![1, 0, 0, 5], vec![0, 0, 0, 6]));
    }
    assert_eq!(values(&reader.take(), &FEED), [1, 0, 0, 5]);
    reader.peek(&mut seen);
    assert!(seen.is_empty());
}

#[test]
fn readers_are_independent() {
    let engine = Engine::default();
    let (mut first, mut second) = (engine.reader(), engine.reader());
    engine.record(&FEED, Dimension::REQUESTS, 1);
    assert_eq!(values(&first.take(), &FEED)[0], 1);
    engine.record(&FEED, Dimension::REQUESTS, 2);
    assert_eq!(values(&first.take(), &FEED)[0], 2);
    assert_eq!(values(&second.take(), &FEED)[0], 3);
}

#[test]
fn a_later_reader_sees_only_later_counts() {
    let engine = Engine::default();
    let mut first = engine.reader();
    engine.record(&FEED, Dimension::REQUESTS, 1);
    let mut second = engine.reader();
    assert!(second.take().is_empty());
    engine.record(&FEED, Dimension::REQUESTS, 2);
    engine.record(&UPLOAD, Dimension::REQUESTS, 4);
    let reading = second.take();
    assert_eq!((values(&reading, &FEED)[0], values(&reading, &UPLOAD)[0]), (2, 4));
    assert_eq!(values(&first.take(), &FEED)[0], 3);
}

#[test]
fn the_id_of_a_dropped_reader_is_used_again() {
    let engine = Engine::default();
    let mut kept = engine.reader();
    let id = |reader: &Reader| format!("{reader:?}");
    let dropped = engine.reader();
    let first = id(&dropped);
    engine.record(&FEED, Dimension::REQUESTS, 1);
    drop(dropped);
    for _ in 0..100 {
        let mut reader = engine.reader();
        assert_eq!(id(&reader), first);
        assert!(reader.take().is_empty(), "counts of the reader before");
        reader.restore(&engine.usage_key(&FEED), Dimension::REQUESTS, 7);
    }
    assert_eq!(values(&kept.take(), &FEED)[0], 1);
}

#[test]
fn recording_waits_for_no_reading() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    let writer = thread::spawn({
        let engine = engine.clone();
        move || {
            let (meter, _) = engine.meter(&UPLOAD);
            meter.incr_request();
            // The first fills its cell, the second empties it.
            engine.record(&FEED, Dimension::REQUESTS, (1 << 48) - 1);
            engine.record(&FEED, Dimension::REQUESTS, 1);
            for () in std::iter::once(()).chain(asked) {
                engine.record(&FEED, Dimension::REQUESTS, 1);
                meter.incr_request();
                answer.send(()).unwrap();
            }
        }
    });
    answered.recv().unwrap();
    let mut waited = None;
    reader.take_if(
        |_, _| {
            // The reading is under way. A writer that waits for it goes on when this gives up.
            waited.get_or_insert_with(|| {
                ask.send(()).unwrap();
                answered.recv_timeout(Duration::from_secs(5)).is_err()
            });
            true
        },
        &mut Reading::default(),
    );
    drop(ask);
    writer.join().unwrap();
    assert_eq!(waited, Some(false));
    let rest = reader.take();
    assert_eq!((values(&rest, &FEED), values(&rest, &UPLOAD)), (vec![1, 0, 0, 0], vec![1, 0, 0, 0]));
}

#[test]
fn restored_counts_are_for_one_reader_and_join_the_live_ones() {
    let engine = Engine::default();
    let (mut restored, mut bystander) = (engine.reader(), engine.reader());
    restored.restore(&engine.usage_key(&FEED), Dimension::REQUESTS, 10);
    restored.restore(&engine.usage_key(&FEED), Dimension::CPU, 1);
    let account = engine.tenant("acme").usage_key(AccountKey { ns: 1, id: 2 });
    restored.restore(&account, Dimension::CPU, 3);
    engine.record(&FEED, Dimension::REQUESTS, 5);
    let reading = restored.take();
    assert_eq!((reading.len(), values(&reading, &FEED)), (2, vec![15, 0, 0, 1]));
    assert_eq!(reading.rows().find(|row| *row.key == account).unwrap().values, [0, 0, 0, 3]);
    assert_eq!(values(&bystander.take(), &FEED), [5, 0, 0, 0]);
    assert!(restored.take().is_empty());
}

#[test]
fn restoring_an_unknown_dimension_counts_nothing_else() {
    let mut dimensions = Dimensions::default();
    let foreign = dimensions.register("tokens").unwrap();
    let engine = Engine::default();
    let mut reader = engine.reader();
    reader.restore(&engine.usage_key(&FEED), foreign, 10);
    assert!(reader.take().is_empty());
}

#[test]
fn a_reading_can_be_used_again_and_wiped() {
    let engine = Engine::builder().zeroize_retired(true).build().unwrap();
    let mut reader = engine.reader();
    let mut reading = Reading::default();
    for n in [3, 4] {
        engine.record(&FEED, Dimension::REQUESTS, n);
        reader.take_if(|_, _| true, &mut reading);
        assert_eq!((reading.len(), values(&reading, &FEED)), (1, vec![n, 0, 0, 0]));
    }
    reading.wipe();
    assert!(reading.is_empty() && reading.rows().next().is_none());
}

#[test]
fn what_was_seen_is_found_wherever_it_was_moved_to() {
    // One detached key is the limit, and another key is detached already.
    let engine = Engine::builder().label_limit(1).build().unwrap();
    let mut reader = engine.reader();
    reader.restore(&engine.usage_key(&OTHER), Dimension::REQUESTS, 7);
    engine.record(&FEED, Dimension::REQUESTS, 3);
    let mut seen = Reading::default();
    reader.peek(&mut seen);
    seen.retain(|_, dimension| dimension != Dimension::CPU);
    // Fills the cell, whose 3 are detached as well.
    engine.record(&FEED, Dimension::REQUESTS, 1 << 48);
    reader.take_seen(&seen);
    let reading = reader.take();
    assert_eq!((reading.len(), values(&reading, &FEED)[0]), (1, 1 << 48));
    assert_eq!(engine.stats().folded_keys, 0);
}

#[test]
fn what_is_left_is_left_whole_even_where_it_is_beyond_what_can_be_shown() {
    let engine = Engine::default();
    let mut reader = engine.reader();
    reader.restore(&engine.usage_key(&FEED), Dimension::CPU, u64::MAX);
    engine.record_each(&FEED, &[(Dimension::REQUESTS, 1), (Dimension::CPU, 5)]);
    let mut seen = Reading::default();
    reader.peek(&mut seen);
    assert_eq!(values(&seen, &FEED), [1, 0, 0, u64::MAX]);
    seen.retain(|_, dimension| dimension != Dimension::CPU);
    reader.take_seen(&seen);
    assert_eq!(engine.stats().saturations, 0, "what saturated was not taken");
    assert_eq!(values(&reader.take(), &FEED), [0, 0, 0, u64::MAX]);
    assert_eq!(engine.stats().saturations, 1);
}

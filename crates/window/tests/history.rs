//! What the history keeps of the windows, and for how long.

use proptest::prelude::*;
use ron_accounting_core::{labels, Dimension, Engine};
use ron_accounting_window::{Boundaries, FixedCadence, History, Span};

proptest! {
    #[test]
    fn history_and_open_window_hold_all_that_was_recorded(
        ops in prop::collection::vec((0_usize..4, 0_u64..1_000, any::<bool>()), 0..80),
    ) {
        let engine = Engine::default();
        let mut history = History::new(&engine, 1_000).zeroize(true);
        let mut boundaries = Boundaries::new(FixedCadence::new(100).unwrap(), 0);
        let routes = ["/a", "/b", "/c", "/d"];
        let (mut recorded, mut now) = (0, 0);
        for (route, n, tick) in ops {
            engine.record(&labels().tenant("t").route(routes[route]), Dimension::BYTES_IN, n);
            recorded += n;
            if tick {
                now += n;
                if let Some(window) = boundaries.advance(now) {
                    history.close(window);
                }
            }
        }
        let closed: u64 = history.closed().iter().map(|window| window.total(Dimension::BYTES_IN)).sum();
        let open = history.snapshot(boundaries.open()).total(Dimension::BYTES_IN);
        prop_assert_eq!(closed + open, recorded);
        prop_assert!(history.closed().windows(2).all(|pair| pair[0].start_ms > pair[1].start_ms));
    }
}

#[test]
fn a_window_is_kept_for_as_many_windows_as_the_history_has() {
    let engine = Engine::default();
    let mut history = History::new(&engine, 2).zeroize(true);
    for window in 0..4 {
        engine.record(&labels().tenant("t"), Dimension::REQUESTS, window + 1);
        history.close(Span { start_ms: window * 100, end_ms: window * 100 + 100 });
    }
    history.close(Span { start_ms: 400, end_ms: 500 });
    let kept: Vec<_> = history.closed().iter().map(|w| (w.start_ms, w.total(Dimension::REQUESTS))).collect();
    assert_eq!(kept, [(300, 4), (200, 3)]);
    assert_eq!(history.windows(), 4);
}

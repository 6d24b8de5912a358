//! Streams that fail, and streams and callers that lie.

mod samples;

use std::{
    io::{BufRead, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    panic::{catch_unwind, AssertUnwindSafe},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    sync::Arc,
};

use ron_accounting_stream::{Attribution, Counters, CountingStream, Totals};
use ron_accounting_window::Clock;
use samples::{Scripted, Step};

fn scripted(steps: impl IntoIterator<Item = Step>) -> (CountingStream<Scripted>, Counters) {
    let counters = Counters::new();
    (CountingStream::new(Scripted::new(steps), counters.clone()), counters)
}

#[test]
fn errors_pass_through_and_count_nothing() {
    let kinds = [
        ErrorKind::WouldBlock,
        ErrorKind::Interrupted,
        ErrorKind::ConnectionReset,
        ErrorKind::UnexpectedEof,
        ErrorKind::Other,
    ];
    for kind in kinds {
        let (mut stream, counters) = scripted([Step::Fail(kind); 6]);
        assert_eq!(stream.read(&mut [0; 9]).unwrap_err().kind(), kind);
        assert_eq!(stream.write(&[0; 9]).unwrap_err().kind(), kind);
        assert_eq!(stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 9])]).unwrap_err().kind(), kind);
        assert_eq!(stream.write_vectored(&[IoSlice::new(&[0; 9])]).unwrap_err().kind(), kind);
        assert_eq!(stream.fill_buf().unwrap_err().kind(), kind);
        assert_eq!(stream.flush().unwrap_err().kind(), kind);
        assert_eq!(counters.totals(), Totals::default());
        assert_eq!(stream.read(&mut [0; 9]).unwrap(), 9, "counting goes on");
        assert_eq!(counters.totals().bytes_in, 9);
    }
}

#[test]
fn what_is_retried_after_an_interrupt_counts_once() {
    let steps = [Step::Move(3), Step::Fail(ErrorKind::Interrupted), Step::Move(1)];
    let (mut stream, counters) = scripted(steps);
    stream.read_exact(&mut [0; 10]).unwrap();
    assert_eq!(counters.totals().bytes_in, 10);
    let (mut stream, counters) = scripted(steps);
    stream.write_all(&[0; 10]).unwrap();
    assert_eq!(counters.totals().bytes_out, 10);
}

#[test]
fn what_was_moved_before_a_failure_counts() {
    let steps = [Step::Move(3), Step::Fail(ErrorKind::WouldBlock)];
    let (mut stream, counters) = scripted(steps);
    assert_eq!(stream.read_exact(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(counters.totals().bytes_in, 3);
    let (mut stream, counters) = scripted(steps);
    assert_eq!(stream.write_all(&[0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(counters.totals().bytes_out, 3);

    let (mut stream, counters) = scripted([Step::Move(5), Step::Move(2), Step::Fail(ErrorKind::Other)]);
    let mut buffer = Vec::new();
    assert_eq!(stream.read_to_end(&mut buffer).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!((buffer.len(), counters.totals().bytes_in), (7, 7));
}

#[test]
fn a_stream_that_claims_more_than_there_was_room_for_is_not_believed() {
    let (mut stream, counters) = scripted([Step::Claim(1000); 4]);
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 1000, "the answer is passed on");
    assert_eq!(stream.write(&[0; 10]).unwrap(), 1000);
    let _ = stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 10])]).unwrap();
    let _ = stream.write_vectored(&[IoSlice::new(&[0; 10])]).unwrap();
    assert_eq!(counters.totals(), Totals { bytes_in: 20, bytes_out: 20 });
}

#[test]
fn a_caller_that_consumes_more_than_it_was_shown_counts_what_it_was_shown() {
    let (mut stream, counters) = scripted([Step::Move(4)]);
    stream.consume(5);
    assert_eq!(counters.totals().bytes_in, 0, "nothing was shown");
    assert_eq!(stream.fill_buf().unwrap().len(), 4);
    stream.consume(3);
    stream.consume(usize::MAX);
    assert_eq!(counters.totals().bytes_in, 4);
}

#[derive(Debug)]
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("on purpose")
    }
}

#[test]
fn a_panic_of_the_stream_counts_nothing_and_breaks_nothing() {
    let counters = Counters::new();
    let mut stream = CountingStream::new(Broken, counters.clone());
    assert!(catch_unwind(AssertUnwindSafe(|| stream.read(&mut [0; 4]))).is_err());
    drop(stream);
    counters.add_in(2);
    assert_eq!(counters.snapshot().total_in, 2);
}

struct BrokenClock(Arc<AtomicBool>);

impl Clock for BrokenClock {
    fn now_ms(&self) -> u64 {
        assert!(!self.0.load(Relaxed), "on purpose");
        0
    }
}

#[test]
fn a_panic_of_the_clock_leaves_the_counters_in_order() {
    let broken = Arc::new(AtomicBool::new(false));
    let clock = BrokenClock(Arc::clone(&broken));
    let counters = Counters::builder().clock(clock).attribution(Attribution::Sampled).build();
    let mut stream = CountingStream::new(Scripted::default(), counters.clone());
    broken.store(true, Relaxed);
    assert!(catch_unwind(AssertUnwindSafe(|| stream.read(&mut [0; 4]))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| counters.snapshot())).is_err());
    broken.store(false, Relaxed);
    assert_eq!(stream.read(&mut [0; 5]).unwrap(), 5);
    assert_eq!(counters.snapshot().total_in, 5);
}

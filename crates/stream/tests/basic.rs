//! Each way through a stream counts what was moved, and passes it on unchanged.

use std::io::{self, BufRead, BufReader, Cursor, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use ron_accounting_stream::{Counters, CountingStream, Totals};

fn over<S>(inner: S) -> (CountingStream<S>, Counters) {
    let counters = Counters::new();
    (CountingStream::new(inner, counters.clone()), counters)
}

fn bytes_in(counters: &Counters) -> u64 {
    let totals = counters.totals();
    assert_eq!(totals.bytes_out, 0);
    totals.bytes_in
}

fn bytes_out(counters: &Counters) -> u64 {
    let totals = counters.totals();
    assert_eq!(totals.bytes_in, 0);
    totals.bytes_out
}

#[test]
fn read_and_what_is_built_on_it() {
    let (mut stream, counters) = over(&b"0123456789 and more"[..]);
    let mut buffer = [0; 4];
    assert_eq!(stream.read(&mut buffer).unwrap(), 4);
    assert_eq!((&buffer, bytes_in(&counters)), (b"0123", 4));
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!((&buffer, bytes_in(&counters)), (b"4567", 8));
    let mut rest = Vec::from(*b"kept ");
    assert_eq!(stream.read_to_end(&mut rest).unwrap(), 11);
    assert_eq!((&rest[..], bytes_in(&counters)), (&b"kept 89 and more"[..], 19));
    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
    assert_eq!(bytes_in(&counters), 19);
}

#[test]
fn read_exact_counts_what_there_was_before_the_end() {
    let (mut stream, counters) = over(&b"abc"[..]);
    let error = stream.read_exact(&mut [0; 8]).unwrap_err();
    assert_eq!((error.kind(), bytes_in(&counters)), (io::ErrorKind::UnexpectedEof, 3));
}

#[test]
fn read_to_string_counts_bytes_even_if_they_are_no_text() {
    let (mut stream, counters) = over("grüß".as_bytes());
    let mut text = String::new();
    assert_eq!((stream.read_to_string(&mut text).unwrap(), bytes_in(&counters)), (6, 6));
    let (mut stream, counters) = over(&b"ab\xff"[..]);
    let error = stream.read_to_string(&mut text).unwrap_err();
    assert_eq!((error.kind(), bytes_in(&counters), text.as_str()), (io::ErrorKind::InvalidData, 3, "grüß"));
}

#[test]
fn vectored_reads_and_writes() {
    let (mut stream, counters) = over(&b"0123456789"[..]);
    let (mut a, mut b) = ([0; 3], [0; 4]);
    let read = stream.read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).unwrap();
    assert_eq!((read, bytes_in(&counters)), (7, 7));
    assert_eq!((&a, &b), (b"012", b"3456"));

    let (mut stream, counters) = over(Vec::new());
    let written = stream.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")]).unwrap();
    assert_eq!((written, bytes_out(&counters)), (5, 5), "one call, not only the first buffer");
    assert_eq!(stream.into_inner(), b"abcde");
}

#[test]
fn writes_and_what_is_built_on_them() {
    let mut room = [0; 10];
    let (mut stream, counters) = over(&mut room[..]);
    stream.write_all(b"abc").unwrap();
    write!(stream, "{}", 12).unwrap();
    stream.flush().unwrap();
    assert_eq!(bytes_out(&counters), 5);
    let error = stream.write_all(b"too much").unwrap_err();
    assert_eq!((error.kind(), bytes_out(&counters)), (io::ErrorKind::WriteZero, 10));
    assert_eq!(&room, b"abc12too m");
}

#[test]
fn buffered_reads_count_what_is_consumed() {
    let (mut stream, counters) = over(BufReader::new(&b"first\nsecond\n\nrest"[..]));
    assert_eq!(stream.fill_buf().unwrap().len(), 18);
    assert_eq!(bytes_in(&counters), 0, "shown, not taken");
    let mut line = String::new();
    assert_eq!((stream.read_line(&mut line).unwrap(), bytes_in(&counters)), (6, 6));
    assert_eq!(line, "first\n");
    assert_eq!((stream.read_until(b'\n', &mut Vec::new()).unwrap(), bytes_in(&counters)), (7, 13));
    // Between looking and taking some bytes leave another way; each counts once.
    stream.fill_buf().unwrap();
    assert_eq!(stream.read(&mut [0; 2]).unwrap(), 2);
    stream.consume(3);
    assert_eq!(bytes_in(&counters), 18);
    assert!(stream.fill_buf().unwrap().is_empty());
}

#[test]
fn seeking_counts_nothing() {
    let (mut stream, counters) = over(Cursor::new(vec![1, 2, 3, 4]));
    assert_eq!(stream.seek(SeekFrom::End(-1)).unwrap(), 3);
    assert_eq!(stream.stream_position().unwrap(), 3);
    assert_eq!(counters.totals(), Totals::default());
    stream.write_all(&[9, 9]).unwrap();
    stream.rewind().unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert_eq!((all, counters.totals()), (vec![1, 2, 3, 9, 9], Totals { bytes_in: 5, bytes_out: 2 }));
}

#[test]
fn both_directions_and_many_streams_share_counters() {
    let counters = Counters::new();
    let mut source = CountingStream::new(io::repeat(1).take(1000), counters.clone());
    let mut target = CountingStream::new(io::sink(), source.counters());
    assert_eq!(io::copy(&mut source, &mut target).unwrap(), 1000);
    assert_eq!(counters.totals(), Totals { bytes_in: 1000, bytes_out: 1000 });
}

#[test]
fn the_inner_stream_is_within_reach_and_does_not_count() {
    let (mut stream, counters) = over(&b"0123"[..]);
    assert_eq!(*stream.get_ref(), b"0123");
    stream.get_mut().read_exact(&mut [0; 2]).unwrap();
    assert_eq!(stream.into_inner(), b"23");
    assert_eq!(counters.totals(), Totals::default());
}

#[test]
fn readers_of_progress_do_not_take_from_each_other() {
    let counters = Counters::new();
    counters.add_in(1);
    let mut one = counters.progress();
    counters.add_in(2);
    let mut other = counters.progress();
    counters.add_out(3);
    assert_eq!(one.take(), Totals { bytes_in: 2, bytes_out: 3 });
    assert_eq!(other.take(), Totals { bytes_in: 0, bytes_out: 3 });
    assert_eq!(one.take(), Totals::default());
}

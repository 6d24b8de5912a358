//! The same promises over tokio's traits.
#![cfg(feature = "tokio")]

mod samples;

use std::{
    collections::VecDeque,
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use ron_accounting_stream::{Attribution, Counters, CountingStream, Totals};
use samples::{counters_at, MINUTE_MS};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf,
    },
    net::{TcpListener, TcpStream},
};

/// Returns the given results. Once there are none left, it moves as much as it can.
#[derive(Debug, Default)]
struct Polled(VecDeque<Poll<io::Result<usize>>>);

impl AsyncRead for Polled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answer = self.0.pop_front().unwrap_or(Poll::Ready(Ok(usize::MAX)));
        answer.map_ok(|bytes| buffer.put_slice(&vec![0; bytes.min(buffer.remaining())]))
    }
}

impl AsyncWrite for Polled {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.0.pop_front().unwrap_or(Poll::Ready(Ok(buffer.len())))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn read(stream: &mut CountingStream<Polled>, bytes: usize) -> Poll<io::Result<()>> {
    let mut memory = vec![0; bytes];
    Pin::new(stream).poll_read(&mut Context::from_waker(&noop()), &mut ReadBuf::new(&mut memory))
}

fn write(stream: &mut CountingStream<Polled>, bytes: usize) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(&mut Context::from_waker(&noop()), &vec![0; bytes])
}

fn noop() -> Waker {
    struct Nobody;
    impl std::task::Wake for Nobody {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    std::sync::Arc::new(Nobody).into()
}

#[test]
fn a_connection_counts_both_ways() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let (server, client) = (Counters::new(), Counters::new());
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = async {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = CountingStream::new(socket, server.clone());
            let mut request = Vec::new();
            socket.read_to_end(&mut request).await.unwrap();
            socket.write_all(&request).await.unwrap();
            socket.write_all(b" and thanks").await.unwrap();
            socket.shutdown().await.unwrap();
        };
        let ask = async {
            let mut socket = CountingStream::new(TcpStream::connect(address).await.unwrap(), client.clone());
            socket.write_all(&vec![b'x'; 100_000]).await.unwrap();
            socket.shutdown().await.unwrap();
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let ((), answer) = tokio::join!(echo, ask);
        assert_eq!(answer.len(), 100_011);
    });
    assert_eq!(client.totals(), Totals { bytes_in: 100_011, bytes_out: 100_000 });
    assert_eq!(server.totals(), Totals { bytes_in: 100_000, bytes_out: 100_011 });
}

#[test]
fn pending_and_errors_count_nothing() {
    let counters = Counters::new();
    let mut stream = CountingStream::new(Polled::default(), counters.clone());
    for _ in 0..2 {
        stream.get_mut().0 = [Poll::Pending, Poll::Ready(Err(io::ErrorKind::Interrupted.into()))].into();
        assert!(read(&mut stream, 9).is_pending());
        assert!(
            matches!(read(&mut stream, 9), Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted)
        );
        stream.get_mut().0 = [Poll::Pending, Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))].into();
        assert!(write(&mut stream, 9).is_pending());
        assert!(
            matches!(write(&mut stream, 9), Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe)
        );
    }
    assert_eq!(counters.totals(), Totals::default());
    stream.get_mut().0 = [Poll::Ready(Ok(4)), Poll::Ready(Ok(100))].into();
    assert!(read(&mut stream, 9).is_ready());
    assert!(write(&mut stream, 9).is_ready());
    assert_eq!(counters.totals(), Totals { bytes_in: 4, bytes_out: 9 }, "no more than there was to move");
}

#[test]
fn bytes_that_were_in_the_buffer_before_are_not_counted() {
    let counters = Counters::new();
    let mut stream = CountingStream::new(Polled::default(), counters.clone());
    let mut memory = [0; 10];
    let mut buffer = ReadBuf::new(&mut memory);
    buffer.put_slice(b"four");
    assert!(Pin::new(&mut stream).poll_read(&mut Context::from_waker(&noop()), &mut buffer).is_ready());
    assert_eq!((buffer.filled().len(), counters.totals().bytes_in), (10, 6));
}

#[test]
fn a_read_after_waiting_is_in_its_own_minute() {
    let (counters, clock) = counters_at(0, Attribution::Sampled);
    let mut stream = CountingStream::new(Polled::default(), counters.clone());
    for _ in 0..500 {
        assert!(read(&mut stream, 1).is_ready());
    }
    stream.get_mut().0.push_back(Poll::Pending);
    assert!(read(&mut stream, 1).is_pending());
    clock.set(MINUTE_MS);
    assert!(read(&mut stream, 3).is_ready());
    assert_eq!(counters.snapshot().per_min_in[..2], [3, 500]);
}

#[test]
fn buffered_vectored_and_seeking() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let counters = Counters::new();
    runtime.block_on(async {
        let mut stream =
            CountingStream::new(BufReader::new(io::Cursor::new(b"one\ntwo\n".to_vec())), counters.clone());
        assert_eq!(stream.fill_buf().await.unwrap().len(), 8);
        assert_eq!(counters.totals().bytes_in, 0);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!((line.as_str(), counters.totals().bytes_in), ("one\n", 4));
        AsyncBufReadExt::consume(&mut stream, 1000);
        assert_eq!(counters.totals().bytes_in, 8);
        assert_eq!(stream.seek(SeekFrom::Start(4)).await.unwrap(), 4);
        assert_eq!(counters.totals(), Totals { bytes_in: 8, bytes_out: 0 });

        let mut stream = CountingStream::new(Vec::new(), counters.clone());
        assert!(stream.is_write_vectored());
        let written = stream.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")]).await.unwrap();
        assert_eq!((written, counters.totals().bytes_out), (5, 5));
    });
}

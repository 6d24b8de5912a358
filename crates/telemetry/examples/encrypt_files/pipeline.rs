//! A pipeline over files: read, compress, encrypt, write, and back, in frames, by one worker or several.
//!
//! It shows where telemetry goes: each worker has counters and a timer of its own, and both are merged when it is done. The
//! format is as small as a sound one can be. Each frame is authenticated under its number and kind, so that none can be
//! dropped, moved or taken for another.

use std::{fmt::Write as _, fs, path::Path, thread};

use anyhow::{bail, ensure, Context};
use chacha20poly1305::{
    aead::{Aead, KeyInit, Payload},
    ChaCha20Poly1305, Nonce,
};
use ron_accounting_telemetry::{FrameBytes, Stage, TelemetryCounters, TelemetrySnapshot, TelemetryTimer};

const MAGIC: [u8; 8] = *b"FRAMES\x00\x01";
/// A frame is its kind, the length of its ciphertext, and the ciphertext.
const FRAME_HEADER: usize = 5;
const CHUNK: usize = 64 * 1024;
const LEVEL: i32 = 3;

const DATA: u8 = 1;
const DIGEST: u8 = 2;
const TERMINATOR: u8 = 3;

/// What a worker brings back.
type Worked = (Vec<(usize, Vec<u8>)>, TelemetryCounters, TelemetryTimer);
/// A frame's number, kind, and ciphertext.
type Frame<'a> = (u32, u8, &'a [u8]);

/// Encrypts and decrypts files. A key must not be used for two different files: nonces are numbers of frames.
pub(crate) struct Pipeline {
    cipher: ChaCha20Poly1305,
    workers: usize,
}

impl Pipeline {
    pub(crate) fn new(key: [u8; 32], workers: usize) -> Self {
        Self { cipher: ChaCha20Poly1305::new(&key.into()), workers: workers.max(1) }
    }

    pub(crate) fn encrypt_file(&self, input: &Path, output: &Path) -> anyhow::Result<TelemetrySnapshot> {
        let (mut counters, mut timer) = (TelemetryCounters::default(), TelemetryTimer::start());
        let plaintext = timer.time(Stage::Read, || fs::read(input)).context("cannot read the input")?;
        let chunks: Vec<&[u8]> = plaintext.chunks(CHUNK).collect();
        let frames = self.work(&mut counters, &mut timer, &chunks, |index, chunk, counters, timer| {
            let compressed = timer.time(Stage::Compress, || zstd::bulk::compress(chunk, LEVEL))?;
            let frame = timer.time(Stage::Encrypt, || self.seal(number(index)?, DATA, &compressed))?;
            counters.add_encrypt_data(FrameBytes {
                plaintext: chunk.len(),
                compressed: compressed.len(),
                ciphertext: frame.len() - FRAME_HEADER,
                overhead: FRAME_HEADER,
            });
            Ok(frame)
        })?;
        let digest = timer.time(Stage::Encrypt, || {
            self.seal(number(frames.len())?, DIGEST, blake3::hash(&plaintext).as_bytes())
        })?;
        counters.add_digest(digest.len());
        let terminator =
            timer.time(Stage::Encrypt, || self.seal(number(frames.len() + 1)?, TERMINATOR, &[]))?;
        counters.add_terminator(terminator.len());
        counters.add_header(MAGIC.len());
        let stream = timer.time(Stage::Write, || {
            let stream = [&MAGIC[..], &frames.concat(), &digest, &terminator].concat();
            fs::write(output, &stream).map(|()| stream)
        })?;
        timer.finish();
        Ok(TelemetrySnapshot::new(counters, &timer).attach_output(stream))
    }

    pub(crate) fn decrypt_file(&self, input: &Path, output: &Path) -> anyhow::Result<TelemetrySnapshot> {
        let (mut counters, mut timer) = (TelemetryCounters::default(), TelemetryTimer::start());
        let stream = timer.time(Stage::Read, || fs::read(input)).context("cannot read the input")?;
        let frames = split(&stream)?;
        counters.add_header(MAGIC.len());
        let [data @ .., digest, terminator] = &frames[..] else { bail!("the stream has no end") };
        let chunks = self.work(&mut counters, &mut timer, data, |_, frame, counters, timer| {
            let compressed = timer.time(Stage::Decrypt, || self.open(DATA, frame))?;
            let plaintext = timer.time(Stage::Decompress, || zstd::bulk::decompress(&compressed, CHUNK))?;
            counters.add_decrypt_data(FrameBytes {
                plaintext: plaintext.len(),
                compressed: compressed.len(),
                ciphertext: frame.2.len(),
                overhead: FRAME_HEADER,
            });
            Ok(plaintext)
        })?;
        let plaintext = chunks.concat();
        timer.time(Stage::Decrypt, || -> anyhow::Result<()> {
            ensure!(self.open(DIGEST, *digest)? == blake3::hash(&plaintext).as_bytes(), "the digest differs");
            ensure!(self.open(TERMINATOR, *terminator)?.is_empty(), "the terminator is not empty");
            Ok(())
        })?;
        counters.add_digest(FRAME_HEADER + digest.2.len());
        counters.add_terminator(FRAME_HEADER + terminator.2.len());
        timer.time(Stage::Write, || fs::write(output, &plaintext))?;
        timer.finish();
        Ok(TelemetrySnapshot::new(counters, &timer).attach_output(plaintext))
    }

    /// Hands the items to the workers in turn, merges what they counted, and answers their results in order. One worker is
    /// the caller itself.
    fn work<T: Copy + Sync>(
        &self,
        counters: &mut TelemetryCounters,
        timer: &mut TelemetryTimer,
        items: &[T],
        body: impl Fn(usize, T, &mut TelemetryCounters, &mut TelemetryTimer) -> anyhow::Result<Vec<u8>> + Sync,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        if self.workers == 1 {
            return items
                .iter()
                .enumerate()
                .map(|(index, item)| body(index, *item, counters, timer))
                .collect();
        }
        let worker = |first: usize, mut timer: TelemetryTimer| -> anyhow::Result<Worked> {
            let mut counters = TelemetryCounters::default();
            let mut results = Vec::new();
            for (index, item) in items.iter().enumerate().skip(first).step_by(self.workers) {
                results.push((index, body(index, *item, &mut counters, &mut timer)?));
            }
            Ok((results, counters, timer))
        };
        let worked = thread::scope(|scope| -> anyhow::Result<Vec<Worked>> {
            let start = |first| {
                let timer = timer.worker();
                scope.spawn(move || worker(first, timer))
            };
            let threads: Vec<_> = (0..self.workers).map(start).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, anyhow::Result<Worked>>| match thread.join() {
                Ok(worked) => worked,
                Err(_) => bail!("a worker panicked"),
            };
            threads.into_iter().map(join).collect()
        })?;
        let mut results = vec![Vec::new(); items.len()];
        for (part, part_counters, part_timer) in worked {
            *counters += part_counters;
            timer.merge(&part_timer);
            for (index, result) in part {
                results[index] = result;
            }
        }
        Ok(results)
    }

    fn seal(&self, number: u32, kind: u8, plaintext: &[u8]) -> anyhow::Result<Vec<u8>> {
        let payload = Payload { msg: plaintext, aad: &[kind] };
        let Ok(ciphertext) = self.cipher.encrypt(&nonce(number), payload) else { bail!("cannot encrypt") };
        let length = u32::try_from(ciphertext.len()).context("the frame is too long")?;
        Ok([&[kind][..], &length.to_be_bytes(), &ciphertext].concat())
    }

    fn open(&self, kind: u8, (number, found, ciphertext): Frame<'_>) -> anyhow::Result<Vec<u8>> {
        ensure!(found == kind, "frame {number} is of kind {found} instead of {kind}");
        let payload = Payload { msg: ciphertext, aad: &[kind] };
        self.cipher
            .decrypt(&nonce(number), payload)
            .map_err(|_| anyhow::anyhow!("frame {number} does not verify"))
    }
}

fn nonce(number: u32) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    nonce
}

fn number(index: usize) -> anyhow::Result<u32> {
    u32::try_from(index).context("too many frames for their numbers")
}

fn split(stream: &[u8]) -> anyhow::Result<Vec<Frame<'_>>> {
    let mut rest = stream.strip_prefix(&MAGIC).context("the stream begins with something else")?;
    let mut frames = Vec::new();
    while let [kind, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (ciphertext, after) = tail.split_at_checked(length).context("the last frame is cut")?;
        frames.push((number(frames.len())?, *kind, ciphertext));
        rest = after;
    }
    ensure!(rest.is_empty(), "{} bytes follow the last frame", rest.len());
    Ok(frames)
}

/// `bytes` of text that compresses like a log: much repeats, and never quite.
pub(crate) fn text(bytes: usize) -> Vec<u8> {
    let mut text = String::with_capacity(bytes + 80);
    let mut state = 1_u64;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (object, size) = (state >> 52, (state >> 20) & 0xffff);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "GET /v1/objects/{object} 200 {size} service=objects region=iad");
    }
    text.truncate(bytes);
    text.into_bytes()
}

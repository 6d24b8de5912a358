//! A ledger that outlives the process that writes to it: the in-memory one, with its slices in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::Mutex,
};

use ron_accounting::export::{Ack, Exporter, Head, MemoryLedger, PutError, SealedSlice, StreamId};

/// Where a put ends its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    Never,
    BeforeStoring,
    BeforeAnswering,
}

#[derive(Debug)]
pub(crate) struct FileLedger {
    pub(crate) memory: MemoryLedger,
    file: Mutex<File>,
    kill: Kill,
}

impl FileLedger {
    pub(crate) fn open(path: &Path, kill: Kill) -> Self {
        let memory = MemoryLedger::new();
        let stored = fs::read(path).unwrap_or_default();
        let mut rest = stored.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (bytes, behind) = behind.split_at(u32::from_be_bytes(*length).try_into().unwrap());
            let answers = memory.put_batch(&[SealedSlice::from_bytes(bytes).unwrap()]);
            assert_eq!(answers, [Ok(Ack::Ok)]);
            rest = behind;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        Self { memory, file: Mutex::new(file), kill }
    }
}

impl Exporter for FileLedger {
    fn put_batch(&self, batch: &[SealedSlice]) -> Vec<Result<Ack, PutError>> {
        if self.kill == Kill::BeforeStoring {
            std::process::abort();
        }
        let answers = self.memory.put_batch(batch);
        let mut file = self.file.lock().unwrap();
        for (slice, answer) in batch.iter().zip(&answers) {
            if *answer == Ok(Ack::Ok) {
                let length = u32::try_from(slice.bytes().len()).unwrap().to_be_bytes();
                file.write_all(&[&length, slice.bytes()].concat()).unwrap();
            }
        }
        if self.kill == Kill::BeforeAnswering {
            std::process::abort();
        }
        answers
    }

    fn head(&self, stream: &StreamId) -> Result<Option<Head>, PutError> {
        self.memory.head(stream)
    }
}

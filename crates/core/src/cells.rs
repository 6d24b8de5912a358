//! Single-writer cells: one slab of counters per thread.
//!
//! # Why not one atomic counter per label set
//! An atomic add costs ten times a plain one even uncontended, and moves its cache line between cores when two threads
//! count the same label set. Here the owning thread is the only writer of its cells, so an increment is a relaxed load,
//! an add and a relaxed store; a reader sums the cells of all threads.
//!
//! # Invariants
//! 1. Only the thread that owns a slab writes its cells.
//! 2. A cell stays below [`CELL_END`], so the sum over 65,536 threads can't wrap.
//! 3. A cell never decreases, except when its owner carries it over (see `readings`), under the readings lock.

use crate::sync::{AtomicU64, FirstUse, Ordering};

/// Cells count to 2^48 - 1 (281 terabytes), then are carried over into the readers' own sums.
pub(crate) const CELL_END: u64 = if cfg!(loom) { 4 } else { 1 << 48 };

/// Keys per chunk. A chunk is allocated when its thread first counts one of its keys.
const CHUNK_KEYS: usize = if cfg!(loom) { 2 } else { 64 };

type Chunk = Box<[AtomicU64]>;

/// The cells of one thread, indexed by key id and dimension.
#[derive(Debug)]
pub(crate) struct Slab {
    chunks: Box<[FirstUse<Chunk>]>,
    stride: usize,
}

impl Slab {
    /// A slab for ids below `ids_max`, with `stride` dimensions each. Allocates no cells yet.
    pub(crate) fn new(ids_max: usize, stride: usize) -> Self {
        let chunks = (0..ids_max.div_ceil(CHUNK_KEYS)).map(|_| FirstUse::new(|| new_chunk(stride))).collect();
        Self { chunks, stride }
    }

    /// Adds `n` to a cell. `false`, and nothing added, if the cell can't hold it: the caller carries it over.
    #[inline]
    pub(crate) fn add(&self, id: u32, dimension: usize, n: u64) -> bool {
        let Some(cell) = self.cell_for_writing(id, dimension) else { return false };
        let sum = cell.load(Ordering::Relaxed).saturating_add(n);
        if sum >= CELL_END {
            return false;
        }
        cell.store(sum, Ordering::Relaxed);
        true
    }

    /// Sets a cell to zero and returns what it held. For its owner alone, under the readings lock.
    pub(crate) fn clear(&self, id: u32, dimension: usize) -> u64 {
        self.cell_for_writing(id, dimension).map_or(0, |cell| {
            let held = cell.load(Ordering::Relaxed);
            cell.store(0, Ordering::Relaxed);
            held
        })
    }

    /// Adds the cells of one key to `sums`.
    pub(crate) fn sum_key(&self, id: u32, sums: &mut [u64]) {
        let (chunk, first) = self.place(id);
        let Some(cells) = self.chunks.get(chunk).and_then(FirstUse::get) else { return };
        for (sum, cell) in sums.iter_mut().zip(cells.iter().skip(first)) {
            *sum += cell.load(Ordering::Relaxed);
        }
    }

    /// Adds all cells to `sums`, which holds `stride` sums per key id.
    pub(crate) fn sum_all(&self, sums: &mut [u64]) {
        for (chunk, sums) in self.chunks.iter().zip(sums.chunks_mut(CHUNK_KEYS * self.stride)) {
            let Some(cells) = chunk.get() else { continue };
            for (sum, cell) in sums.iter_mut().zip(cells.iter()) {
                *sum += cell.load(Ordering::Relaxed);
            }
        }
    }

    #[inline]
    fn cell_for_writing(&self, id: u32, dimension: usize) -> Option<&AtomicU64> {
        let (chunk, first) = self.place(id);
        let stride = self.stride;
        self.chunks.get(chunk)?.get_or_make(|| new_chunk(stride)).get(first + dimension)
    }

    #[inline]
    fn place(&self, id: u32) -> (usize, usize) {
        let id = id as usize;
        (id / CHUNK_KEYS, id % CHUNK_KEYS * self.stride)
    }
}

fn new_chunk(stride: usize) -> Chunk {
    (0..CHUNK_KEYS * stride).map(|_| AtomicU64::new(0)).collect()
}

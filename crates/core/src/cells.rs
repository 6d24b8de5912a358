//! Single-writer cells: one slab of counters per thread.
//!
//! # Why not one atomic counter per label set
//! An atomic add costs ten times a plain one even uncontended, and moves its cache line between cores when
//! two threads count the same label set. Here the owning thread is the only writer of its cells, so an
//! increment is a relaxed load, an add and a relaxed store; a reader sums the cells of all threads.
//!
//! # Layout
//! A slab is cut into chunks, which are allocated on first use; a chunk is made of cache lines, a line of
//! cells. The cells of one key are next to each other, and in one line if they fit, so that counting a
//! request and both byte counts touches one line. A line belongs to one thread: two threads never write the
//! same one.
//!
//! ```text
//! slab    [ chunk ][ chunk ][   -   ][ chunk ]        one per thread; `-`: this thread counted none of these keys
//! chunk   [ line ][ line ] ..                         32 lines
//! line    [ id 0: requests, bytes_in, bytes_out, cpu | id 1: .. ]
//! ```
//!
//! # Invariants
//! 1. Only the thread that owns a slab writes its cells.
//! 2. A cell is below [`CELL_END`], so that the sum over 65,536 threads cannot wrap.
//! 3. A cell never decreases, except when its owner empties it because it is full: see
//!    `Readers::empty_full_cell`.

use std::sync::Arc;

use crate::{
    dimension::BUILT_IN,
    key::KeyId,
    sync::{AtomicU64, FirstUse, Ordering},
};

/// A cell counts to 2^48 - 1 (281 terabytes). Then its counts are moved to the readers.
pub(crate) const CELL_END: u64 = if cfg!(loom) { 4 } else { 1 << 48 };

const LINE_CELLS: usize = 8;

/// Lines per chunk. A chunk is allocated when its thread first counts one of its keys: 64 keys of four
/// dimensions.
const CHUNK_LINES: usize = if cfg!(loom) { 1 } else { 32 };
const CHUNK_CELLS: usize = CHUNK_LINES * LINE_CELLS;

#[derive(Debug)]
#[repr(align(64))]
struct Line([AtomicU64; LINE_CELLS]);

/// Of one size for all engines, so that the compiler knows that an index modulo the size is within it.
type Chunk = Box<[Line; CHUNK_LINES]>;

/// Returns the distance between the first cells of two ids: a power of two, so that no key is cut by the end
/// of a chunk, and none with up to eight dimensions by the end of a line.
pub(crate) const fn stride(dimensions: usize) -> usize {
    1 << stride_bits(dimensions)
}

const fn stride_bits(dimensions: usize) -> u32 {
    dimensions.next_power_of_two().trailing_zeros()
}

/// The cells of one thread, indexed by key id and dimension. Clones are the same cells.
#[derive(Debug, Clone)]
pub(crate) struct Slab {
    chunks: Arc<[FirstUse<Chunk>]>,
    dimensions: usize,
    stride_bits: u32,
}

/// The index of a key's first cell, the same in every slab of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstCell(usize);

impl FirstCell {
    /// An index that no slab has.
    pub(crate) const NONE: Self = Self(usize::MAX);

    #[inline]
    pub(crate) fn new(id: KeyId, dimensions: usize) -> Self {
        Self(id.index() << stride_bits(dimensions))
    }
}

/// The cells of one key in one slab.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyCells<'a> {
    chunk: &'a Chunk,
    first: usize,
    /// The line of the first cell, and of all cells unless there are more than fit in a line.
    line: &'a Line,
    dimensions: usize,
}

/// Why nothing was added to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdded {
    /// The key has no such dimension.
    NoCell,
    /// The sum reaches [`CELL_END`]: the caller has to empty the cell.
    CellIsFull,
}

impl KeyCells<'_> {
    /// Adds `n` to the cell of a dimension. For the slab's owner alone.
    #[inline]
    pub(crate) fn add(self, dimension: usize, n: u64) -> Result<(), NotAdded> {
        let Some(cell) = self.cell(dimension) else { return Err(NotAdded::NoCell) };
        // The cell is below 2^48, so the sum can only have wrapped if `n` itself is too much.
        let sum = cell.load(Ordering::Relaxed).wrapping_add(n);
        if (n | sum) >= CELL_END {
            return Err(NotAdded::CellIsFull);
        }
        cell.store(sum, Ordering::Relaxed);
        Ok(())
    }

    #[inline]
    fn cell(&self, dimension: usize) -> Option<&AtomicU64> {
        // The built-in dimensions are constants to most callers, which then skip the comparison.
        if dimension >= BUILT_IN.len() && dimension >= self.dimensions {
            return None;
        }
        let index = self.first % LINE_CELLS + dimension;
        self.line.0.get(index).or_else(|| self.cell_past_line(dimension))
    }

    /// Returns a cell that is not in the first line of its key.
    fn cell_past_line(&self, dimension: usize) -> Option<&AtomicU64> {
        let index = self.first + dimension;
        self.chunk.get(index / LINE_CELLS % CHUNK_LINES)?.0.get(index % LINE_CELLS)
    }
}

impl Slab {
    /// Makes a slab for ids below `ids_max`. Allocates no cells yet.
    pub(crate) fn new(ids_max: usize, dimensions: usize) -> Self {
        let stride_bits = stride_bits(dimensions);
        let chunks = (ids_max << stride_bits).div_ceil(CHUNK_CELLS);
        Self { chunks: (0..chunks).map(|_| FirstUse::new(new_chunk)).collect(), dimensions, stride_bits }
    }

    /// Returns a key's cells, or `None` while their chunk is not allocated.
    #[inline]
    pub(crate) fn cells(&self, id: KeyId) -> Option<KeyCells<'_>> {
        self.cells_at(FirstCell(id.index() << self.stride_bits))
    }

    /// Returns the cells of the key whose first cell is given, or `None` while their chunk is not allocated.
    #[inline]
    pub(crate) fn cells_at(&self, FirstCell(first): FirstCell) -> Option<KeyCells<'_>> {
        let chunk = self.chunks.get(first / CHUNK_CELLS)?.get()?;
        let line = chunk.get(first / LINE_CELLS % CHUNK_LINES)?;
        Some(KeyCells { chunk, first, line, dimensions: self.dimensions })
    }

    /// Returns a key's cells and allocates them if need be. `None` for an id past the limit.
    #[cold]
    pub(crate) fn make_cells(&self, id: KeyId) -> Option<KeyCells<'_>> {
        self.chunks.get((id.index() << self.stride_bits) / CHUNK_CELLS)?.get_or_make(new_chunk);
        self.cells(id)
    }

    /// Sets a cell to zero and returns what it held. For its owner alone, under the readings lock.
    pub(crate) fn clear(&self, id: KeyId, dimension: usize) -> u64 {
        self.cells(id).as_ref().and_then(|cells| cells.cell(dimension)).map_or(0, |cell| {
            let held = cell.load(Ordering::Relaxed);
            cell.store(0, Ordering::Relaxed);
            held
        })
    }

    /// Adds the cells of one key to `sums`.
    pub(crate) fn sum_key(&self, id: KeyId, sums: &mut [u64]) {
        let Some(cells) = self.cells(id) else { return };
        for (dimension, sum) in sums.iter_mut().enumerate() {
            *sum += cells.cell(dimension).map_or(0, |cell| cell.load(Ordering::Relaxed));
        }
    }

    /// Checks that all cells are below their end.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let cells = self
            .chunks
            .iter()
            .filter_map(FirstUse::get)
            .flat_map(|chunk| chunk.iter().flat_map(|line| &line.0));
        let full = cells.map(|cell| cell.load(Ordering::Relaxed)).find(|held| *held >= CELL_END);
        full.map_or(Ok(()), |held| Err(format!("a cell holds {held}, which is past its end")))
    }
}

/// Sums the first `cells` cells over all slabs, chunk by chunk. Calls `visit` with the number of cells before
/// the chunk and the sums of the chunk. [`stride`] says which cell belongs to which key.
pub(crate) fn sum_chunks(slabs: &[Slab], cells: usize, mut visit: impl FnMut(usize, &[u64])) {
    let mut sums = [0; CHUNK_CELLS];
    for (number, first) in (0..cells).step_by(CHUNK_CELLS).enumerate() {
        let mut chunks = slabs.iter().filter_map(|slab| slab.chunks.get(number)?.get());
        // Two chunks at once, so that fewer sums are written and read again.
        match (chunks.next(), chunks.next()) {
            (Some(one), Some(other)) => for_each_cell([one, other], &mut sums, |sum, cells| *sum = cells),
            (Some(one), None) => for_each_cell([one], &mut sums, |sum, cells| *sum = cells),
            (None, _) => sums.fill(0),
        }
        while let Some(one) = chunks.next() {
            match chunks.next() {
                Some(other) => for_each_cell([one, other], &mut sums, |sum, cells| *sum += cells),
                None => for_each_cell([one], &mut sums, |sum, cells| *sum += cells),
            }
        }
        visit(first, sums.get(..cells - first).unwrap_or(&sums));
    }
}

/// Calls `add` with each sum, and with what the chunks together hold in that cell.
#[inline]
fn for_each_cell<const N: usize>(
    chunks: [&Chunk; N],
    sums: &mut [u64; CHUNK_CELLS],
    add: impl Fn(&mut u64, u64),
) {
    for (index, sums) in sums.chunks_exact_mut(LINE_CELLS).enumerate() {
        let lines = chunks.map(|chunk| &chunk[index % CHUNK_LINES]);
        for (cell, sum) in sums.iter_mut().enumerate() {
            add(sum, lines.iter().map(|line| line.0[cell % LINE_CELLS].load(Ordering::Relaxed)).sum());
        }
    }
}

/// Adds up values, wrapping: two sums of the same cells are equal unless one of the cells changed.
pub(crate) fn wrapping_sum(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, &value| sum.wrapping_add(value))
}

fn new_chunk() -> Chunk {
    Box::new(std::array::from_fn(|_| Line(std::array::from_fn(|_| AtomicU64::new(0)))))
}

//! Single-writer cells: one slab of counters per thread.
//!
//! # Why not one atomic counter per label set
//! An atomic add costs ten times a plain one even uncontended, and moves its cache line between cores when two threads
//! count the same label set. Here the owning thread is the only writer of its cells, so an increment is a relaxed load,
//! an add and a relaxed store; a reader sums the cells of all threads.
//!
//! # Layout
//! The cells of one key stand side by side and do not straddle a cache line where they fit in one, so that counting a
//! request and both byte counts touches one line. Lines belong to one thread: nothing is shared by accident.
//!
//! # Invariants
//! 1. Only the thread that owns a slab writes its cells.
//! 2. A cell stays below [`CELL_END`], so the sum over 65,536 threads can't wrap.
//! 3. A cell never decreases, except when its owner carries it over (see `readings`), under the readings lock.

use std::sync::Arc;

use crate::dimension::BUILT_IN;
use crate::sync::{AtomicU64, FirstUse, Ordering};

/// Cells count to 2^48 - 1 (281 terabytes), then are carried over into the readers' own sums.
pub(crate) const CELL_END: u64 = if cfg!(loom) { 4 } else { 1 << 48 };

const LINE_CELLS: usize = 8;

/// Lines per chunk. A chunk is allocated when its thread first counts one of its keys: 64 keys of four dimensions.
const CHUNK_LINES: usize = if cfg!(loom) { 1 } else { 32 };
const CHUNK_CELLS: usize = CHUNK_LINES * LINE_CELLS;

#[derive(Debug)]
#[repr(align(64))]
struct Line([AtomicU64; LINE_CELLS]);

/// Of one size for all engines, so that a place in it needs no check.
type Chunk = Box<[Line; CHUNK_LINES]>;

/// How many cells stand between one key's first and the next key's: a power of two, so that no key straddles a chunk, and
/// one with up to eight dimensions no line.
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

/// Where the cells of one key begin in every slab of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(usize);

impl Place {
    /// No slab has cells here.
    pub(crate) const NOWHERE: Self = Self(usize::MAX);

    #[inline]
    pub(crate) fn new(id: u32, dimensions: usize) -> Self {
        Self((id as usize) << stride_bits(dimensions))
    }
}

/// The cells of one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    chunk: &'a Chunk,
    first: usize,
    /// The line of the first cell, and so of all unless there are more than fit in one.
    line: &'a Line,
    dimensions: usize,
}

/// Why nothing was added to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdded {
    /// The key has no such dimension.
    NoCell,
    /// The sum reaches [`CELL_END`]: the caller carries the cell over.
    CellIsFull,
}

impl Row<'_> {
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
        let place = self.first % LINE_CELLS + dimension;
        self.line.0.get(place).or_else(|| self.cell_behind(dimension))
    }

    /// A cell of a key that has more than fit in a line.
    fn cell_behind(&self, dimension: usize) -> Option<&AtomicU64> {
        let place = self.first + dimension;
        self.chunk.get(place / LINE_CELLS % CHUNK_LINES)?.0.get(place % LINE_CELLS)
    }
}

impl Slab {
    /// A slab for ids below `ids_max`. Allocates no cells yet.
    pub(crate) fn new(ids_max: usize, dimensions: usize) -> Self {
        let stride_bits = stride_bits(dimensions);
        let chunks = (ids_max << stride_bits).div_ceil(CHUNK_CELLS);
        Self { chunks: (0..chunks).map(|_| FirstUse::new(new_chunk)).collect(), dimensions, stride_bits }
    }

    /// A key's cells; `None` while their chunk was not used.
    #[inline]
    pub(crate) fn row(&self, id: u32) -> Option<Row<'_>> {
        self.row_at(Place((id as usize) << self.stride_bits))
    }

    /// The cells at a place.
    #[inline]
    pub(crate) fn row_at(&self, place: Place) -> Option<Row<'_>> {
        let chunk = self.chunks.get(place.0 / CHUNK_CELLS)?.get()?;
        let line = chunk.get(place.0 / LINE_CELLS % CHUNK_LINES)?;
        Some(Row { chunk, first: place.0, line, dimensions: self.dimensions })
    }

    /// A key's cells, made if need be; `None` for an id past the limit.
    #[cold]
    pub(crate) fn make_row(&self, id: u32) -> Option<Row<'_>> {
        self.chunks.get(((id as usize) << self.stride_bits) / CHUNK_CELLS)?.get_or_make(new_chunk);
        self.row(id)
    }

    /// Sets a cell to zero and returns what it held. For its owner alone, under the readings lock.
    pub(crate) fn clear(&self, id: u32, dimension: usize) -> u64 {
        self.row(id).as_ref().and_then(|row| row.cell(dimension)).map_or(0, |cell| {
            let held = cell.load(Ordering::Relaxed);
            cell.store(0, Ordering::Relaxed);
            held
        })
    }

    /// Adds the cells of one key to `sums`.
    pub(crate) fn sum_key(&self, id: u32, sums: &mut [u64]) {
        let Some(row) = self.row(id) else { return };
        for (dimension, sum) in sums.iter_mut().enumerate() {
            *sum += row.cell(dimension).map_or(0, |cell| cell.load(Ordering::Relaxed));
        }
    }
}

/// Calls `visit` with the sums of one chunk after the other over all slabs, in order, until `cells` cells are summed, and
/// with the number of cells before. [`stride`] tells which cell is whose.
pub(crate) fn sum_chunks(slabs: &[Slab], cells: usize, mut visit: impl FnMut(usize, &[u64])) {
    let mut sums = [0; CHUNK_CELLS];
    for (number, first) in (0..cells).step_by(CHUNK_CELLS).enumerate() {
        let mut chunks = slabs.iter().filter_map(|slab| slab.chunks.get(number)?.get());
        // Two at once: fewer sums are written only to be read again.
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

/// Calls `add` with each sum and what the chunks hold for it together.
#[inline]
fn for_each_cell<const N: usize>(
    chunks: [&Chunk; N],
    sums: &mut [u64; CHUNK_CELLS],
    add: impl Fn(&mut u64, u64),
) {
    for (place, sums) in sums.chunks_exact_mut(LINE_CELLS).enumerate() {
        let lines = chunks.map(|chunk| &chunk[place % CHUNK_LINES]);
        for (cell, sum) in sums.iter_mut().enumerate() {
            add(sum, lines.iter().map(|line| line.0[cell % LINE_CELLS].load(Ordering::Relaxed)).sum());
        }
    }
}

fn new_chunk() -> Chunk {
    Box::new(std::array::from_fn(|_| Line(std::array::from_fn(|_| AtomicU64::new(0)))))
}

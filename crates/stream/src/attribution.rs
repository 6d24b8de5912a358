//! When a stream reads the clock, which decides how exactly its bytes are assigned to minutes.
//!
//! # Why not at each call
//! Reading the operating system's clock costs ten times as much as counting. A stream that moves bytes at memory speed
//! would spend most of its time on reading the clock, and get the same time millions of times.
//!
//! # What is always exact
//! The totals. Attribution only decides in which of two neighbouring minutes a byte is shown.

/// How often a stream reads the clock.
///
/// Minutes are opened by any stream or thread that uses the same [`Counters`](crate::Counters) and reads the clock. A byte is
/// counted in the newest open minute when its call returns. So, unless the clock steps back, a byte is never shown in a later
/// minute than the one in which it was moved. The two values differ in how soon a stream notices a new minute by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Attribution {
    /// Reads the clock at the first call of a stream, and then 1, 2, 4 and so on calls later, up to
    /// [`CALLS_BETWEEN_CLOCK_READS_MAX`]. Begins at 1 again when the millisecond has changed since the last reading, and after
    /// a call that failed or would have blocked.
    ///
    /// | calls of a stream | shown in |
    /// | --- | --- |
    /// | many per millisecond | the right minute: the clock is read several times per millisecond |
    /// | a millisecond or more apart | the right minute: each call reads the clock |
    /// | after an idle time that followed a failed call | the right minute: the next call reads the clock |
    /// | after any other idle time | maybe the minute before, for fewer than [`CALLS_BETWEEN_CLOCK_READS_MAX`] calls |
    ///
    /// In the last case, there are never more such calls than the stream had made in succession before the idle time. There
    /// are none once a snapshot was taken or [`Counters::roll`](crate::Counters::roll) was called in the new minute.
    #[default]
    Sampled,
    /// Reads the clock at each call. Each call is shown in the right minute, for the cost of reading the clock.
    EachCall,
}

/// The most calls of a stream between two readings of the clock, with [`Attribution::Sampled`].
pub const CALLS_BETWEEN_CLOCK_READS_MAX: u32 = 64;

impl Attribution {
    /// Returns how many calls later the clock is read again. `same_millisecond` says whether the last two readings were equal.
    pub(crate) fn next_period(self, period: u32, same_millisecond: bool) -> u32 {
        match self {
            Self::Sampled if same_millisecond => period.saturating_mul(2).min(CALLS_BETWEEN_CLOCK_READS_MAX),
            Self::Sampled | Self::EachCall => 1,
        }
    }
}

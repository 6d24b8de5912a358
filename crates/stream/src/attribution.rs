//! When a stream looks at the clock, which decides how exactly its bytes are assigned to minutes.
//!
//! # Why not at each call
//! Reading the operating system's clock costs ten times as much as counting. A stream that moves bytes at memory speed
//! would spend most of its time on asking what time it is, and get the same answer millions of times.
//!
//! # What is exact all the same
//! Totals. Attribution only decides in which of two neighbouring entries of the minutes a byte is shown.

/// How often a stream looks at the clock.
///
/// In both, a byte counts in the newest minute that anyone who shares the [`Counters`](crate::Counters) has seen when its
/// call returns. Unless the clock steps back, it is never shown in a later minute than the one in which it was moved. What
/// differs is how long a stream may go on without looking for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Attribution {
    /// A stream looks at its first call, and then 1, 2, 4 and so on calls later, up to [`CALLS_BETWEEN_LOOKS_MAX`]. It begins
    /// at 1 again when a look finds another millisecond than the one before, and looks at the call after one that failed
    /// or would have blocked.
    ///
    /// While calls come in rows, that is many looks per millisecond; and once calls are a millisecond apart, each of them
    /// looks. Only after an idle time that no failure began may calls still be shown in the minute before: fewer than
    /// [`CALLS_BETWEEN_LOOKS_MAX`], no more than were made in the row before, and none once anyone has taken a snapshot or
    /// called [`Counters::roll`](crate::Counters::roll) in the new minute.
    #[default]
    Sampled,
    /// A stream looks at each call: exact to the call, for the price of reading the clock.
    EachCall,
}

/// How many calls apart two looks of a stream at the clock are at most, with [`Attribution::Sampled`].
pub const CALLS_BETWEEN_LOOKS_MAX: u32 = 64;

impl Attribution {
    /// How many calls may pass until the next look, after a look that found the same millisecond as the one before, or
    /// not.
    pub(crate) fn next_period(self, period: u32, same_millisecond: bool) -> u32 {
        match self {
            Self::Sampled if same_millisecond => period.saturating_mul(2).min(CALLS_BETWEEN_LOOKS_MAX),
            Self::Sampled | Self::EachCall => 1,
        }
    }
}

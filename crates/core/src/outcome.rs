//! The result of a recording: usage is counted, but maybe under another name than the caller gave.

use crate::{Dimension, Label, Reason};

/// Which limit sent usage to an overflow row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The label limit: the usage is in the tenant's overflow row.
    LabelSets,
    /// The tenant limit: the usage is in the overflow row of the tenant `~overflow`.
    Tenants,
}

/// What a recording did.
///
/// The `try_` form of each recording function returns it, and is `#[must_use]`. While some count is beyond 2^63, it takes a lock
/// to tell whether a count is [`Self::Saturated`]. Most callers can use the form that returns nothing: every outcome but
/// [`Self::Counted`] and [`Self::Lost`] is also counted in
/// [`EngineStats`](crate::EngineStats), and the limits rule out `Lost`. The functions that make a
/// [`Meter`](crate::Meter) always return it, since a meter keeps counting under what its outcome names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Counted under the (normalized) labels.
    Counted,
    /// Counted, but with a placeholder for a label that was refused. This names the first such label.
    Replaced {
        /// The label.
        label: Label,
        /// Why it was refused.
        reason: Reason,
    },
    /// Counted under an overflow row.
    Overflowed(Overflow),
    /// Counted up to 2^64 - 1, where the count of this dimension stays until it is taken. The rest is lost.
    Saturated(Dimension),
    /// Not counted: the dimension belongs to another engine.
    UnknownDimension(Dimension),
    /// Not counted: no key was available, not even an overflow row. The limits of ids rule this out, and
    /// debug builds panic.
    Lost,
}

impl Outcome {
    /// Returns whether all of the usage was counted, under some name.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Counted | Self::Replaced { .. } | Self::Overflowed(_))
    }
}

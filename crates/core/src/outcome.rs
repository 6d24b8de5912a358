//! What became of a recording: nothing is lost, but it may stand under another name than the caller gave.

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

/// What a recording did. The effect is the same whether the caller looks at it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Counted under the (normalized) labels.
    Counted,
    /// Counted, but a label was refused and a placeholder stands for it. This names the first such label.
    Replaced {
        /// The label.
        label: Label,
        /// Why it was refused.
        reason: Reason,
    },
    /// Counted under an overflow row.
    Overflowed(Overflow),
    /// Not counted: the dimension belongs to another engine.
    UnknownDimension(Dimension),
    /// Not counted: no key could be had, not even an overflow row. Limits are set so that this can't happen.
    Lost,
}

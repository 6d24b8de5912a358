//! Claims: how a ledger tells two copies of one log apart.
//!
//! A log keeps the origin of its streams. A copy of it, made by a snapshot of the disk or by hand, continues under the same
//! origin. If both copies count the same in the same window, they seal identical slices. The ledger takes the second for a
//! duplicate of the first, and half of the usage is lost without a trace.
//!
//! So each opening of a log draws a new random [`ClaimId`], and the log remembers the ids of its earlier openings. A
//! ledger keeps one id per origin: that of the opening that exports under it. The next opening of the same log may succeed it,
//! because it knows that id. Two copies of one log draw different ids, and neither knows the other's. The first that
//! reaches the ledger takes the origin over. From then on the other is refused, even while both run.

use std::fmt;

use crate::hexadecimal;
use crate::origin::Origin;

/// The most earlier openings that a claim names.
pub const CLAIM_ANCESTORS_MAX: usize = 64;

/// The random 16-byte identity of one opening of a log. Its text is 32 lower-case hexadecimal digits.
///
/// ```
/// use ron_ledger_wire::ClaimId;
/// assert_eq!(ClaimId::from_bytes([0xa5; 16]).to_string(), "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId([u8; 16]);

impl ClaimId {
    /// Returns the id with these bytes, which were drawn at random or stored before.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::write(&self.0, f)
    }
}

impl fmt::Debug for ClaimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimId({self})")
    }
}

/// A request of one opening of a log to export under an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    origin: Origin,
    holder: ClaimId,
    ancestors: Vec<ClaimId>,
}

impl Claim {
    /// Returns the claim of the opening `holder`. `ancestors` are the earlier openings of the same log, the latest last.
    ///
    /// Only the last [`CLAIM_ANCESTORS_MAX`] of them are kept. An opening that never reached a ledger may be left out. The
    /// opening that a ledger knows must be among them, or the ledger refuses the claim.
    pub fn new(origin: Origin, holder: ClaimId, ancestors: impl IntoIterator<Item = ClaimId>) -> Self {
        let mut ancestors: Vec<ClaimId> = ancestors.into_iter().collect();
        ancestors.drain(..ancestors.len().saturating_sub(CLAIM_ANCESTORS_MAX));
        Self { origin, holder, ancestors }
    }

    /// Returns the origin that is claimed.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the opening that claims the origin.
    pub fn holder(&self) -> ClaimId {
        self.holder
    }

    /// Returns the earlier openings of the same log, the latest last.
    pub fn ancestors(&self) -> &[ClaimId] {
        &self.ancestors
    }
}

/// The verdict of [`judge_claim`]. Exhaustive on purpose: a ledger must act on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a claim that was judged must be stored or refused"]
pub enum ClaimVerdict {
    /// The claim holds the origin already.
    Held,
    /// The claim takes the origin over. Store its holder in the transaction that stores the slices.
    Taken,
    /// Another opening holds the origin, and the claim does not succeed it. Nothing of the origin is stored.
    Refused {
        /// The opening that holds the origin.
        current: ClaimId,
    },
}

/// Judges a claim against the holder that the ledger has for its origin; `None` if it has none.
///
/// ```
/// use ron_ledger_wire::{judge_claim, Claim, ClaimId, ClaimVerdict, Origin};
///
/// let origin = Origin::from_bytes([7; 16]);
/// let [first, copy, another_copy] = [1, 2, 3].map(|byte| ClaimId::from_bytes([byte; 16]));
/// assert_eq!(judge_claim(None, &Claim::new(origin, first, [])), ClaimVerdict::Taken);
///
/// // The log is copied, and both copies are opened.
/// let copies = [copy, another_copy].map(|holder| Claim::new(origin, holder, [first]));
/// assert_eq!(judge_claim(Some(first), &copies[0]), ClaimVerdict::Taken);
/// assert_eq!(judge_claim(Some(copy), &copies[0]), ClaimVerdict::Held);
/// assert_eq!(judge_claim(Some(copy), &copies[1]), ClaimVerdict::Refused { current: copy });
/// ```
pub fn judge_claim(current: Option<ClaimId>, claim: &Claim) -> ClaimVerdict {
    match current {
        None => ClaimVerdict::Taken,
        Some(current) if current == claim.holder => ClaimVerdict::Held,
        Some(current) if claim.ancestors.contains(&current) => ClaimVerdict::Taken,
        Some(current) => ClaimVerdict::Refused { current },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ClaimId {
        ClaimId::from_bytes([number; 16])
    }

    #[test]
    fn a_claim_keeps_its_latest_ancestors() {
        let origin = Origin::from_bytes([7; 16]);
        let claim = Claim::new(origin, id(100), (0..70).map(id));
        assert_eq!((claim.origin(), claim.holder()), (origin, id(100)));
        assert_eq!(claim.ancestors(), (6..70).map(id).collect::<Vec<_>>());
        assert_eq!(judge_claim(Some(id(6)), &claim), ClaimVerdict::Taken);
        assert_eq!(judge_claim(Some(id(5)), &claim), ClaimVerdict::Refused { current: id(5) });
    }

    #[test]
    fn of_any_two_copies_one_is_refused_from_the_first_contact_on() {
        let origin = Origin::from_bytes([7; 16]);
        // Each copy is opened again and again, and they reach the ledger in turns.
        for first in 0..2 {
            let mut current = Some(id(0));
            let mut histories = [vec![id(0)], vec![id(0)]];
            for turn in 0..10 {
                let copy = (first + turn) % 2;
                let holder = id(u8::try_from(turn).unwrap() + 1);
                let verdict = judge_claim(current, &Claim::new(origin, holder, histories[copy].clone()));
                histories[copy].push(holder);
                assert_eq!(verdict == ClaimVerdict::Taken, copy == first, "turn {turn}");
                if verdict == ClaimVerdict::Taken {
                    current = Some(holder);
                }
            }
        }
    }

    #[test]
    fn an_earlier_opening_does_not_come_back() {
        let origin = Origin::from_bytes([7; 16]);
        let zombie = Claim::new(origin, id(1), []);
        assert_eq!(judge_claim(Some(id(2)), &zombie), ClaimVerdict::Refused { current: id(2) });
    }
}

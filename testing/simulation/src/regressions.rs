//! Seeds that once showed a fault, each under the name of what must hold.
//!
//! A seed means a story only as long as the stories are drawn in the same way. Who changes `story.rs`, `setup.rs` or
//! `dice.rs` finds new seeds for these.

use crate::{kinds::Kind, report::Failure, run_once_or_twice, story::Story, world::Probing};

/// A seed that once failed.
#[derive(Debug, Clone, Copy)]
pub struct Regression {
    /// The claim that it disproved.
    pub name: &'static str,
    /// The kind of its world.
    pub kind: Kind,
    /// The seed.
    pub seed: u64,
}

impl Regression {
    /// Runs the world. Returns what did not hold.
    pub fn run(&self) -> Result<(), Failure> {
        let outcome = run_once_or_twice(&Story::of_kind(self.kind, self.seed), Probing::USUAL, true);
        outcome.failure.map_or(Ok(()), Err)
    }
}

const fn regression(seed: u64, name: &'static str) -> Regression {
    Regression { name, kind: Kind::Mixed, seed }
}

/// All of them.
pub const REGRESSIONS: &[Regression] = &[
    regression(3, "folded counts are recovered once"),
    regression(50, "counts of a checkpoint are sealed once, whatever was evicted since"),
    regression(70, "a clean end leaves nothing to recover"),
    regression(1, "what was thrown away does not come back after a power cut"),
    regression(150, "what was thrown away is in no checkpoint"),
    regression(304, "an opening without syncs does not fill the log for good"),
    regression(1_814, "failed syncs of files and directory leave room to go on"),
    regression(1_931, "a recovery without syncs of a small log leaves room to go on"),
    regression(3_632, "syncs that fail for several windows leave room to go on"),
    regression(4_057, "changes of length that fail leave room to go on"),
    regression(7, "refused tenants leave room for the others"),
    regression(34, "forked streams leave room for the others"),
    regression(4_686, "a clean end keeps what a full log could not seal"),
    regression(26, "clones that count the same are told apart"),
    regression(426, "files of failed creations do not come back"),
    regression(11_008, "removals that fail do not fill the directory"),
    regression(15_380, "a failed first directory sync does not stop the next start"),
    regression(64, "rewriting gives the same bytes each time"),
    regression(6, "a ledger that went back is noticed at the start"),
    regression(254, "a ledger that went back is noticed after a kill"),
    regression(3_503, "the id of an opening survives a copy whose sync failed"),
    regression(4_011, "a checkpoint covers what is counted beside slices that wait for the log"),
    regression(6_633, "a checkpoint outlives the slices that it was written beside"),
    regression(477, "a process is not taken for a copy after a failed opening"),
    regression(10, "a process is not taken for a copy after a failed listing"),
    regression(85, "a process is not taken for a copy after failed changes of length"),
    regression(78, "streams go out beside refused ones that fill the backlog"),
    regression(1_627, "one stream goes out beside a refused tenant"),
    regression(1_872, "a clean end syncs what could only be sealed at its end"),
    regression(909, "a log that is never synced keeps what the page cache keeps"),
    regression(1_439, "a shedding that failed throws nothing away that it does not tell"),
    regression(1_203, "what was acknowledged to nobody is sent again to a ledger that went back"),
    regression(2_138, "acknowledgements are noted once a log works again"),
    regression(2_246, "slices behind damage are kept"),
    regression(3_475, "damage brings back no more than was thrown away"),
    regression(7_310, "a clone exports no more than was counted"),
];

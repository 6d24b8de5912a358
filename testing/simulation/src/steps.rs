//! What can happen in a story. Each step has all its parameters, so that a story can lose one and keep the others.

use std::{fmt, ops::Range};

use crate::disk::{Fault, Operation, Survival};

/// One recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// The tenant's number.
    pub tenant: usize,
    /// What it is counted under.
    pub key: Key,
    /// The dimension's number.
    pub dimension: usize,
    /// How much.
    pub n: u64,
}

/// What is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A label set with this route.
    Route(usize),
    /// A numeric account.
    Account(u64),
}

/// How a ledger behaves when it is offered a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It stores and says so.
    Store,
    /// It stores nothing and says so.
    Unavailable,
    /// It stores nothing, since it is busy.
    Busy,
    /// It stores, and answers that it is unavailable.
    Lost,
    /// It stores, and the put dies without an answer.
    Silent,
    /// The put dies before anything is stored.
    Dead,
    /// It stores, and leaves out an answer.
    Short,
    /// It stores, and gives one answer too many.
    Long,
    /// It stores some, as these bits say, and is unavailable for the others.
    Some(u64),
    /// It stores all, and loses the answers that these bits say.
    SomeLost(u64),
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Somebody counts, on a thread of its own if it has a number other than 0.
    Record {
        /// What.
        recording: Recording,
        /// The thread.
        thread: u8,
    },
    /// Each of many label sets is counted once.
    Burst {
        /// The tenants.
        tenants: Range<usize>,
        /// The routes of each.
        routes: Range<usize>,
        /// The dimensions of each.
        dimensions: Range<usize>,
        /// How much each time.
        n: u64,
    },
    /// Somebody holds a meter from now on.
    HoldMeter {
        /// Where it is kept.
        slot: u8,
        /// The tenant.
        tenant: usize,
        /// What it counts under.
        key: Key,
    },
    /// A held meter counts.
    UseMeter {
        /// Where it is kept.
        slot: u8,
        /// The dimension.
        dimension: usize,
        /// How much.
        n: u64,
    },
    /// A held meter is let go.
    DropMeter {
        /// Where it was kept.
        slot: u8,
    },
    /// The engine evicts what was idle for more than so many calls.
    MaintainEngine {
        /// Calls.
        idle_calls_max: u64,
    },
    /// Time goes on to the end of the open window, which is sealed.
    Boundary,
    /// A window's length passes on the clock, and the open window is sealed if its end is reached.
    Tick,
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The clock jumps, in milliseconds.
    Jump(i64),
    /// Live counts are written to the log.
    Checkpoint,
    /// The pipeline looks after itself.
    Maintain,
    /// A batch goes out and comes back.
    Put(Answer),
    /// Batches go out and come back until none is due.
    PutAll,
    /// The driver exports until nothing is due.
    Drain {
        /// How the ledger answers first. Afterwards it stores.
        answers: Vec<Answer>,
    },
    /// A batch goes out. It is stored now or when [`Step::Deliver`] comes, and answered then.
    PutSlowly {
        /// Whether it is stored now.
        is_stored: bool,
    },
    /// The oldest batch that is out is answered.
    Deliver,
    /// The oldest batch of an earlier life reaches the ledger.
    Arrive,
    /// An operation of the disk goes wrong.
    Fault {
        /// Which kind.
        operation: Operation,
        /// How many pass before.
        skip: u64,
        /// How.
        fault: Fault,
    },
    /// All operations of a kind fail until the disk heals.
    Break(Operation),
    /// The disk is full but for so many bytes.
    Fill(u64),
    /// A full disk has room again.
    MakeRoom,
    /// The disk works again.
    Heal,
    /// A bit of the log flips.
    FlipBit(u64),
    /// The kernel drops clean pages.
    EvictPages,
    /// The process dies, and another starts.
    Kill,
    /// The machine dies, and another process starts.
    CutPower(Survival),
    /// The machine will die after so many changes of the disk.
    CutPowerAfter {
        /// Changes.
        changes: u64,
        /// What survives then.
        survival: Survival,
    },
    /// The machine dies, and again after so many changes while the log is opened.
    CutPowerWhileOpening {
        /// What survives of the first.
        first: Survival,
        /// Changes.
        changes: u64,
        /// What survives of the second.
        second: Survival,
    },
    /// A second process runs from a copy of the log for a while, in the same window.
    Clone {
        /// What it counts.
        recordings: Vec<Recording>,
        /// Whether the first process counts the same.
        is_mirrored: bool,
    },
    /// The log is copied.
    CopyLog,
    /// The process dies, and another starts from the copy of the log.
    RestoreLog,
    /// The ledger is copied.
    CopyLedger,
    /// The ledger goes back to its copy.
    RestoreLedger,
    /// The ledger refuses a tenant for good.
    Refuse(usize),
    /// The ledger takes a tenant again, and its streams are resumed.
    Allow(usize),
    /// So many units have arrived by now.
    Expect {
        /// Of this tenant.
        tenant: usize,
        /// In this dimension.
        dimension: usize,
        /// At least.
        arrived: u128,
    },
    /// The process seals and exports all that it can, ends, and another starts.
    Restart,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "route {route}"),
            Self::Account(account) => write!(f, "account {account}"),
        }
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, key, dimension, n } = self;
        write!(f, "t{tenant} {key} d{dimension} + {n}")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { recording, thread: 0 } => write!(f, "record {recording}"),
            Self::Record { recording, thread } => write!(f, "record {recording} on thread {thread}"),
            Self::Burst { tenants, routes, dimensions, n } => {
                write!(
                    f,
                    "record tenants {tenants:?}, routes {routes:?}, dimensions {dimensions:?} + {n} each"
                )
            }
            Self::HoldMeter { slot, tenant, key } => write!(f, "hold meter {slot} of t{tenant} {key}"),
            Self::UseMeter { slot, dimension, n } => write!(f, "meter {slot} counts d{dimension} + {n}"),
            Self::DropMeter { slot } => write!(f, "drop meter {slot}"),
            Self::MaintainEngine { idle_calls_max } => {
                write!(f, "the engine evicts, idle calls {idle_calls_max}")
            }
            Self::Tick => f.write_str("a window's length passes"),
            Self::Expect { tenant, dimension, arrived } => {
                write!(f, "of t{tenant} d{dimension}, {arrived} must have arrived")
            }
            Self::Boundary => f.write_str("boundary"),
            Self::Pass(ms) => write!(f, "{ms} ms pass"),
            Self::Jump(ms) => write!(f, "the clock jumps by {ms} ms"),
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Maintain => f.write_str("maintain"),
            Self::Put(answer) => write!(f, "put, answered {answer:?}"),
            Self::PutAll => f.write_str("put until nothing is due"),
            Self::Drain { answers } => write!(f, "drain, answered {answers:?}"),
            Self::PutSlowly { is_stored } => write!(f, "put that is answered later, stored now: {is_stored}"),
            Self::Deliver => f.write_str("a late answer arrives"),
            Self::Arrive => f.write_str("a put of an earlier life arrives"),
            Self::Fault { operation, skip, fault } => {
                write!(f, "after {skip} more, a {operation} goes wrong: {fault:?}")
            }
            Self::Break(operation) => write!(f, "each {operation} fails"),
            Self::Fill(spare) => write!(f, "the disk is full but for {spare} bytes"),
            Self::MakeRoom => f.write_str("the disk has room"),
            Self::Heal => f.write_str("the disk works"),
            Self::FlipBit(choice) => write!(f, "a bit flips ({choice})"),
            Self::EvictPages => f.write_str("clean pages are dropped"),
            Self::Kill => f.write_str("kill"),
            Self::CutPower(survival) => write!(f, "power cut; {survival}"),
            Self::CutPowerAfter { changes, survival } => {
                write!(f, "the power will go after {changes} changes; {survival}")
            }
            Self::CutPowerWhileOpening { first, changes, second } => {
                write!(f, "power cut; {first}; another after {changes} changes of the recovery; {second}")
            }
            Self::Clone { recordings, is_mirrored } => {
                write!(f, "a clone of the log runs, mirrored: {is_mirrored}, and records")?;
                recordings.iter().try_for_each(|recording| write!(f, " [{recording}]"))
            }
            Self::CopyLog => f.write_str("copy the log"),
            Self::RestoreLog => f.write_str("restore the log from its copy"),
            Self::CopyLedger => f.write_str("copy the ledger"),
            Self::RestoreLedger => f.write_str("restore the ledger from its copy"),
            Self::Refuse(tenant) => write!(f, "the ledger refuses t{tenant}"),
            Self::Allow(tenant) => write!(f, "the ledger takes t{tenant} again, resume"),
            Self::Restart => f.write_str("clean shutdown and start"),
        }
    }
}

//! Stories that once went wrong, with their exact numbers.

use crate::{
    disk::{Fault, Operation, Survival},
    report::Failure,
    setup::{LogSize, Setup},
    steps::{Answer, Key, Recording, Step},
    story::Story,
    world::Probing,
};

/// A story that must hold.
#[derive(Debug)]
pub struct Scenario {
    /// Its name, which is a claim.
    pub name: &'static str,
    /// What happens.
    pub story: Story,
}

impl Scenario {
    /// Runs the story twice. Returns what did not hold.
    pub fn run(&self) -> Result<(), Failure> {
        let outcome = crate::run_once_or_twice(&self.story, Probing::NONE, true);
        outcome.failure.map_or(Ok(()), Err)
    }
}

/// All scenarios.
pub fn scenarios() -> Vec<Scenario> {
    vec![
        more_label_sets_than_the_limit(
            Step::Kill,
            "label sets beyond the limit are counted once after a kill",
        ),
        more_label_sets_than_the_limit(
            Step::Restart,
            "label sets beyond the limit are counted once after a shutdown",
        ),
        a_few_more_label_sets_than_the_limit(),
        a_failed_sync_beside_a_large_checkpoint(),
        three_failed_syncs_in_a_row(),
        an_opening_without_syncs(),
        acknowledgements_that_could_not_be_noted(),
        one_large_stream(),
        one_refused_tenant(),
        more_streams_than_a_log_has_room_for_heads(),
        streams_of_many_lives(),
        one_reading_of_the_clock_far_ahead(),
        shed_counts_and_a_kill(),
        clones_that_count_the_same(),
        clones_before_the_first_put(),
        a_log_of_few_segments(2),
        a_log_of_few_segments(3),
        a_log_of_few_segments(4),
        a_log_of_few_segments(5),
        failed_creations_and_a_power_cut(),
        a_failed_first_directory_sync(),
        rewrites_of_many_streams(),
        a_ledger_that_went_back(),
    ]
}

/// The scenario of a name.
pub fn scenario(name: &str) -> Option<Scenario> {
    scenarios().into_iter().find(|scenario| scenario.name == name)
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

const fn log(segment_bytes: u64, max_bytes: u64) -> LogSize {
    LogSize { segment_bytes, max_bytes, max_entries: 1_000_000 }
}

const fn small_log() -> LogSize {
    log(8 * KIB, 4 * MIB)
}

fn written(name: &'static str, setup: Setup, steps: impl IntoIterator<Item = Step>) -> Scenario {
    Scenario { name, story: Story::written(setup, steps) }
}

const fn of(tenant: usize, route: usize, n: u64) -> Recording {
    Recording { tenant, key: Key::Route(route), dimension: 0, n }
}

const fn record(tenant: usize, route: usize, n: u64) -> Step {
    Step::Record { recording: of(tenant, route, n), thread: 0 }
}

const fn rows(tenant: usize, first: usize, end: usize) -> Step {
    Step::Burst { tenants: tenant..tenant + 1, routes: first..end, dimensions: 0..1, n: 1 }
}

const fn failure(operation: Operation, skip: u64) -> Step {
    Step::Fault { operation, skip, fault: Fault::Fail { reached: 0 } }
}

fn more_label_sets_than_the_limit(end: Step, name: &'static str) -> Scenario {
    let setup = Setup { tenants: 1, ..Setup::default() };
    let steps =
        [rows(0, 0, 6_000), Step::Checkpoint, rows(0, 6_000, 12_000), Step::Boundary, Step::PutAll, end];
    written(name, setup, steps)
}

fn a_few_more_label_sets_than_the_limit() -> Scenario {
    let setup = Setup { label_limit: 1, tenants: 1, log: Some(small_log()), ..Setup::default() };
    let steps = [rows(0, 0, 4), Step::Checkpoint, rows(0, 4, 12), Step::Boundary, Step::Kill];
    written("folded counts are recovered once", setup, steps)
}

/// 23 rows have no room and are in a durable checkpoint that takes a third of the log; then a sync fails, and the one of the
/// repetition as well.
fn a_failed_sync_beside_a_large_checkpoint() -> Scenario {
    let log = Some(log(8 * KIB, 48 * KIB));
    let setup =
        Setup { label_limit: 100, routes: 23, route_bytes: 640, pending_max: 1, log, ..Setup::default() };
    let steps = [
        record(1, 0, 1),
        Step::Boundary,
        rows(0, 0, 23),
        Step::Boundary,
        Step::Checkpoint,
        failure(Operation::Sync, 0),
        failure(Operation::Sync, 1),
        Step::Put(Answer::Store),
        Step::Kill,
    ];
    written("a durable checkpoint survives failed syncs", setup, steps)
}

/// The syncs of three records fail while those of the headers between them succeed.
fn three_failed_syncs_in_a_row() -> Scenario {
    let setup = Setup { log: Some(log(4 * MIB, 4 * MIB)), ..Setup::default() };
    let faults = [1, 2, 3].map(|skip| failure(Operation::Sync, skip));
    let steps = faults.into_iter().chain([record(0, 0, 1), Step::Boundary, Step::Heal, Step::Kill]);
    written("a log of one segment goes on after three failed syncs", setup, steps)
}

/// 13 slices of a megabyte in a log of 16, and an opening during which no sync succeeds.
fn an_opening_without_syncs() -> Scenario {
    let log = Some(log(4 * MIB, 16 * MIB));
    let setup = Setup { label_limit: 20_000, tenants: 13, route_bytes: 900, log, ..Setup::default() };
    let steps = [
        Step::Burst { tenants: 0..13, routes: 0..1_000, dimensions: 0..1, n: 1 },
        Step::Boundary,
        Step::Break(Operation::Sync),
        Step::Kill,
        Step::Heal,
        Step::Kill,
    ];
    written("a full log goes on after an opening without syncs", setup, steps)
}

/// Two acknowledgements cannot be appended. The slice of the first stands beside one that is still needed; the segment of
/// the second is deleted.
fn acknowledgements_that_could_not_be_noted() -> Scenario {
    let log = Some(log(8 * KIB, MIB));
    let setup = Setup { label_limit: 100, route_bytes: 900, log, ..Setup::default() };
    let steps = [
        Step::Refuse(1),
        record(1, 0, 1),
        rows(0, 0, 2),
        Step::Boundary,
        rows(0, 0, 3),
        Step::Boundary,
        rows(0, 0, 3),
        Step::Boundary,
        Step::Break(Operation::Write),
        Step::Put(Answer::Store),
        Step::Put(Answer::Store),
        Step::Heal,
        Step::Checkpoint,
        rows(0, 0, 1),
        Step::Checkpoint,
        Step::Kill,
    ];
    written("a slice is deleted only when its acknowledgement is noted", setup, steps)
}

/// 5,500 rows of 0.9 KiB in each of 12 windows, and another stream with one row.
fn one_large_stream() -> Scenario {
    let log = Some(log(4 * MIB, 8 * MIB));
    let setup = Setup { label_limit: 8_000, route_bytes: 880, log, ..Setup::default() };
    let window = [rows(0, 0, 5_500), record(1, 0, 1), Step::Checkpoint, Step::Boundary, Step::PutAll];
    let windows = (0..12).flat_map(|_| window.clone());
    let steps =
        windows.chain([Step::Boundary, Step::PutAll, Step::Expect { tenant: 1, dimension: 0, arrived: 12 }]);
    written("one large stream does not stop another", setup, steps)
}

/// A backlog of four, all of one tenant that the ledger refuses.
fn one_refused_tenant() -> Scenario {
    let setup = Setup { pending_max: 4, log: Some(small_log()), ..Setup::default() };
    let refused = [
        Step::Refuse(0),
        Step::Burst { tenants: 0..1, routes: 0..1, dimensions: 0..4, n: 1 },
        Step::Boundary,
        Step::PutAll,
    ];
    let windows = (0..30).flat_map(|_| [record(1, 0, 1), Step::Boundary, Step::PutAll]);
    let expected = Step::Expect { tenant: 1, dimension: 0, arrived: 30 };
    written(
        "one refused tenant does not stop another",
        setup,
        refused.into_iter().chain(windows).chain([expected]),
    )
}

/// A sixteenth of 8,000 tenants with 4 dimensions in a log of 4 MiB, and a few more.
fn more_streams_than_a_log_has_room_for_heads() -> Scenario {
    let log = Some(log(16 * KIB, 256 * KIB));
    let setup = Setup { label_limit: 4_000, tenants: 640, log, ..Setup::default() };
    let steps =
        [Step::Burst { tenants: 0..640, routes: 0..1, dimensions: 0..4, n: 1 }, Step::Boundary, Step::PutAll];
    written("a log serves more streams than it has room for heads", setup, steps)
}

/// Streams that come and go, over many lives of one log.
fn streams_of_many_lives() -> Scenario {
    let log = Some(log(8 * KIB, 64 * KIB));
    let setup = Setup { tenants: 2_000, log, ..Setup::default() };
    let lives = (0..20).flat_map(|life| {
        let tenants = life * 100..(life + 1) * 100;
        let burst = Step::Burst { tenants, routes: 0..1, dimensions: 0..1, n: 1 };
        [burst, Step::Boundary, Step::PutAll, Step::Restart]
    });
    written("heads of streams that ended are forgotten", setup, lives)
}

fn one_reading_of_the_clock_far_ahead() -> Scenario {
    const CENTURY_MS: i64 = 100 * 365 * 86_400_000;
    let setup = Setup { log: Some(small_log()), ..Setup::default() };
    let jump = [record(0, 0, 1), Step::Jump(CENTURY_MS), Step::Tick, Step::Jump(-CENTURY_MS), Step::PutAll];
    let windows = (0..100).flat_map(|_| [record(0, 0, 1), Step::Tick, Step::PutAll]);
    let expected = Step::Expect { tenant: 0, dimension: 0, arrived: 50 };
    written(
        "windows go on after a reading far ahead",
        setup,
        jump.into_iter().chain(windows).chain([expected]),
    )
}

fn shed_counts_and_a_kill() -> Scenario {
    let setup = Setup { pending_max: 1, sheds: true, log: Some(small_log()), ..Setup::default() };
    let steps = [record(0, 0, 3), record(1, 0, 4), Step::Checkpoint, Step::Boundary, Step::Kill];
    written("what was thrown away does not come back", setup, steps)
}

fn clones_that_count_the_same() -> Scenario {
    let setup = Setup { log: Some(small_log()), ..Setup::default() };
    let steps = [
        record(0, 0, 1),
        Step::Boundary,
        Step::PutAll,
        Step::Clone { recordings: vec![of(0, 0, 3)], is_mirrored: true },
        Step::Boundary,
        Step::PutAll,
    ];
    written("clones that count the same are told apart", setup, steps)
}

fn clones_before_the_first_put() -> Scenario {
    let setup = Setup { log: Some(small_log()), ..Setup::default() };
    let steps = [
        record(0, 0, 1),
        Step::Boundary,
        Step::Clone { recordings: vec![of(0, 0, 3)], is_mirrored: true },
        Step::Boundary,
        Step::PutAll,
    ];
    written("clones of a log that no ledger knew are told apart", setup, steps)
}

fn a_log_of_few_segments(segments: u64) -> Scenario {
    let name = match segments {
        2 => "a log of 2 segments works or is refused",
        3 => "a log of 3 segments works or is refused",
        4 => "a log of 4 segments works or is refused",
        _ => "a log of 5 segments works or is refused",
    };
    let log = Some(log(8 * KIB, segments * 8 * KIB));
    let setup = Setup { log, label_limit: 100, route_bytes: 900, ..Setup::default() };
    let steps = [
        rows(0, 0, 1),
        rows(1, 0, 3),
        rows(0, 0, 4),
        Step::Checkpoint,
        Step::Boundary,
        rows(0, 0, 4),
        rows(1, 0, 1),
        Step::Boundary,
    ];
    written(name, setup, steps)
}

/// The directory cannot be synced, so that files are created and removed; then the power goes, and some removals are undone.
fn failed_creations_and_a_power_cut() -> Scenario {
    let setup = Setup { log: Some(log(8 * KIB, 48 * KIB)), ..Setup::default() };
    let steps = [
        record(0, 0, 1),
        Step::Break(Operation::SyncDirectory),
        Step::Restart,
        Step::CutPower(Survival::AnyOrder(5)),
    ];
    written("files of failed creations do not come back", setup, steps)
}

fn a_failed_first_directory_sync() -> Scenario {
    let setup = Setup { log: Some(small_log()), ..Setup::default() };
    let steps = [
        record(0, 0, 1),
        Step::Break(Operation::SyncDirectory),
        Step::Restart,
        Step::Heal,
        record(0, 0, 1),
        Step::Boundary,
        Step::CutPower(Survival::Nothing),
    ];
    written("a failed first directory sync does not stop the next start", setup, steps)
}

fn rewrites_of_many_streams() -> Scenario {
    let setup = Setup { tenants: 12, log: Some(small_log()), ..Setup::default() };
    let steps = [
        Step::Burst { tenants: 0..12, routes: 0..2, dimensions: 0..2, n: 1 },
        failure(Operation::Sync, 1),
        Step::Boundary,
    ];
    written("rewriting gives the same bytes each time", setup, steps)
}

fn a_ledger_that_went_back() -> Scenario {
    let setup = Setup { log: Some(small_log()), ..Setup::default() };
    let steps = [
        record(0, 0, 1),
        Step::Boundary,
        Step::PutAll,
        Step::CopyLedger,
        record(0, 0, 2),
        Step::Boundary,
        Step::PutAll,
        Step::RestoreLedger,
        Step::Restart,
    ];
    written("a ledger that went back is noticed at the start", setup, steps)
}

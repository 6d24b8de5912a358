//! Followers beside a plain model: every line that was written is in the ledger once, whatever happens to the files and to the process.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use flate2::{write::GzEncoder, Compression};
use proptest::prelude::*;
use ron_accounting_access_log::Format;
use ron_accounting_ledger::{usage_rows, verify, Column, UsageQuery, Value};
use ron_accounting_sqlite::SqliteLedger;
use tempfile::TempDir;

use super::{block::BLOCK_BYTES, Follower, Meter, Voice};
use crate::command::import::{
    reading::Reading,
    routes::Routes,
    shape::Shape,
    tenant::{TenantRule, Tenants},
};

const COMMIT_EVERY_MS: u64 = 5_000;

/// Later than [`super::followed::QUIET_MS`].
const LONG_MS: u64 = 600_000;

fn shape(held_bytes_max: usize) -> Shape {
    Shape {
        window_ms: 60_000,
        tenants: Tenants::User,
        tenants_max: 65_536,
        service: String::new(),
        region: String::new(),
        again_as: String::new(),
        reading: Reading::new(Format::auto(), None, None, TenantRule::User).unwrap(),
        routes: Routes::new(None, None, 4).unwrap(),
        held_bytes_max,
    }
}

/// A line of a user of its own.
fn line(number: usize) -> String {
    // Minutes go on, and every seventh line is late.
    let minute = (number / 5).saturating_sub(usize::from(number.is_multiple_of(7)) * 2) % 60;
    let hour = number / 300;
    format!("192.0.2.7 - u{number} [17/May/2015:{hour:02}:{minute:02}:03 +0000] \"GET /a/{number} HTTP/1.1\" 200 10\n")
}

/// A folder with a log, what writes to it, and a clock.
struct World {
    folder: TempDir,
    /// What the writer has open. It appends.
    writer: File,
    /// The rest of a line that was written in part.
    rest: Option<String>,
    lines: usize,
    /// Lines that `copytruncate` may have destroyed.
    uncertain: Vec<usize>,
    file_ms: u64,
    now_ms: u64,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let writer = opened(&folder.path().join("access.log"));
        let created = writer.try_clone().unwrap();
        let (rest, uncertain) = (None, Vec::new());
        let mut world = Self { folder, writer, rest, lines: 0, uncertain, file_ms: 1_000_000, now_ms: 0 };
        world.touch(&created);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("access.log")
    }

    fn touch(&mut self, file: &File) {
        self.file_ms += 7;
        file.set_modified(UNIX_EPOCH + Duration::from_millis(self.file_ms)).unwrap();
    }

    fn write(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).unwrap();
        let writer = self.writer.try_clone().unwrap();
        self.touch(&writer);
    }

    fn append(&mut self, count: usize) {
        let mut text = self.rest.take().unwrap_or_default();
        for _ in 0..count {
            text.push_str(&line(self.lines));
            self.lines += 1;
        }
        self.write(&text);
    }

    /// Writes a part of a line. The rest comes before the next line.
    fn append_part(&mut self, at: usize) {
        self.append(0);
        let mut text = line(self.lines);
        self.lines += 1;
        self.rest = Some(text.split_off(at % text.len()));
        self.write(&text);
    }

    /// Makes room for `access.log.1`.
    fn shift(&mut self) {
        for number in (1..20).rev() {
            for end in ["", ".gz"] {
                let from = self.path(&format!("access.log.{number}{end}"));
                if from.exists() {
                    fs::rename(from, self.path(&format!("access.log.{}{end}", number + 1))).unwrap();
                }
            }
        }
    }

    fn rename(&mut self, creates: bool) {
        if !self.log().exists() {
            return;
        }
        self.shift();
        fs::rename(self.log(), self.path("access.log.1")).unwrap();
        if creates {
            let created = opened(&self.log());
            self.touch(&created);
        }
    }

    fn reopen(&mut self) {
        self.append(0);
        self.writer = opened(&self.log());
        let writer = self.writer.try_clone().unwrap();
        self.touch(&writer);
    }

    /// Copies the log. The writer must have it open.
    fn copy(&mut self) {
        self.append(0);
        self.shift();
        fs::copy(self.log(), self.path("access.log.1")).unwrap();
        let copy = OpenOptions::new().append(true).open(self.path("access.log.1")).unwrap();
        self.touch(&copy);
    }

    fn truncate(&mut self) {
        self.writer.set_len(0).unwrap();
        let writer = self.writer.try_clone().unwrap();
        self.touch(&writer);
    }

    /// Puts a copy in the place of the log, as `rsync` does.
    fn replace(&mut self) {
        if !self.log().exists() {
            return;
        }
        fs::copy(self.log(), self.path("copying")).unwrap();
        fs::rename(self.path("copying"), self.log()).unwrap();
        self.writer = opened(&self.log());
        let writer = self.writer.try_clone().unwrap();
        self.touch(&writer);
    }

    fn pack(&mut self) {
        let (plain, packed) = (self.path("access.log.2"), self.path("access.log.2.gz"));
        let Ok(content) = fs::read(&plain) else { return };
        let modified = fs::metadata(&plain).unwrap().modified().unwrap();
        let mut encoder = GzEncoder::new(File::create(&packed).unwrap(), Compression::fast());
        encoder.write_all(&content).unwrap();
        // To the second, as some packers keep it.
        let seconds = modified.duration_since(UNIX_EPOCH).unwrap().as_secs();
        encoder.finish().unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        fs::remove_file(plain).unwrap();
    }

    /// How often the ledger has each line.
    fn counted(&self) -> BTreeMap<usize, u64> {
        let ledger = SqliteLedger::open_read_only(self.path("usage.db")).unwrap();
        let mut query = UsageQuery::by([Column::Tenant]);
        query.filter.dimension = Some("requests".to_owned());
        let rows = usage_rows(&ledger, &query).unwrap();
        let number = |value: &Value| match value {
            Value::Text(tenant) => tenant.trim_start_matches('u').parse().unwrap(),
            other => panic!("{other:?} is no tenant"),
        };
        rows.iter().map(|row| (number(&row.values[0]), u64::try_from(row.sum).unwrap())).collect()
    }

    /// Lines that are not counted once, and those that may be missing.
    fn wrong(&self) -> Vec<(usize, u64)> {
        let counted = self.counted();
        let times = |number: usize| counted.get(&number).copied().unwrap_or(0);
        let is_wrong = |number: &usize| match times(*number) {
            1 => false,
            0 => !self.uncertain.contains(number),
            _ => true,
        };
        (0..self.lines).filter(is_wrong).map(|number| (number, times(number))).collect()
    }
}

fn opened(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

fn meter<'s>(world: &World, shape: &'s Shape) -> Meter<'s> {
    let ledger = Arc::new(SqliteLedger::open(world.path("usage.db")).unwrap());
    Meter::new(ledger, shape, true, COMMIT_EVERY_MS, Voice { is_quiet: true }).unwrap()
}

fn follower<'s>(world: &World, shape: &'s Shape) -> Follower<'s> {
    Follower::new(meter(world, shape), &[world.log()]).unwrap()
}

fn drained(follower: &mut Follower<'_>, world: &World) {
    assert_eq!(follower.drain(world.now_ms, 0).unwrap(), None);
}

#[derive(Debug, Clone)]
enum Event {
    Append(usize),
    AppendPart(usize),
    Rename {
        creates: bool,
    },
    Reopen,
    CopyTruncate {
        written_between: usize,
        looks_between: bool,
    },
    Pack,
    Look {
        after_ms: u64,
    },
    Kill,
    Drain,
    Replace,
    /// A second follower of the same log looks.
    Other,
    Import(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_usize..12).prop_map(Event::Append),
        2 => (0_usize..200).prop_map(Event::AppendPart),
        2 => any::<bool>().prop_map(|creates| Event::Rename { creates }),
        2 => Just(Event::Reopen),
        1 => (0_usize..3, any::<bool>())
            .prop_map(|(written_between, looks_between)| Event::CopyTruncate { written_between, looks_between }),
        1 => Just(Event::Pack),
        6 => (0_u64..6_000).prop_map(|after_ms| Event::Look { after_ms }),
        1 => Just(Event::Kill),
        1 => Just(Event::Drain),
        1 => Just(Event::Replace),
        2 => Just(Event::Other),
        1 => (0_usize..3).prop_map(Event::Import),
    ]
}

/// Lives through the events. Returns the world at the end, with everything in the ledger that shall be.
fn lived(events: &[Event], held_bytes_max: usize) -> World {
    let shape = shape(held_bytes_max);
    let mut world = World::new();
    let mut following = follower(&world, &shape);
    // Whether the writer has the file open that is at the path, and how often it was rotated since.
    let (mut rotations, mut is_replaced) = (0, false);
    let mut other = follower(&world, &shape);
    following.step(world.now_ms).unwrap();
    for event in events {
        match *event {
            Event::Append(count) => world.append(count),
            Event::AppendPart(at) => world.append_part(at),
            Event::Rename { creates } => {
                if rotations >= 2 {
                    world.reopen();
                    rotations = 0;
                }
                rotations += usize::from(world.log().exists());
                world.rename(creates);
            }
            Event::Reopen => {
                world.reopen();
                rotations = 0;
            }
            Event::CopyTruncate { written_between, looks_between } => {
                world.reopen();
                rotations = 0;
                world.copy();
                let from = world.lines;
                world.append(written_between);
                world.uncertain.extend(from..world.lines);
                if looks_between {
                    following.step(world.now_ms).unwrap();
                }
                world.truncate();
                // Otherwise nothing tells that there was a time between the two.
                following.step(world.now_ms).unwrap();
            }
            Event::Pack => {
                if rotations < 2 {
                    world.pack();
                }
            }
            Event::Look { after_ms } => {
                world.now_ms += after_ms;
                following.step(world.now_ms).unwrap();
            }
            Event::Replace => {
                // The writer has the log open, since a copy of another file has not what comes.
                if rotations == 0 {
                    world.replace();
                    is_replaced = true;
                }
            }
            // Two followers cannot tell which of two copies that both go on is the log.
            Event::Other => {
                if !is_replaced {
                    other.step(world.now_ms).unwrap();
                }
            }
            Event::Kill => following = follower(&world, &shape),
            Event::Drain => {
                drained(&mut following, &world);
                following = follower(&world, &shape);
            }
            Event::Import(rotation) => {
                let name =
                    if rotation == 0 { "access.log".to_owned() } else { format!("access.log.{rotation}") };
                let path = world.path(&name);
                // Anything shorter has no format yet.
                let has_line = fs::read(&path).is_ok_and(|content| content.contains(&b'\n'));
                // What was read and is not in the ledger yet may be in the copy as well, which goes on.
                if has_line && !is_replaced {
                    meter(&world, &shape).import_packed(&path, &name).unwrap();
                }
            }
        }
    }
    world.reopen();
    world.append(1);
    following.step(world.now_ms).unwrap();
    world.now_ms += LONG_MS;
    following.step(world.now_ms).unwrap();
    drained(&mut following, &world);
    if !is_replaced {
        other.step(world.now_ms).unwrap();
        drained(&mut other, &world);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn each_line_is_counted_once(
        events in proptest::collection::vec(event(), 1..40),
        held_bytes_max in prop_oneof![Just(usize::MAX), 1_usize..3000],
    ) {
        let world = lived(&events, held_bytes_max);
        prop_assert_eq!(world.wrong(), []);
        // And stays so: after another start, and when the files are imported.
        let shape = shape(held_bytes_max);
        drained(&mut follower(&world, &shape), &world);
        for entry in fs::read_dir(world.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("access.log") && fs::metadata(&path).unwrap().len() > 0 {
                meter(&world, &shape).import_packed(&path, &name).unwrap();
            }
        }
        prop_assert_eq!(world.wrong(), []);
        let ledger = SqliteLedger::open_read_only(world.path("usage.db")).unwrap();
        let verified = verify(&ledger, |_| {});
        prop_assert!(verified.is_ok(), "{:?}", verified.err());
    }
}

#[test]
fn a_line_without_its_end_counts_when_its_file_was_rotated_away_and_is_quiet() {
    let shape = shape(usize::MAX);
    let mut world = World::new();
    let mut following = follower(&world, &shape);
    following.step(0).unwrap();
    world.append(2);
    // All but the newline.
    world.append_part(line(2).len() - 1);
    following.step(COMMIT_EVERY_MS).unwrap();
    world.rest = None;
    world.rename(true);
    world.reopen();
    world.append(1);
    following.step(2 * COMMIT_EVERY_MS).unwrap();
    drained(&mut following, &world);
    assert_eq!(world.wrong(), [(2, 0)], "somebody may still write its end");
    following.step(LONG_MS).unwrap();
    assert_eq!(world.wrong(), []);
}

#[test]
fn long_lines_and_blocks_of_nuls_take_no_room_and_hide_no_line() {
    let shape = shape(usize::MAX);
    let mut world = World::new();
    let mut following = follower(&world, &shape);
    following.step(0).unwrap();
    world.append(3);
    for (at, filling) in [b"x", b"\0"].into_iter().enumerate() {
        for _ in 0..5 {
            world.writer.write_all(&filling.repeat(1 << 20)).unwrap();
            following.step(COMMIT_EVERY_MS * (1 + at as u64)).unwrap();
        }
        // The end of the long line; the NULs are in front of a line.
        world.writer.write_all(if at == 0 { b"\n" } else { b"" }).unwrap();
        world.append(2);
        following = follower(&world, &shape);
        following.step(0).unwrap();
    }
    drained(&mut following, &world);
    assert_eq!(world.wrong(), []);
    assert_eq!(following.meter.block.len(), BLOCK_BYTES);
    let skipped: Vec<_> = following.meter.summary.skipped.into_iter().collect();
    assert_eq!(skipped, [], "in an earlier life");
}

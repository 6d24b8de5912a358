//! Does a log leave a disk alone that does not work?

use ron_accounting_simulation::{disk::Operation, load_on, BrokenDisk};

fn stays_below(broken: BrokenDisk, per_second_max: u64, per_minute_max: u64, files_max: usize) {
    let load = load_on(broken).unwrap_or_else(|failure| panic!("{broken}: {failure}"));
    println!("{broken}: {load:?}");
    let is_calm = load.operations_per_second_max <= per_second_max && load.operations <= per_minute_max;
    assert!(is_calm && load.files_max <= files_max, "{broken}: {load:?}");
}

#[test]
fn failing_writes_make_no_busy_loop() {
    stays_below(BrokenDisk::Failing(Operation::Write), 20, 300, 3);
}

#[test]
fn failing_syncs_make_no_busy_loop() {
    stays_below(BrokenDisk::Failing(Operation::Sync), 15, 150, 3);
}

#[test]
fn failing_creations_make_no_busy_loop() {
    stays_below(BrokenDisk::Failing(Operation::Create), 10, 150, 3);
}

#[test]
fn failing_removals_make_no_busy_loop() {
    stays_below(BrokenDisk::Failing(Operation::Remove), 20, 150, 5);
}

#[test]
fn a_full_disk_makes_no_busy_loop() {
    stays_below(BrokenDisk::Full, 30, 450, 3);
}

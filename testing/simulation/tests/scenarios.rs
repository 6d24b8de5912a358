//! Do the stories that once went wrong hold? One story, one test.

use ron_accounting_simulation::{scenario, scenarios};

fn holds(name: &str) {
    let Some(scenario) = scenario(name) else { panic!("there is no scenario {name}") };
    if let Err(failure) = scenario.run() {
        panic!("{name}: {failure}");
    }
}

#[test]
fn label_sets_beyond_the_limit_are_counted_once_after_a_kill() {
    holds("label sets beyond the limit are counted once after a kill");
}

#[test]
fn label_sets_beyond_the_limit_are_counted_once_after_a_shutdown() {
    holds("label sets beyond the limit are counted once after a shutdown");
}

#[test]
fn folded_counts_are_recovered_once() {
    holds("folded counts are recovered once");
}

#[test]
fn a_durable_checkpoint_survives_failed_syncs() {
    holds("a durable checkpoint survives failed syncs");
}

#[test]
fn a_log_of_one_segment_goes_on_after_three_failed_syncs() {
    holds("a log of one segment goes on after three failed syncs");
}

#[test]
fn a_full_log_goes_on_after_an_opening_without_syncs() {
    holds("a full log goes on after an opening without syncs");
}

#[test]
fn a_slice_is_deleted_only_when_its_acknowledgement_is_noted() {
    holds("a slice is deleted only when its acknowledgement is noted");
}

#[test]
fn one_large_stream_does_not_stop_another() {
    holds("one large stream does not stop another");
}

#[test]
fn one_refused_tenant_does_not_stop_another() {
    holds("one refused tenant does not stop another");
}

#[test]
fn a_log_serves_more_streams_than_it_has_room_for_heads() {
    holds("a log serves more streams than it has room for heads");
}

#[test]
fn heads_of_streams_that_ended_are_forgotten() {
    holds("heads of streams that ended are forgotten");
}

#[test]
fn windows_go_on_after_a_reading_far_ahead() {
    holds("windows go on after a reading far ahead");
}

#[test]
fn what_was_thrown_away_does_not_come_back() {
    holds("what was thrown away does not come back");
}

#[test]
fn clones_that_count_the_same_are_told_apart() {
    holds("clones that count the same are told apart");
}

#[test]
fn clones_of_a_log_that_no_ledger_knew_are_told_apart() {
    holds("clones of a log that no ledger knew are told apart");
}

#[test]
fn a_log_of_2_segments_works_or_is_refused() {
    holds("a log of 2 segments works or is refused");
}

#[test]
fn a_log_of_3_segments_works_or_is_refused() {
    holds("a log of 3 segments works or is refused");
}

#[test]
fn a_log_of_4_segments_works_or_is_refused() {
    holds("a log of 4 segments works or is refused");
}

#[test]
fn a_log_of_5_segments_works_or_is_refused() {
    holds("a log of 5 segments works or is refused");
}

#[test]
fn files_of_failed_creations_do_not_come_back() {
    holds("files of failed creations do not come back");
}

#[test]
fn a_failed_first_directory_sync_does_not_stop_the_next_start() {
    holds("a failed first directory sync does not stop the next start");
}

#[test]
fn rewriting_gives_the_same_bytes_each_time() {
    holds("rewriting gives the same bytes each time");
}

#[test]
fn a_ledger_that_went_back_is_noticed_at_the_start() {
    holds("a ledger that went back is noticed at the start");
}

#[test]
fn each_scenario_has_a_test() {
    assert_eq!(scenarios().len(), 23);
}

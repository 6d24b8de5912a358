//! Every case by name. A case gets an empty ledger of its own.

mod batches;
pub(crate) mod claims;
mod concurrency;
mod limits;
mod order;
pub(crate) mod reopening;
mod runs;
mod streams;

use crate::probe::Probe;

type Case = fn(&Probe);

macro_rules! cases {
    ($($module:ident :: $case:ident),* $(,)?) => {
        &[$((stringify!($case), $module::$case as Case)),*]
    };
}

pub(crate) const CASES: &[(&str, Case)] = cases![
    order::a_chain_is_accepted_in_order,
    order::a_repeat_is_a_duplicate_and_changes_nothing,
    order::a_fork_is_a_conflict_with_both_digests,
    order::a_gap_is_refused,
    order::a_broken_link_is_refused,
    streams::an_unknown_stream_has_no_head,
    streams::streams_are_independent,
    streams::streams_that_look_alike_are_kept_apart,
    batches::an_empty_batch_has_no_answers,
    batches::a_batch_answers_per_slice_and_keeps_the_good_ones,
    batches::a_batch_may_repeat_another,
    runs::a_run_is_stored_as_a_whole,
    runs::a_refusal_ends_the_run_of_its_stream_alone,
    runs::a_gap_ends_a_run,
    runs::a_fork_ends_a_run,
    runs::a_run_whose_answers_were_lost_is_offered_again,
    runs::a_run_may_have_duplicates_before_and_after_new_slices,
    limits::a_slice_of_full_size_is_accepted,
    limits::the_longest_names_are_accepted,
    limits::the_largest_increment_is_accepted,
    concurrency::threads_on_different_streams_do_not_disturb_each_other,
    concurrency::threads_on_one_stream_store_each_slice_once,
    concurrency::of_two_forks_at_once_one_wins,
    claims::the_first_claim_takes_the_origin,
    claims::another_copy_is_refused_for_every_slice,
    claims::a_successor_takes_over_and_the_old_holder_is_refused,
    claims::claims_of_different_origins_are_independent,
    claims::a_claim_judges_slices_of_its_own_origin_alone,
    claims::a_claim_stays_when_its_slices_are_refused,
    concurrency::of_two_copies_at_once_one_wins,
];

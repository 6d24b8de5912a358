//! The contract of `Ledger`: what is stored through an exporter is found again, and sums are those of a plain model.

mod calendar;
mod damage;
mod model;
mod slices;
mod usage;

use ron_accounting_export::{Ack, Exporter};
use ron_accounting_ledger::{Ledger, ReadError};
use ron_ledger_wire::SealedSlice;

/// An empty ledger under test, with assertions that name the case.
pub(crate) struct Subject<'a> {
    case: &'static str,
    exporter: &'a dyn Exporter,
    pub(crate) ledger: &'a dyn Ledger,
}

type Case = fn(&Subject<'_>);

macro_rules! cases {
    ($($module:ident :: $case:ident),* $(,)?) => {
        &[$((stringify!($case), $module::$case as Case)),*]
    };
}

const CASES: &[(&str, Case)] = cases![
    slices::an_empty_ledger_has_empty_answers,
    slices::heads_come_sorted_and_in_pages,
    slices::slices_come_in_order_and_in_pages,
    slices::bytes_come_back_exactly_under_each_name,
    slices::a_visitor_may_stop,
    usage::sums_are_those_of_a_plain_model,
    usage::each_figure_is_the_sum_of_its_evidence,
    usage::evidence_comes_sorted_and_in_pages,
    usage::sums_may_pass_the_largest_increment,
    usage::a_duplicate_counts_once,
    calendar::calendar_sums_are_those_of_a_plain_model,
    calendar::a_window_across_the_end_of_a_period_is_refused_and_named,
    calendar::days_of_23_and_25_hours_are_exact,
    calendar::another_streams_window_refuses_nothing,
    damage::a_sound_ledger_is_verified_with_its_figures,
    damage::each_kind_of_damage_is_found_and_named,
];

/// Runs each case of the contract of [`Ledger`] on a ledger of its own. `fresh` opens an empty ledger at each call.
pub fn check_ledger<L: Exporter + Ledger>(fresh: impl Fn() -> L) {
    for (case, run) in CASES {
        let ledger = fresh();
        run(&Subject { case, exporter: &ledger, ledger: &ledger });
    }
}

/// Returns the names of the cases that [`check_ledger`] runs, in its order.
pub fn ledger_case_names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, _)| *name)
}

impl Subject<'_> {
    #[track_caller]
    pub(crate) fn stores(&self, slices: &[SealedSlice]) {
        for batch in slices.chunks(50) {
            for answer in self.exporter.put_batch(batch) {
                self.is(answer == Ok(Ack::Ok), format_args!("a new slice is answered with {answer:?}"));
            }
        }
    }

    #[track_caller]
    pub(crate) fn offers_again(&self, slices: &[SealedSlice]) {
        for answer in self.exporter.put_batch(slices) {
            self.is(answer == Ok(Ack::Duplicate), format_args!("a stored slice is answered with {answer:?}"));
        }
    }

    #[track_caller]
    pub(crate) fn answered<T>(&self, what: &str, answer: Result<T, ReadError>) -> T {
        match answer {
            Ok(answer) => answer,
            Err(error) => self.fail(format_args!("{what}: {}", error.with_causes())),
        }
    }

    #[track_caller]
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, expected: &T, found: &T) {
        self.is(expected == found, format_args!("{what}: expected {expected:?}, found {found:?}"));
    }

    #[track_caller]
    pub(crate) fn is(&self, holds: bool, message: std::fmt::Arguments<'_>) {
        if !holds {
            self.fail(message);
        }
    }

    #[track_caller]
    pub(crate) fn fail(&self, message: std::fmt::Arguments<'_>) -> ! {
        panic!("ledger contract, case `{}`: {message}", self.case)
    }
}

//! The balance: recorded units, compared with those in the ledger and on their way to it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ron_accounting::{export::SealedSlice, UsageTotals};
use ron_accounting_ledger::Total;

use crate::table::{Side, Table};

/// How many mismatches are listed one by one.
const SHOWN_MAX: usize = 5;

/// Units of one tenant and dimension.
#[derive(Debug, Default, Clone, Copy)]
struct Account {
    /// Recorded by the threads, or left in the log by an earlier run.
    recorded: u128,
    /// In the ledger at the start.
    before: u128,
    /// In the ledger at the end.
    after: u128,
    /// Counted or sealed, and not in the ledger.
    pending: u128,
    /// The part of the pending units that the log has in slices.
    in_log: u128,
}

impl Account {
    fn in_ledger(&self) -> i128 {
        signed(self.after) - signed(self.before)
    }

    fn difference(&self) -> i128 {
        signed(self.recorded) - self.in_ledger() - signed(self.pending)
    }
}

fn signed(units: u128) -> i128 {
    i128::try_from(units).unwrap_or(i128::MAX)
}

/// The accounts of all tenants and dimensions.
#[derive(Debug, Default)]
pub(super) struct Balance {
    accounts: BTreeMap<(String, String), Account>,
    carried_over: u128,
    /// Units of a checkpoint in the log, of all tenants and dimensions together.
    checkpointed: u128,
    is_log_kept: bool,
}

impl Balance {
    fn account(&mut self, tenant: &str, dimension: &str) -> &mut Account {
        self.accounts.entry((dimension.to_owned(), tenant.to_owned())).or_default()
    }

    /// Takes over the units in the ledger of an earlier run.
    pub(super) fn carry_over_ledger(&mut self, totals: &[Total]) {
        for total in totals {
            self.account(&total.tenant, &total.dimension).before = total.increment;
            self.carried_over += total.increment;
        }
    }

    /// Takes over the units that an earlier run left in the log, which this run exports.
    pub(super) fn carry_over_log(&mut self, totals: &[UsageTotals]) {
        for total in totals {
            let units = total.live + total.pending + total.acknowledged;
            self.account(&total.tenant, &total.dimension).recorded += units;
            self.carried_over += units;
        }
    }

    pub(super) fn recorded(&mut self, tenant: &str, dimension: &str, units: u64) {
        self.account(tenant, dimension).recorded += u128::from(units);
    }

    pub(super) fn on_the_way(&mut self, totals: &[UsageTotals]) {
        for total in totals {
            self.account(&total.tenant, &total.dimension).pending = total.live + total.pending;
        }
    }

    pub(super) fn found_in_ledger(&mut self, totals: &[Total]) {
        for total in totals {
            self.account(&total.tenant, &total.dimension).after = total.increment;
        }
    }

    /// Adds the units that were found in the log and are not in the ledger. The next start exports them.
    pub(super) fn found_in_log(&mut self, slices: &[SealedSlice], checkpointed: u128) {
        for slice in slices {
            self.account(slice.stream().tenant(), slice.stream().dimension()).in_log += slice.total();
        }
        self.checkpointed = checkpointed;
        self.is_log_kept = true;
    }

    /// Returns the units that neither the ledger nor the log has. They end with this process.
    fn in_memory_only(&self) -> u128 {
        let pending = self.accounts.values().map(|account| account.pending.saturating_sub(account.in_log));
        pending.sum::<u128>().saturating_sub(self.checkpointed)
    }

    /// Prints the table and the verdict. Returns whether everything is conserved.
    pub(super) fn report(&self, out: &mut dyn Write) -> io::Result<bool> {
        let mut dimensions: BTreeMap<&str, [i128; 4]> = BTreeMap::new();
        for ((dimension, _), account) in &self.accounts {
            let sums = dimensions.entry(dimension).or_default();
            let values = [
                signed(account.recorded),
                account.in_ledger(),
                signed(account.pending),
                account.difference(),
            ];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let mut table = Table::new([
            ("dimension", Side::Left),
            ("recorded", Side::Right),
            ("in the ledger", Side::Right),
            ("pending", Side::Right),
            ("difference", Side::Right),
        ]);
        for (dimension, sums) in dimensions {
            table.push([dimension.to_owned()].into_iter().chain(sums.map(|sum| sum.to_string())));
        }
        table.write(out)?;
        if self.carried_over > 0 {
            writeln!(out, "not shown: what an earlier run had brought to this ledger")?;
        }

        // A swap between tenants would not show in the sums, so every account is compared.
        let wrong: Vec<_> = self.accounts.iter().filter(|(_, account)| account.difference() != 0).collect();
        for ((dimension, tenant), account) in wrong.iter().take(SHOWN_MAX) {
            writeln!(out, "{tenant} {dimension}: difference {}", account.difference())?;
        }
        let in_memory_only = self.in_memory_only();
        if in_memory_only > 0 {
            let reason = if self.is_log_kept {
                "the log has not taken them"
            } else {
                "the log is temporary: keep it with --dir"
            };
            writeln!(
                out,
                "in memory only: {in_memory_only} of the pending units, which end with this process: {reason}"
            )?;
        }
        let is_conserved = wrong.is_empty() && in_memory_only == 0;
        writeln!(out, "conserved: {}", if is_conserved { "yes" } else { "no" })?;
        Ok(is_conserved)
    }
}

#[cfg(test)]
mod tests {
    use super::Balance;

    fn verdict(balance: &Balance) -> (bool, String) {
        let mut out = Vec::new();
        let conserved = balance.report(&mut out).unwrap();
        (conserved, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_pending_is_not_lost() {
        let mut balance = Balance::default();
        balance.recorded("acme", "requests", 5);
        balance.recorded("acme", "requests", 2);
        balance.account("acme", "requests").before = 10;
        balance.account("acme", "requests").after = 14;
        balance.account("acme", "requests").pending = 3;
        balance.account("acme", "requests").in_log = 3;
        let (conserved, text) = verdict(&balance);
        assert!(conserved, "{text}");
        assert!(text.contains("requests          7              4        3           0"), "{text}");
        assert!(text.ends_with("conserved: yes\n"), "{text}");
    }

    #[test]
    fn what_is_in_memory_alone_is_not_conserved() {
        let mut balance = Balance::default();
        for tenant in ["acme", "bolt"] {
            balance.recorded(tenant, "requests", 10);
            balance.account(tenant, "requests").pending = 10;
        }
        // More than is pending in one account makes up for nothing in another.
        balance.account("acme", "requests").in_log = 15;
        balance.account("bolt", "requests").in_log = 4;
        let (_, text) = verdict(&balance);
        assert!(text.contains("the log is temporary"), "{text}");
        balance.found_in_log(&[], 0);
        let (conserved, text) = verdict(&balance);
        assert!(!conserved && text.contains("in memory only: 6 of the pending units"), "{text}");
        assert!(text.ends_with("conserved: no\n"), "{text}");
        balance.found_in_log(&[], 6);
        let (conserved, text) = verdict(&balance);
        assert!(conserved && !text.contains("in memory only"), "{text}");
    }

    #[test]
    fn a_swap_between_tenants_is_found_although_the_sums_agree() {
        let mut balance = Balance::default();
        for (tenant, after) in [("acme", 4), ("bolt", 6)] {
            balance.recorded(tenant, "requests", 5);
            balance.account(tenant, "requests").after = after;
        }
        let (conserved, text) = verdict(&balance);
        assert!(!conserved, "{text}");
        assert!(text.contains("acme requests: difference 1\nbolt requests: difference -1\n"), "{text}");
        assert!(text.ends_with("conserved: no\n"), "{text}");
    }
}

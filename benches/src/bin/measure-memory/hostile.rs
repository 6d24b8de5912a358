//! Millions of label sets that come from a hostile client, each once.
//!
//! As many as the limit are live. What was counted under evicted ones in the open window stays, for as many again; counts
//! of later ones go to their tenants' overflow rows. With the third lot every limit is reached, and from there on memory
//! must not grow.

use std::fmt;

use allocation_counter::measure as count;
use anyhow::ensure;
use ron_accounting::{labels, normalize::CharacterNormalizer, Accounting};
use ron_accounting_benches::{
    figures::{PathFigures, Target},
    label_sets::LABEL_SETS,
    race::Kind,
};

const TENANTS: u64 = 50;
/// How many times the limit come until every limit is reached.
const LOTS: u64 = 3;
/// How much more than at the limit may be in use at any time.
const GROWTH_MAX: f64 = 1.05;

/// What came of it.
pub(super) struct Hostile {
    sets: u64,
    /// The highest number of bytes in use while as many label sets came as may be live.
    before_eviction: u64,
    /// The highest number until every limit was reached.
    at_limit: u64,
    /// The highest number while all came.
    peak: u64,
    inexact_tenants: u64,
}

pub(super) fn measure(sets: u64) -> anyhow::Result<Hostile> {
    ensure!(
        sets > LOTS * LABEL_SETS as u64,
        "{sets} label sets don't exceed the limit of {LABEL_SETS} by far"
    );
    let (before_eviction, _) = attack(LABEL_SETS as u64)?;
    let (at_limit, _) = attack(LOTS * LABEL_SETS as u64)?;
    let (peak, inexact_tenants) = attack(sets)?;
    Ok(Hostile { sets, before_eviction, at_limit, peak, inexact_tenants })
}

/// Counts one request under each of `sets` label sets. Returns the highest number of bytes in use, and how many tenants
/// have another total than they should.
fn attack(sets: u64) -> anyhow::Result<(u64, u64)> {
    // The route normalizer would make one route of these; here each label set is a new one.
    let accounting = Accounting::builder().manual().normalizer(CharacterNormalizer);
    let mut built = None;
    let mut result = Ok(());
    let mut route = String::with_capacity(64);
    let tenants: Vec<String> = (0..TENANTS).map(|tenant| format!("tenant-{tenant:04}")).collect();
    let counted = count(|| match accounting.build() {
        Ok(accounting) => {
            for (number, tenant) in (0..sets).zip(tenants.iter().cycle()) {
                route.clear();
                // Writing to a string cannot fail.
                let _ = fmt::Write::write_fmt(&mut route, format_args!("/cgi-bin/{number:08x}/admin.php"));
                let hostile =
                    labels().tenant(tenant).method("GET").route(&route).service("gateway").region("eu");
                accounting.incr_request(&hostile);
            }
            built = Some(accounting);
        }
        Err(error) => result = Err(error),
    });
    result?;
    let Some(accounting) = built else { return Ok((0, 0)) };
    let snapshot = accounting.snapshot();
    let exact = |(number, tenant): (u64, &String)| {
        let total: u64 =
            snapshot.entries().filter(|entry| entry.tenant() == tenant).map(|entry| entry.requests()).sum();
        total == sets / TENANTS + u64::from(number < sets % TENANTS)
    };
    let inexact = (0..).zip(&tenants).filter(|tenant| !exact(*tenant)).count();
    Ok((counted.bytes_max, inexact as u64))
}

impl Hostile {
    fn growth(&self) -> f64 {
        self.peak as f64 / self.at_limit as f64
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.inexact_tenants == 0,
            "{} tenants have another total than was recorded",
            self.inexact_tenants
        );
        ensure!(self.growth() <= GROWTH_MAX, "memory grew by more than 5 % after every limit was reached");
        Ok(())
    }

    pub(super) fn figures(&self) -> PathFigures {
        let mut path =
            PathFigures::new("hostile", &format!("{} distinct label sets, {TENANTS} tenants", self.sets));
        let mut tell = |name, bytes: u64| path.figure(name, Kind::Ours, bytes as f64 / 1024.0, "KiB");
        tell("peak before anything is evicted", self.before_eviction);
        tell("peak until every limit is reached", self.at_limit);
        tell("peak with all", self.peak);
        path.ratio(
            "peak with all / until every limit is reached",
            self.growth(),
            Some(Target::AtMost(GROWTH_MAX)),
        );
        path.ratio("tenants without an exact total", self.inexact_tenants as f64, Some(Target::AtMost(0.0)));
        path
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sets, before_eviction, at_limit, peak, inexact_tenants } = self;
        let growth = (self.growth() - 1.0) * 100.0;
        writeln!(f, "{sets} distinct label sets, {TENANTS} tenants, a limit of {LABEL_SETS}")?;
        writeln!(f, "peak before anything is evicted    {before_eviction:>10} bytes")?;
        writeln!(f, "peak until every limit is reached  {at_limit:>10} bytes")?;
        writeln!(f, "peak with all                      {peak:>10} bytes ({growth:+.1} %)")?;
        write!(f, "tenants with an exact total        {:>10} of {TENANTS}", TENANTS - inexact_tenants)
    }
}

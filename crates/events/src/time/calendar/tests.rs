//! The calendar's invariants around every change of clocks from 1970 to 2100 in zones that have done odd things.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

/// What makes a zone odd: clocks put back over midnight, midnight skipped, a day skipped, offsets of seconds, offsets of
/// quarters of an hour, a negative summer time.
const ZONES: [Tz; 12] = [
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::America__New_York,
    Tz::Asia__Beirut,
    Tz::Asia__Gaza,
    Tz::Asia__Kathmandu,
    Tz::Africa__Casablanca,
    Tz::Africa__Monrovia,
    Tz::Europe__Dublin,
    Tz::Pacific__Apia,
    Tz::Pacific__Chatham,
];
const HOUR_MS: i64 = 3_600_000;
const END_2100_MS: i64 = 4_133_980_800_000;

/// Returns the instants, to the second, at which a zone's offset changes.
fn changes<Z: TimeZone>(calendar: &Calendar<Z>) -> Vec<i64> {
    let mut changes = Vec::new();
    let step = 7 * 24 * HOUR_MS;
    for week in 0..=END_2100_MS / step {
        let (mut early, mut late) = (week * step, (week + 1) * step);
        if calendar.offset_ms(early) == calendar.offset_ms(late) {
            continue;
        }
        while late - early > SECOND_MS {
            let middle = early + (late - early) / 2 / SECOND_MS * SECOND_MS;
            if calendar.offset_ms(middle) == calendar.offset_ms(early) {
                early = middle;
            } else {
                late = middle;
            }
        }
        changes.push(late);
    }
    changes
}

fn check_day<Z: TimeZone>(calendar: &Calendar<Z>, ms: i64) {
    let day = calendar.day(ms);
    let (start, end) = (calendar.day_start(day), calendar.day_start(day + 1));
    assert!(start <= ms && ms < end, "day {day} from {start} to {end} does not hold {ms}");
    assert!(calendar.date(start) >= day, "day {day} starts at {start}, before its date");
    assert!(calendar.date(start - 1) < day, "day {day} starts at {start}, after its date");
    assert!(calendar.day(start - 1) < day);
}

#[test]
fn days_hold_their_instants_around_every_change_of_clocks() {
    for zone in ZONES {
        let calendar = Calendar(zone);
        let changes = changes(&calendar);
        assert!(!changes.is_empty(), "{zone}");
        for change in changes {
            let mut last = i64::MIN;
            for quarter in -8 * 24..8 * 24 {
                let ms = change + quarter * HOUR_MS / 4;
                let day = calendar.day(ms);
                assert!(day >= last, "{zone}: day {day} after {last} at {ms}");
                last = day;
            }
            for near in [change - 1, change, change + 1, change - 30 * HOUR_MS, change + 30 * HOUR_MS] {
                check_day(&calendar, near);
            }
        }
    }
}

#[test]
fn odd_days_are_what_they_were() {
    let local = |zone: Tz, y, m, d, h, min| {
        zone.with_ymd_and_hms(y, m, d, h, min, 0).earliest().unwrap().timestamp_millis()
    };
    let day_of = |y, m, d| i64::from(NaiveDate::from_ymd_opt(y, m, d).unwrap().num_days_from_ce());

    // Clocks went back from 00:01 to 23:01 of the day before, which is over all the same.
    let newfoundland = Calendar(Tz::America__St_Johns);
    let after = local(Tz::America__St_Johns, 2006, 10, 29, 0, 0) + 2 * 60_000;
    assert_eq!(newfoundland.date(after), day_of(2006, 10, 28));
    assert_eq!(newfoundland.day(after), day_of(2006, 10, 29));

    // Clocks skipped from 00:00 to 01:00.
    let brazil = Calendar(Tz::America__Sao_Paulo);
    assert_eq!(brazil.day_start(day_of(2018, 11, 4)), local(Tz::America__Sao_Paulo, 2018, 11, 4, 1, 0));

    // December 30th was left out.
    let samoa = Calendar(Tz::Pacific__Apia);
    let left_out = day_of(2011, 12, 30);
    assert_eq!(samoa.day_start(left_out), samoa.day_start(left_out + 1));
    assert_eq!(samoa.day_start(left_out) - samoa.day_start(left_out - 1), 24 * HOUR_MS);
}

#[test]
fn weeks_of_long_years_are_weeks_of_their_own() {
    // 2026 has 53 ISO weeks; the last begins on December 28th.
    let day = |y, m, d| i64::from(NaiveDate::from_ymd_opt(y, m, d).unwrap().num_days_from_ce());
    let week = |y, m, d| period_of_day(TimeUnit::Weeks, day(y, m, d));
    assert_eq!(week(2026, 12, 28) - week(2026, 12, 27), 1);
    assert_eq!(week(2027, 1, 3), week(2026, 12, 28));
    assert_eq!(week(2027, 1, 4) - week(2026, 12, 28), 1);
}

proptest! {
    #[test]
    fn periods_hold_their_days(day in 719_163_i64..767_000) {
        let monday = NaiveDate::from_num_days_from_ce_opt(i32::try_from(day).unwrap()).unwrap().weekday() == chrono::Weekday::Mon;
        for unit in [TimeUnit::Days, TimeUnit::Weeks, TimeUnit::Months, TimeUnit::Years] {
            let period = period_of_day(unit, day);
            prop_assert!(first_day(unit, period) <= day && day < first_day(unit, period + 1));
            prop_assert_eq!(period_of_day(unit, first_day(unit, period)), period);
        }
        prop_assert_eq!(monday, first_day(TimeUnit::Weeks, period_of_day(TimeUnit::Weeks, day)) == day);
    }

    #[test]
    fn any_instant_is_in_its_day(zone in prop::sample::select(ZONES.to_vec()), ms in 0..END_2100_MS) {
        check_day(&Calendar(zone), ms);
    }
}

//! Times by a format string in the notation of `strftime`.

use jiff::{fmt::strtime::BrokenDownTime, tz::TimeZone, Timestamp};

use super::TimeFault;

/// Returns whether what the pattern writes can be read again, and has a day and a time.
pub(super) fn is_usable(pattern: &str) -> bool {
    let moment = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let Ok(written) = BrokenDownTime::from(&moment).to_string(pattern) else { return false };
    unix_ms(pattern, written.as_bytes(), Some(&TimeZone::UTC)) == Ok(0)
}

pub(super) fn unix_ms(pattern: &str, bytes: &[u8], zone: Option<&TimeZone>) -> Result<u64, TimeFault> {
    let broken_down = BrokenDownTime::parse(pattern, bytes).map_err(|_| TimeFault::NoTime)?;
    let moment = if let Ok(moment) = broken_down.to_timestamp() {
        moment
    } else {
        let local = broken_down.to_datetime().map_err(|_| TimeFault::NoTime)?;
        let zone = zone.ok_or(TimeFault::NoZone)?;
        zone.to_ambiguous_timestamp(local).compatible().map_err(|_| TimeFault::NoTime)?
    };
    u64::try_from(moment.as_millisecond()).map_err(|_| TimeFault::NoTime)
}

//! Days and seconds of the Gregorian calendar in UTC, without leap seconds: Unix time to text and back.
//!
//! Years are counted from March, so that the leap day is the last of its year; 400 of them have 146,097 days.

const DAY: u64 = 86_400;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

/// `YYYY-MM-DD` of a number of Unix seconds.
pub(crate) fn day(seconds: u64) -> String {
    let days = seconds / DAY + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - days_before_year(year_of_era);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - days_before_month(month) + 1;
    let (carry, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + carry)
}

/// `YYYY-MM-DDTHH:MM:SSZ` of a number of Unix seconds (RFC 3339).
pub(crate) fn rfc3339(seconds: u64) -> String {
    let time = seconds % DAY;
    format!("{}T{:02}:{:02}:{:02}Z", day(seconds), time / 3600, time / 60 % 60, time % 60)
}

/// Unix seconds of what [`rfc3339`] writes, from 1970 to 9999; nothing for any other writing.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    if text.len() != 20 {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year / 400 * DAYS_IN_400_YEARS
        + days_before_year(year % 400)
        + days_before_month(month)
        + day.checked_sub(1)?;
    let unix = days.checked_sub(DAYS_BEFORE_1970)? * DAY + hours * 3600 + minutes * 60 + seconds;
    // Separators, months of 31 days, hours of 60 minutes and signs all show in that it does not come back the same.
    (rfc3339(unix) == text).then_some(unix)
}

fn days_before_year(year_of_era: u64) -> u64 {
    365 * year_of_era + year_of_era / 4 - year_of_era / 100
}

/// Within a year that begins in March (month 0): lengths 31 30 31 30 31 repeat, 153 days in five months.
fn days_before_month(month: u64) -> u64 {
    (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every day of 700 years, against a calendar that counts them one by one.
    #[test]
    fn days_follow_each_other() {
        let (mut year, mut month, mut day_of_month) = (1970u64, 1u64, 1u64);
        for days in 0..700 * 365 {
            let expected = format!("{year:04}-{month:02}-{day_of_month:02}");
            assert_eq!(day(days * DAY + DAY - 1), expected);
            let noon = days * DAY + DAY / 2 + 61;
            assert_eq!(parse_rfc3339(&format!("{expected}T12:01:01Z")), Some(noon));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day_of_month += 1;
            if day_of_month > length {
                (month, day_of_month) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn other_writings_are_refused() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z",
            "2026-11-23T23:59:60Z",
            "2026-00-10T00:00:00Z",
            "2026-13-10T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2026-11-23t16:00:00Z",
            "2026-11-23T16:00:00z",
            "2026-11-23T16:00:00+",
            "2026-11-23 16:00:00Z",
            "+026-11-23T16:00:00Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2026-11-23T16:00:0\u{e9}",
            "",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}

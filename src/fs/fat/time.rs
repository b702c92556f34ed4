//! FAT's date and time: fields of local time since 1980, here UTC. Section "Date and Time Formats".

use crate::rootfs::tree::Timestamp;

/// A point in time as directory entries store it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Year from 1980, month, day.
    pub date: u16,
    /// Hour, minute, second in steps of two.
    pub time: u16,
    /// Hundredths of a second to add, 0 to 199.
    pub hundredths: u8,
}

/// 1980-01-01 00:00:00 and 2107-12-31 23:59:59, the ends of what can be said, in seconds since 1970.
const FIRST: i64 = 315_532_800;
const LAST: i64 = 4_354_819_199;

/// The nearest time that FAT can say, rounded down.
pub fn stamp(at: Timestamp) -> Stamp {
    let (secs, nanos) = match at.secs {
        s if s < FIRST => (FIRST, 0),
        s if s > LAST => (LAST, 0),
        s => (s, at.nanos),
    };
    // both are positive and small from here on
    let (days, second) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    Stamp {
        date: ((year - 1980) << 9 | month << 5 | day) as u16,
        time: ((second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2)) as u16,
        hundredths: (second % 2 * 100) as u8 + (nanos / 10_000_000).min(99) as u8,
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Days are counted from 1 March
/// of year 0, so that the leap day is a year's last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(secs: i64) -> (u16, u16, u16, u16, u16, u16) {
        let Stamp { date, time, hundredths } = stamp(Timestamp { secs, nanos: 0 });
        let odd = u16::from(hundredths / 100);
        (1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2 + odd)
    }

    #[test]
    fn known_times() {
        assert_eq!(fields(1_700_000_001), (2023, 11, 14, 22, 13, 21));
        assert_eq!(fields(951_782_400), (2000, 2, 29, 0, 0, 0));
        assert_eq!(fields(4_107_542_399), (2100, 2, 28, 23, 59, 59));
        assert_eq!(fields(4_107_542_400), (2100, 3, 1, 0, 0, 0));
        assert_eq!(fields(0), (1980, 1, 1, 0, 0, 0));
        assert_eq!(fields(i64::MAX), (2107, 12, 31, 23, 59, 59));
        assert_eq!(stamp(Timestamp { secs: FIRST + 1, nanos: 999_999_999 }).hundredths, 199);
    }

    #[test]
    fn every_day_follows_the_one_before() {
        const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..60_000 {
            assert_eq!(civil(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = LENGTHS[month as usize - 1] + i64::from(leap && month == 2);
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, d) if d == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }
}

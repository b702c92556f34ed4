//! Times as people read them: `0.4 s`, `12.3 s`, `1 m 02 s`, `1 h 05 m`.

use std::time::Duration;

/// A finished time, with tenths of a second below a minute.
pub fn exact(time: Duration) -> String {
    // rounded first, so that 59.97 s becomes a minute and never `60.0 s`
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { whole(time) }
}

/// A running time, which changes once a second: calmer to look at.
pub fn whole(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well_at_every_size() {
        let exact = |ms| exact(Duration::from_millis(ms));
        assert_eq!(exact(0), "0.0 s");
        assert_eq!(exact(449), "0.4 s");
        assert_eq!(exact(12_340), "12.3 s");
        assert_eq!(exact(59_940), "59.9 s");
        assert_eq!(exact(62_000), "1 m 02 s");
        assert_eq!(whole(Duration::from_secs(3 * 3600 + 65)), "3 h 01 m");
        assert_eq!(whole(Duration::from_millis(2900)), "2 s");
    }
}

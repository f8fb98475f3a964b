//! Points in time as users write them on the command line.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::EngineError;

/// Milliseconds since 1970 UTC of `2026-09-30T12:00:00Z`, `2026-09-30 12:00`, or `2026-09-30`,
/// which means the end of that day.
///
/// # Errors
/// [`EngineError::Usage`] for anything else.
pub fn parse_millis(text: &str) -> Result<i64, EngineError> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let time = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    let date = || {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(date.succ_opt()?.and_time(NaiveTime::MIN) - chrono::Duration::milliseconds(1))
    };
    let time = time.or_else(date).ok_or_else(|| {
        EngineError::Usage(format!(
            "{text:?} is no point in time: write 2026-09-30 or 2026-09-30T12:00:00Z (UTC)"
        ))
    })?;
    Ok(time.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::parse_millis;

    #[test]
    fn a_day_means_its_end() {
        assert_eq!(parse_millis("1970-01-01").unwrap(), 86_399_999);
        assert_eq!(parse_millis("1970-01-01T00:00:01Z").unwrap(), 1000);
        assert!(parse_millis("tomorrow").is_err());
    }
}

//! When a connection is synchronised.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RegistryError;

/// When a connection is synchronised. As text: `every 4h`, `daily 06:00 Europe/Berlin`, `manual`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// Again and again: for buckets, where looking costs next to nothing.
    Hourly {
        /// Hours between two runs, 1 to 168.
        every_hours: u32,
    },
    /// Once a day: for Cost Explorer, which charges for each request.
    Daily {
        /// The hour, 0 to 23.
        hour: u8,
        /// Where it is that hour, as the IANA database names it. Only its shape is checked here.
        time_zone: String,
    },
    /// Only when somebody says so.
    Manual,
}

/// AWS writes reports up to three times a day, so this finds each within hours.
const DEFAULT_HOURS: u32 = 4;

/// A week.
const MAX_HOURS: u32 = 168;

impl Default for Schedule {
    fn default() -> Self {
        Self::Hourly { every_hours: DEFAULT_HOURS }
    }
}

impl Schedule {
    /// Is every part within its bounds?
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        match self {
            Self::Hourly { every_hours } => (1..=MAX_HOURS).contains(every_hours),
            Self::Daily { hour, time_zone } => {
                *hour < 24 && !time_zone.is_empty() && time_zone.bytes().all(may_stand)
            }
            Self::Manual => true,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hourly { every_hours } => write!(f, "every {every_hours}h"),
            Self::Daily { hour, time_zone } => write!(f, "daily {hour:02}:00 {time_zone}"),
            Self::Manual => f.write_str("manual"),
        }
    }
}

impl FromStr for Schedule {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        understood(text).ok_or_else(|| RegistryError::Schedule { text: text.to_owned() })
    }
}

impl TryFrom<String> for Schedule {
    type Error = RegistryError;

    fn try_from(text: String) -> Result<Self, RegistryError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

/// `None` when the text is no schedule. Without a time zone it is UTC.
fn understood(text: &str) -> Option<Schedule> {
    let mut words = text.split_whitespace();
    let schedule = match words.next()? {
        "manual" => Schedule::Manual,
        "every" => Schedule::Hourly { every_hours: words.next()?.strip_suffix('h')?.parse().ok()? },
        "daily" => {
            let hour = words.next()?.strip_suffix(":00")?.parse().ok()?;
            Schedule::Daily { hour, time_zone: words.next().unwrap_or("UTC").to_owned() }
        }
        _ => return None,
    };
    (words.next().is_none() && schedule.is_valid()).then_some(schedule)
}

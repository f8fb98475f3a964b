//! The codes of findings that only loading can lead to, beside those of `verify`.

use crate::verify::{Code, Severity};

/// All of them.
pub const CODES: &[Code] = &[
    Code {
        code: "sync-failed",
        severity: Severity::Error,
        title: "A run failed",
        expected: "deliveries that can be reached and read, and that add up",
        about: "Something stopped the run before it had looked at every delivery. What was loaded \
                before is as it was. Of what may pass by itself, the next run comes sooner than \
                the schedule says.",
    },
    Code {
        code: "delivery-refused",
        severity: Severity::Error,
        title: "A delivery was refused",
        expected: "deliveries that can be reached and read, and that add up",
        about: "The delivery could not be read, or what would be stored is not what was read: \
                every delivery has to agree with its own rows and sums, to the last digit, before \
                it replaces the one before. The lake still holds the delivery before it.",
    },
];

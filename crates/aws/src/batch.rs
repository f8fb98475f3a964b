//! Batches of messages for SQS and SNS, and what of a batch is not taken.

use crate::call::{CallError, Trouble, kind};

/// Most entries that `EventBridge`, SQS and SNS take in one call.
pub const ENTRIES: usize = 10;

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Its text.
    pub body: String,
    /// Attributes of type `String`, at most ten; none may be empty.
    pub attributes: Vec<(String, String)>,
    /// Messages of a group keep their order; FIFO queues and topics need one.
    pub group: Option<String>,
    /// FIFO queues and topics take what has the same id once within five minutes.
    pub deduplication: Option<String>,
}

/// Why an entry of a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which one, from 0.
    pub index: usize,
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// AWS's code.
    pub code: String,
    /// In AWS's words.
    pub message: String,
}

/// An entry that was not taken, as AWS tells it: its id, whether the sender is to blame, code and
/// words.
pub(crate) type Failed<'a> = (&'a str, bool, &'a str, Option<&'a str>);

/// The faults of a batch of `sent` entries, of which `taken` were taken.
pub(crate) fn faults<'a>(
    failed: impl Iterator<Item = Failed<'a>>,
    taken: usize,
    sent: usize,
) -> Result<Vec<Fault>, CallError> {
    let failed = failed.map(|(id, is_ours, code, message)| {
        let number = index(id, sent)?;
        fault(number, is_ours, code, message)
    });
    let failed = failed.collect::<Result<Vec<_>, _>>()?;
    if failed.len() + taken < sent {
        return Err(CallError::refused("the answer does not tell of every message"));
    }
    Ok(failed)
}

/// A fault; `is_ours` when AWS says that the sender is to blame.
pub(crate) fn fault(
    index: usize,
    is_ours: bool,
    code: &str,
    message: Option<&str>,
) -> Result<Fault, CallError> {
    if code.is_empty() {
        return Err(CallError::refused("an entry failed without a code"));
    }
    let message = message.unwrap_or_default().to_owned();
    let trouble = kind(code, &message, if is_ours { 400 } else { 500 });
    Ok(Fault { index, trouble, code: code.to_owned(), message })
}

/// The entry that an answer speaks of; its number was sent along as its id.
fn index(id: &str, entries: usize) -> Result<usize, CallError> {
    let index = id.parse().ok().filter(|index| *index < entries);
    index.ok_or_else(|| CallError::refused(format!("the answer tells of an entry {id}, not sent")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_tell_whether_waiting_helps() {
        for (code, is_ours, expected) in [
            ("InternalFailure", true, Trouble::Passing),
            ("InternalError", false, Trouble::Passing),
            ("ThrottlingException", true, Trouble::Passing),
            ("KMS.ThrottlingException", true, Trouble::Passing),
            ("AccessDeniedException", true, Trouble::Denied),
            ("NotAuthorizedForSourceException", true, Trouble::Denied),
            ("MalformedDetail", true, Trouble::Refused),
            ("InvalidMessageContents", true, Trouble::Refused),
        ] {
            assert_eq!(fault(0, is_ours, code, None).unwrap().trouble, expected, "{code}");
        }
        assert!(fault(0, true, "", Some("?")).is_err());
    }

    #[test]
    fn answers_name_entries_that_were_sent() {
        assert_eq!(index("2", 3).unwrap(), 2);
        assert!(index("3", 3).is_err());
        assert!(index("x", 3).is_err());
    }
}

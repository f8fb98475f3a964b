//! What FOCUS files of any provider need.

use crate::access::KindAccess;

/// Reading the bucket; who puts the files there is the user's affair.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "focus_files",
    title: "FOCUS files of any provider",
    reads_bucket: true,
    needs: &[],
    delivery: None,
};

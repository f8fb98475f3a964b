//! What AWS's FOCUS exports and everybody else's FOCUS files share: the columns of FOCUS.

pub(crate) mod columns;

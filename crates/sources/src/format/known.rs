//! Words for lists of columns.

use super::{Kind, Known, Place};

/// A column.
pub(crate) const fn column(
    header: &'static str,
    name: &'static str,
    kind: Kind,
    place: Place,
) -> Known {
    Known { header, name, kind, place, required: false }
}

/// Text of a group.
pub(crate) const fn text(header: &'static str, name: &'static str, group: usize) -> Known {
    column(header, name, Kind::Text, Place::Group(group))
}

/// Points in time of a group.
pub(crate) const fn time(header: &'static str, name: &'static str, group: usize) -> Known {
    column(header, name, Kind::Time, Place::Group(group))
}

/// Amounts, row by row.
pub(crate) const fn money(header: &'static str, name: &'static str) -> Known {
    column(header, name, Kind::Money, Place::Row)
}

/// A column without which a file does not belong to the format.
pub(crate) const fn required(known: Known) -> Known {
    Known { required: true, ..known }
}

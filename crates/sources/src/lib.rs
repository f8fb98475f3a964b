//! Billing products: one folder each, all of the same shape, and the machinery they share.
//!
//! A product's `to_focus.sql` says how its columns become the cost table; [`format`] what its
//! table looks like; [`decode`] reads records; [`project`] runs the SQL. Nothing here writes to
//! the lake. Start at [`kinds`], then [`cur`].

pub mod access;
pub mod aws_names;
pub mod cost_explorer;
pub mod cur;
pub mod data_export;
pub mod dbr;
pub mod decode;
pub mod delivery;
pub mod discover;
pub mod double;
mod focus;
pub mod focus_export;
pub mod focus_files;
pub mod format;
pub mod intern;
pub mod kinds;
pub mod manifest;
pub mod origin;
pub mod project;
pub mod table;
pub mod text;

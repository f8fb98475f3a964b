//! The cost table: its columns (FOCUS 1.2 and Billhook's own `x_` columns) and the gate before it.
//!
//! [`columns::ALL`] is the one catalogue from which the Delta schema, the export, the SQL help and
//! the documentation are made. [`gate`] holds the claim INV-SUM. Nothing here does I/O or knows
//! a file layout of AWS. Start at [`columns`].

pub mod columns;
pub mod gate;
pub mod metric;

mod focus12;
mod own;

pub use columns::{Column, ColumnType, Level};

//! The ledger in AWS's clothes: one module per report format.

pub mod cost_explorer;
pub mod cur;
pub mod data_export;
pub mod dbr;
pub mod focus_file;

mod focus;
mod names;
mod table;

#[cfg(test)]
mod testing;

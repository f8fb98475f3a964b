//! The ledger in AWS's clothes: one module per report format.

pub mod cost_explorer;
pub mod cur;
pub mod dbr;

//! What Cost Explorer needs.

use crate::access::{KindAccess, Need, On};

/// One action. AWS charges 0.01 USD for each call of it.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "cost_explorer",
    title: "Cost Explorer",
    reads_bucket: false,
    needs: &[Need { actions: &["ce:GetCostAndUsage"], on: On::Account }],
    delivery: None,
};

//! What Cost Explorer needs.

use crate::access::{KindAccess, Need, ORGANIZATION, On, RESOURCE_TAGS};

/// One action to read. AWS charges 0.01 USD for each call of it.
pub(crate) const ACCESS: KindAccess = KindAccess {
    kind: "cost_explorer",
    title: "Cost Explorer",
    reads_bucket: false,
    needs: &[Need::reading(&["ce:GetCostAndUsage"], On::Account), ORGANIZATION, RESOURCE_TAGS],
    delivery: None,
};

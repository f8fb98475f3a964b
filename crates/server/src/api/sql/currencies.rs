//! Does a query add amounts of several currencies?

use arrow::array::AsArray;
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// What tells currencies apart.
const CURRENCY: &str = "BillingCurrency";

/// A sentence for a query that adds amounts of several currencies without telling them apart.
///
/// # Errors
/// When the lake cannot be read.
pub(super) async fn warning(
    session: &LakeSession,
    plan: &LogicalPlan,
) -> Result<Option<String>, LakeError> {
    if !is_blind(plan)? {
        return Ok(None);
    }
    let sql = "SELECT DISTINCT BillingCurrency FROM costs_daily \
               WHERE BillingCurrency IS NOT NULL ORDER BY 1";
    let mut currencies = Vec::new();
    for batch in session.query(sql).await? {
        let Some(texts) = batch.column(0).as_string_opt::<i32>() else { continue };
        currencies.extend(texts.iter().flatten().map(str::to_owned));
    }
    Ok(match currencies.split_last() {
        Some((last, others)) if !others.is_empty() => Some(format!(
            "This adds {} and {last}: group by BillingCurrency, or filter it.",
            others.join(", ")
        )),
        _ => None,
    })
}

/// Does a plan add costs, and neither group by currency nor ask for one?
fn is_blind(plan: &LogicalPlan) -> Result<bool, LakeError> {
    let (mut adds, mut tells) = (false, false);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Aggregate(aggregate) => {
                adds |= aggregate.aggr_expr.iter().any(adds_costs);
                tells |= aggregate.group_expr.iter().any(names_currency);
            }
            LogicalPlan::Filter(filter) => tells |= names_currency(&filter.predicate),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(adds && !tells)
}

fn names_currency(expression: &Expr) -> bool {
    expression.column_refs().iter().any(|column| column.name == CURRENCY)
}

fn adds_costs(expression: &Expr) -> bool {
    let text = expression.to_string().to_lowercase();
    let is_sum = text.contains("sum(") || text.contains("avg(");
    is_sum && expression.column_refs().iter().any(|column| column.name.contains("Cost"))
}

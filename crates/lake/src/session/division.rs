//! Division of amounts in SQL.
//!
//! Arrow multiplies an amount by 10²² before it divides it by another, in 38 digits: a cent is too
//! large already. Here the quotient is made with 76 digits, and has the type that it would have
//! had, so that nothing else of a plan changes.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, cast,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::SessionContext;

/// Digits of what is divided.
const DIGITS: u8 = 76;

/// Lets a session divide amounts by amounts.
pub fn divides_amounts(context: &SessionContext) {
    context.add_analyzer_rule(Arc::new(WideDivision));
}

/// Runs after types were coerced: before, nobody knows that both sides are decimals.
#[derive(Debug)]
struct WideDivision;

impl AnalyzerRule for WideDivision {
    fn name(&self) -> &'static str {
        "wide_division"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewritten)?.data)
    }
}

/// One node of a plan with its divisions made wide. Its columns keep their names and types.
fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expression| {
        let name = names.save(&expression);
        let done = expression.transform_up(|part| Ok(wide(part, &schema)))?;
        Ok(if done.transformed { done.update_data(|whole| name.restore(whole)) } else { done })
    })
}

/// A division of decimals in 76 digits; everything else as it is.
fn wide(expression: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) = &expression else {
        return Transformed::no(expression);
    };
    let kinds = (left.get_type(schema), right.get_type(schema), expression.get_type(schema));
    let (Ok(DataType::Decimal128(_, of_left)), Ok(DataType::Decimal128(_, of_right)), Ok(kind)) =
        kinds
    else {
        return Transformed::no(expression);
    };
    let widened = |side: &Expr, scale: i8| cast(side.clone(), DataType::Decimal256(DIGITS, scale));
    let left = widened(left, of_left);
    let right = widened(right, of_right);
    Transformed::yes(cast(binary_expr(left, Operator::Divide, right), kind))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Decimal128Type;
    use datafusion::prelude::SessionConfig;

    use super::*;

    fn context() -> SessionContext {
        let mut config = SessionConfig::new();
        config.options_mut().sql_parser.parse_float_as_decimal = true;
        let context = SessionContext::new_with_config(config);
        divides_amounts(&context);
        context
    }

    async fn answer(sql: &str) -> Result<(DataType, String)> {
        let batches = context().sql(sql).await?.collect().await?;
        let column = batches[0].column(0);
        let text = column.as_primitive::<Decimal128Type>().value_as_string(0);
        Ok((column.data_type().clone(), text))
    }

    /// `a` of 38 digits and `b`, both amounts.
    fn amounts(select: &str, a: &str, b: &str) -> String {
        format!(
            "SELECT {select} FROM (SELECT CAST('{a}' AS DECIMAL(38,18)) AS a, \
             CAST('{b}' AS DECIMAL(38,18)) AS b)"
        )
    }

    #[tokio::test]
    async fn amounts_divide_whatever_their_size() {
        let kind = DataType::Decimal128(38, 22);
        let half = answer(&amounts("a / b", "12345678901234.5", "24691357802469")).await.unwrap();
        assert_eq!(half, (kind.clone(), "0.5000000000000000000000".to_owned()));
        let third = answer(&amounts("SUM(a) / SUM(b)", "-1", "3")).await.unwrap();
        assert_eq!(third, (kind.clone(), "-0.3333333333333333333333".to_owned()));
        let rate = "1 - (SUM(a) / NULLIF(SUM(b), 0)) * 100";
        let rate = answer(&amounts(rate, "700.5", "1000")).await.unwrap();
        assert_eq!(rate.1, "-69.0500000000000000000000");
    }

    #[tokio::test]
    async fn division_within_other_parts_of_a_query() {
        let grouped = "SUM(a / b)";
        let found = answer(&format!("{} GROUP BY a / b", amounts(grouped, "40", "8"))).await;
        assert_eq!(found.unwrap().1, "5.0000000000000000000000");
        let having = format!("{} HAVING SUM(a) / SUM(b) > 0.5", amounts("SUM(a)", "40", "8"));
        assert_eq!(answer(&having).await.unwrap().1, "40.000000000000000000");
        // Until types are coerced, the sum is one of integers.
        let case = "SUM(CASE WHEN b = 0 THEN 0 ELSE a END) / SUM(b)";
        assert_eq!(answer(&amounts(case, "40", "8")).await.unwrap().1, "5.0000000000000000000000");
    }

    #[tokio::test]
    async fn nothing_and_zero_divide_as_ever() {
        let none = amounts("a / NULLIF(b, 0)", "1", "0");
        let batches = context().sql(&none).await.unwrap().collect().await.unwrap();
        assert_eq!(batches[0].column(0).null_count(), 1);
        let error = answer(&amounts("a / b", "1", "0")).await.unwrap_err();
        assert!(error.to_string().contains("Divide by zero"), "{error}");
        let named = context().sql(&amounts("a / b", "1", "2")).await.unwrap();
        let before = named.schema().field(0).name().clone();
        let batches = named.collect().await.unwrap();
        assert_eq!(*batches[0].schema().field(0).name(), before);
    }
}

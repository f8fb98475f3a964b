//! Division and multiplication of amounts in SQL.
//!
//! Arrow multiplies an amount by 10²² before it divides it by another, in 38 digits: a cent is too
//! large already. Here the quotient is made with 76 digits, and has the type that it would have
//! had, so that nothing else of a plan changes.
//!
//! The product of two amounts has 36 places in arrow, which leaves two digits before the point: 10
//! times 10 is too large. Here it is made with 76 digits and rounded to as many places as a
//! quotient has. That is another type, so it is decided while a plan is made.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, cast,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Digits of what is divided or multiplied.
const DIGITS: u8 = 76;

/// Places of a product that would have more.
const PLACES: i8 = 22;

/// Lets a session divide amounts by amounts, and multiply them.
///
/// # Errors
/// Never of a session that takes planners.
pub fn calculates_amounts(context: &SessionContext) -> Result<()> {
    context.add_analyzer_rule(Arc::new(WideDivision));
    // A clone is the same session.
    context.clone().register_expr_planner(Arc::new(WideProduct))
}

/// Plans products of decimals.
#[derive(Debug)]
struct WideProduct;

impl ExprPlanner for WideProduct {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let kinds = (raw.left.get_type(schema), raw.right.get_type(schema));
        let (Ok(DataType::Decimal128(_, of_left)), Ok(DataType::Decimal128(_, of_right))) = kinds
        else {
            return Ok(PlannerResult::Original(raw));
        };
        if raw.op != BinaryOperator::Multiply || of_left.saturating_add(of_right) <= PLACES {
            return Ok(PlannerResult::Original(raw));
        }
        let plain = binary_expr(raw.left.clone(), Operator::Multiply, raw.right.clone());
        let name = plain.schema_name().to_string();
        let left = widened(&raw.left, of_left);
        let right = widened(&raw.right, of_right);
        let product = binary_expr(left, Operator::Multiply, right);
        let kind = DataType::Decimal128(DECIMAL128_MAX_PRECISION, PLACES);
        Ok(PlannerResult::Planned(cast(product, kind).alias(name)))
    }
}

/// A side of an operation, with room for what comes of it.
fn widened(side: &Expr, scale: i8) -> Expr {
    cast(side.clone(), DataType::Decimal256(DIGITS, scale))
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
        calculates_amounts(&context).unwrap();
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
    async fn amounts_multiply_whatever_their_size() {
        let kind = DataType::Decimal128(38, 22);
        let large = answer(&amounts("a * b", "1234567.5", "1000.25")).await.unwrap();
        assert_eq!(large, (kind.clone(), "1234876141.8750000000000000000000".to_owned()));
        let small = answer(&amounts("a * b", "0.00000000001", "0.000000000005")).await.unwrap();
        assert_eq!(small.1, "0.0000000000000000000001");
        let summed = answer(&amounts("SUM(a * b) / SUM(b)", "700.5", "-1000")).await.unwrap();
        assert_eq!(summed.1, "700.50000000000000000000000000");
        let grouped = format!("{} GROUP BY a * b HAVING a * b > 10", amounts("a * b", "40", "8"));
        assert_eq!(answer(&grouped).await.unwrap().1, "320.0000000000000000000000");
        // As many places as are needed, where there is room.
        let exact = answer(&amounts("a * 1.005", "0.000000000000000001", "1")).await.unwrap();
        assert_eq!(exact.1, "0.000000000000000001005");
        let named = context().sql(&amounts("a * b", "1", "2")).await.unwrap();
        assert_eq!(named.schema().field(0).name(), "a * b");
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

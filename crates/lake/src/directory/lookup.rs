//! Columns and SQL functions that look an account or a resource up in the directory.
//!
//! Not joins: a left join would stay in every plan over `costs`, whether its columns are wanted or
//! not. A function that nobody selects is dropped by the optimiser and leaves a plain scan. The
//! tables are read only for queries that name one of the columns or functions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::prelude::{SessionContext, coalesce, lit, nullif};
use hashbrown::HashMap;
use tokio::sync::OnceCell;

use crate::provider::LakeTable;
use crate::session::named;
use crate::spec::{ACCOUNTS, RESOURCE_TAGS, TableSpec};
use crate::{Lake, LakeError};

/// Columns of the views that are looked up in `accounts`.
const ACCOUNT_COLUMNS: [&str; 3] = ["x_AccountName", "x_OrganizationalUnit", "x_AccountTags"];

/// SQL functions of an account's id, with the column of `accounts` that each answers.
const ACCOUNT_FUNCTIONS: [(&str, &str); 3] = [
    ("account_name", "AccountName"),
    ("organizational_unit", "OrganizationalUnit"),
    ("account_tags", "Tags"),
];

/// Columns of the views that are looked up in `resource_tags`.
const RESOURCE_COLUMNS: [&str; 2] = ["x_ResourceTags", "x_ResourceTagsRecordedAt"];

/// SQL functions of a resource's id, with the column of `resource_tags` that each answers.
const RESOURCE_FUNCTIONS: [(&str, &str); 1] = [("resource_tags", "Tags")];

/// The directory as a session sees it.
#[derive(Clone)]
pub(crate) struct Directory {
    accounts: Arc<Source>,
    resources: Arc<Source>,
}

impl Directory {
    /// Opens the tables as they are, or were at a time, and makes them and the functions known to
    /// a session. A table that is not there, or was not then, is empty.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn open(
        lake: &Lake,
        as_of: Option<i64>,
        context: &SessionContext,
    ) -> Result<Self, LakeError> {
        let accounts = Source::open(lake, &ACCOUNTS, as_of, &["AccountId"]).await?;
        let keys = &["ResourceArn", "ResourceId"];
        let resources = Source::open(lake, &RESOURCE_TAGS, as_of, keys).await?;
        for (source, spec) in [(&accounts, &ACCOUNTS), (&resources, &RESOURCE_TAGS)] {
            let provider = Arc::clone(&source.table);
            context.register_table(spec.name, provider)?;
        }
        let directory = Self { accounts, resources };
        for function in directory.functions() {
            context.register_udf(function);
        }
        Ok(directory)
    }

    /// The files that everything is looked up in.
    pub(crate) fn files(&self) -> Vec<&str> {
        self.accounts.table.paths().chain(self.resources.table.paths()).collect()
    }

    /// The SQL functions.
    pub(crate) fn functions(&self) -> Vec<ScalarUDF> {
        let of_account = |(name, column)| self.accounts.function(name, column);
        let of_resource = |(name, column)| self.resources.function(name, column);
        let accounts = ACCOUNT_FUNCTIONS.into_iter().map(of_account);
        accounts.chain(RESOURCE_FUNCTIONS.into_iter().map(of_resource)).collect()
    }

    /// What a view has beside the columns of its table.
    pub(crate) fn columns(&self, is_daily: bool) -> Vec<Expr> {
        let of_account = |name: &'static str, column: &'static str| {
            self.accounts.function(name, column).call(vec![named("SubAccountId")])
        };
        let mut names = vec![of_account("x_AccountName", "AccountName")];
        if !is_daily {
            names.push(nullif(named("SubAccountName"), lit("")));
        }
        names.push(named("SubAccountId"));
        let unit = of_account("x_OrganizationalUnit", "OrganizationalUnit");
        let mut columns = vec![
            coalesce(names).alias("x_AccountName"),
            unit.alias("x_OrganizationalUnit"),
            of_account("x_AccountTags", "Tags").alias("x_AccountTags"),
        ];
        if !is_daily {
            for (name, column) in RESOURCE_COLUMNS.into_iter().zip(["Tags", "x_RecordedAt"]) {
                let function = self.resources.function(name, column);
                columns.push(function.call(vec![named("ResourceId")]).alias(name));
            }
        }
        columns
    }

    /// Reads what a query looks up, unless that was read before.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn prepare(
        &self,
        plan: &LogicalPlan,
        context: &SessionContext,
    ) -> Result<(), LakeError> {
        if mentions(plan, &ACCOUNT_COLUMNS, &ACCOUNT_FUNCTIONS)? {
            self.accounts.read(context).await?;
        }
        if mentions(plan, &RESOURCE_COLUMNS, &RESOURCE_FUNCTIONS)? {
            self.resources.read(context).await?;
        }
        Ok(())
    }
}

/// Does a query name one of these? A view's own expressions do not count: their functions are
/// called as the view's columns are.
fn mentions(plan: &LogicalPlan, columns: &[&str], functions: &[(&str, &str)]) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                found |= match part {
                    Expr::Column(column) => columns.contains(&column.name.as_str()),
                    Expr::ScalarFunction(call) => {
                        functions.iter().any(|(name, _)| *name == call.func.name())
                    }
                    _ => false,
                };
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// A table to look things up in.
#[derive(Debug)]
struct Source {
    table: Arc<LakeTable>,
    /// Columns that identify a row.
    keys: &'static [&'static str],
    known: OnceCell<Known>,
}

impl Source {
    async fn open(
        lake: &Lake,
        spec: &'static TableSpec,
        as_of: Option<i64>,
        keys: &'static [&'static str],
    ) -> Result<Arc<Self>, LakeError> {
        let table = LakeTable::if_any(lake, spec, as_of).await?;
        Ok(Arc::new(Self { table: Arc::new(table), keys, known: OnceCell::new() }))
    }

    async fn read(&self, context: &SessionContext) -> Result<(), LakeError> {
        let known = self.known.get_or_try_init(|| Known::read(&self.table, self.keys, context));
        known.await.map(|_| ())
    }

    /// The function called `name`, from an id to the value of `column`.
    fn function(self: &Arc<Self>, name: &'static str, column: &'static str) -> ScalarUDF {
        let schema = self.table.schema();
        let found = schema.column_with_name(column);
        let value = found.map_or(DataType::Null, |(_, field)| field.data_type().clone());
        let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
        let source = Arc::clone(self);
        ScalarUDF::new_from_impl(Lookup { name, column, value, source, signature })
    }
}

/// The rows of a table, by their ids.
#[derive(Debug)]
struct Known {
    rows: RecordBatch,
    places: HashMap<String, u32>,
}

impl Known {
    async fn read(
        table: &Arc<LakeTable>,
        keys: &[&str],
        context: &SessionContext,
    ) -> Result<Self, LakeError> {
        let provider = Arc::clone(table);
        // Of several records of the same the newest is the last, and counts.
        let order = ["x_RecordedAt", "x_Connection"].map(|name| named(name).sort(true, true));
        let frame = context.read_table(provider)?.sort(order.to_vec())?;
        let batches = frame.collect().await?;
        let rows = match batches.first() {
            Some(first) => {
                concat_batches(&first.schema(), &batches).map_err(DataFusionError::from)?
            }
            None => RecordBatch::new_empty(table.schema()),
        };
        let mut places = HashMap::new();
        for ids in keys.iter().filter_map(|key| rows.column_by_name(key)) {
            for (place, id) in (0_u32..).zip(ids.as_string::<i32>()) {
                if let Some(id) = id {
                    places.insert(id.to_owned(), place);
                }
            }
        }
        Ok(Self { rows, places })
    }

    /// The values of a column for ids; NULL for unknown ones.
    fn values(&self, ids: &StringArray, column: &str, value: &DataType) -> Result<ArrayRef> {
        let values = self.rows.column_by_name(column).filter(|values| !values.is_empty());
        let Some(values) = values else { return Ok(new_null_array(value, ids.len())) };
        // Rows of an account stand together in bills.
        let mut last: Option<(&str, Option<u32>)> = None;
        let places: UInt32Array = ids
            .iter()
            .map(|id| {
                let id = id?;
                match last {
                    Some((known, place)) if known == id => place,
                    _ => {
                        let place = self.places.get(id).copied();
                        last = Some((id, place));
                        place
                    }
                }
            })
            .collect();
        Ok(take(values, &places, None)?)
    }
}

/// A function from an id to a column of a [`Source`].
#[derive(Debug)]
struct Lookup {
    name: &'static str,
    column: &'static str,
    /// Type of the column.
    value: DataType,
    source: Arc<Source>,
    signature: Signature,
}

impl PartialEq for Lookup {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.source, &other.source)
    }
}

impl Eq for Lookup {}

impl Hash for Lookup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Lookup {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [ids] = &arrays[..] else {
            return exec_err!("{} takes one argument", self.name);
        };
        let Some(known) = self.source.known.get() else {
            return internal_err!("{}: the directory was not read", self.name);
        };
        let values = known.values(ids.as_string::<i32>(), self.column, &self.value)?;
        Ok(ColumnarValue::Array(values))
    }
}

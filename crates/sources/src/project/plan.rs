//! From SQL text to evaluation stages.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext};

use billhook_focus::columns::{ColumnType, map_type};

use super::combo::{Combo, Input, MAX_GROUPS};
use super::{Output, ProjectError, Round, RowInput, functions};
use crate::decode::Item;
use crate::format::{Binding, Kind, Place};

/// The stages of a planned `SELECT`.
pub(super) struct Planned {
    pub(super) names: Vec<String>,
    pub(super) outputs: Vec<Output>,
    pub(super) combos: Vec<Combo>,
    pub(super) row_inputs: Vec<RowInput>,
    pub(super) rounds: Vec<Round>,
}

/// A column that the SQL may name.
struct Source {
    field: Field,
    /// `None` when the file at hand does not have it.
    place: Option<(Place, Item)>,
}

pub(super) fn plan(
    binding: &Binding,
    select: &str,
    parameters: &[(&str, ScalarValue)],
) -> Result<Planned, ProjectError> {
    let sources = sources(binding);
    let session = context(&sources, parameters)?.state();
    let selected = expressions(&session, select)?;
    let fields: Vec<Field> = sources.iter().map(|source| source.field.clone()).collect();
    let schema = DFSchema::try_from(Schema::new(fields))?;
    let mut stage = Stage {
        state: &session,
        schema: &schema,
        sources: sources.iter().map(|s| (s.field.name().clone(), s)).collect(),
        combos: Vec::new(),
        row_fields: Vec::new(),
        row_inputs: Vec::new(),
        binding,
    };
    let mut names = Vec::new();
    let mut exprs = Vec::new();
    for (name, expr) in selected {
        exprs.push(stage.settle(typed(&name, expr), parameters)?);
        names.push(name);
    }
    let (outputs, rounds) = stage.place_all(exprs)?;
    let Stage { combos, row_inputs, .. } = stage;
    let combos = combos.into_iter().map(Building::finish).collect();
    Ok(Planned { names, outputs, combos, row_inputs, rounds })
}

fn sources(binding: &Binding) -> Vec<Source> {
    let format = binding.format;
    let mut sources: Vec<Source> = Vec::new();
    for (index, known) in format.known.iter().enumerate() {
        let column_type = match known.kind {
            Kind::Text | Kind::TextOrNull | Kind::Presence => ColumnType::Text,
            Kind::Money => ColumnType::Decimal,
            Kind::Time | Kind::ZonedTime | Kind::IntervalStart | Kind::IntervalEnd => {
                ColumnType::Time
            }
            Kind::Map => ColumnType::Map,
        };
        let place = binding.known[index].map(|_| (known.place, Item::Known(index)));
        sources.push(Source { field: Field::new(known.name, column_type.arrow(), true), place });
    }
    for (index, family) in format.families.iter().enumerate() {
        let place = Some((Place::Group(family.group), Item::Family(index)));
        sources.push(Source { field: Field::new(family.name, map_type(), true), place });
    }
    let place = Some((Place::Group(format.groups - 1), Item::Extras));
    sources.push(Source { field: Field::new(format.extras, map_type(), true), place });
    sources
}

fn context(
    sources: &[Source],
    parameters: &[(&str, ScalarValue)],
) -> Result<SessionContext, ProjectError> {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.enable_ident_normalization = false;
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    // VARCHAR is the type of the columns here.
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let context = SessionContext::new_with_config(config);
    functions::register(&context);
    let parameters = parameters.iter().map(|(n, value)| Field::new(*n, value.data_type(), true));
    let fields: Vec<Field> = sources.iter().map(|s| s.field.clone()).chain(parameters).collect();
    context.register_table("source", Arc::new(EmptyTable::new(Arc::new(Schema::new(fields)))))?;
    Ok(context)
}

/// The output expressions in terms of the source's columns, layers of `WITH` merged into one.
fn expressions(state: &SessionState, select: &str) -> Result<Vec<(String, Expr)>, ProjectError> {
    let plan = futures::executor::block_on(state.create_logical_plan(select))?;
    merged(plan)
}

fn merged(plan: LogicalPlan) -> Result<Vec<(String, Expr)>, ProjectError> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => merged(Arc::unwrap_or_clone(alias.input)),
        LogicalPlan::TableScan(scan) => Ok(scan
            .projected_schema
            .fields()
            .iter()
            .map(|field| {
                let name = field.name().clone();
                (name.clone(), Expr::Column(Column::new_unqualified(name)))
            })
            .collect()),
        LogicalPlan::Projection(projection) => {
            let inner: HashMap<String, Expr> =
                merged(Arc::unwrap_or_clone(projection.input))?.into_iter().collect();
            projection.expr.into_iter().map(|expr| inlined(expr, &inner)).collect()
        }
        other => Err(ProjectError::Shape(other.display().to_string())),
    }
}

fn inlined(expr: Expr, inner: &HashMap<String, Expr>) -> Result<(String, Expr), ProjectError> {
    let (name, expr) = match expr {
        Expr::Alias(alias) => (alias.name.clone(), *alias.expr),
        Expr::Column(column) => (column.name.clone(), Expr::Column(column)),
        other => {
            let name = other.schema_name().to_string();
            (name, other)
        }
    };
    let expr = expr.transform_down(|node| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        Ok(match inner.get(&column.name) {
            Some(replacement) => {
                Transformed::new(replacement.clone(), true, TreeNodeRecursion::Jump)
            }
            None => Transformed::no(node),
        })
    })?;
    Ok((name, expr.data))
}

/// A column of the cost table gets the catalogue's type, whatever the SQL came to.
fn typed(name: &str, expr: Expr) -> Expr {
    match billhook_focus::columns::find(name) {
        Some(column) if column.column_type != ColumnType::Map => {
            datafusion::logical_expr::cast(expr, column.column_type.arrow())
        }
        _ => expr,
    }
}

/// A combination of groups under construction.
struct Building {
    groups: Vec<usize>,
    inputs: Vec<Input>,
    fields: Vec<Field>,
    keys: HashMap<Expr, usize>,
    slots: Vec<Arc<dyn datafusion::physical_expr::PhysicalExpr>>,
}

impl Building {
    fn add(&mut self, input: Input, field: &Field) {
        if !self.inputs.contains(&input) {
            self.inputs.push(input);
            self.fields.push(field.clone());
        }
    }

    fn finish(self) -> Combo {
        Combo::new(self.groups, self.inputs, Schema::new(self.fields), self.slots)
    }
}

struct Stage<'a> {
    state: &'a SessionState,
    schema: &'a DFSchema,
    sources: HashMap<String, &'a Source>,
    combos: Vec<Building>,
    row_fields: Vec<Field>,
    row_inputs: Vec<RowInput>,
    binding: &'a Binding,
}

impl Stage<'_> {
    /// Puts constants in for parameters and for columns that the file does not have, then
    /// simplifies, so that branches which cannot happen here cost nothing.
    fn settle(&self, expr: Expr, parameters: &[(&str, ScalarValue)]) -> Result<Expr, ProjectError> {
        let expr = expr.transform(|node| {
            let Expr::Column(column) = node else { return Ok(Transformed::no(node)) };
            if let Some((_, value)) = parameters.iter().find(|(name, _)| *name == column.name) {
                return Ok(Transformed::yes(Expr::Literal(value.clone(), None)));
            }
            let missing = self.sources.get(&column.name).is_some_and(|s| s.place.is_none());
            if missing {
                let field = &self.sources[&column.name].field;
                let null = ScalarValue::try_from(field.data_type())?;
                return Ok(Transformed::yes(Expr::Literal(null, None)));
            }
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name))))
        })?;
        let context = datafusion::logical_expr::simplify::SimplifyContext::builder()
            .with_schema(Arc::new(self.schema.clone()))
            .with_config_options(Arc::clone(self.state.config_options()))
            .build();
        let simplifier = datafusion::optimizer::simplify_expressions::ExprSimplifier::new(context);
        let expr = simplifier.coerce(expr.data, self.schema)?;
        Ok(simplifier.simplify(expr)?)
    }

    /// Finds out where each output is evaluated. Expressions over rows are put in terms of other
    /// outputs where they contain those, and evaluated in rounds.
    fn place_all(&mut self, exprs: Vec<Expr>) -> Result<(Vec<Output>, Vec<Round>), ProjectError> {
        let mut first: HashMap<Expr, usize> = HashMap::new();
        for (index, expr) in exprs.iter().enumerate() {
            if self.reads(expr).row && !matches!(expr, Expr::Column(_)) {
                first.entry(expr.clone()).or_insert(index);
            }
        }
        let types: Vec<_> =
            exprs.iter().map(|expr| expr.get_type(self.schema)).collect::<Result<_, _>>()?;
        let mut outputs: Vec<Option<Output>> = Vec::new();
        let mut waiting: Vec<(usize, Expr, BTreeSet<usize>)> = Vec::new();
        for (index, expr) in exprs.into_iter().enumerate() {
            outputs.push(None);
            if !self.reads(&expr).row {
                let (combo, slot) = self.combo_slot(expr)?;
                let is_same = |output: &Option<Output>| match output {
                    Some(Output::Combo(c, s)) => (*c, *s) == (combo, slot),
                    _ => false,
                };
                let same = outputs.iter().position(is_same);
                outputs[index] = Some(same.map_or(Output::Combo(combo, slot), Output::Same));
            } else if let Some(&same) = first.get(&expr).filter(|&&same| same < index) {
                outputs[index] = Some(Output::Same(same));
            } else {
                let mut needs = BTreeSet::new();
                let expr = expr.transform_down(|node| match first.get(&node) {
                    Some(&other) if other != index => {
                        needs.insert(other);
                        let column = Column::new_unqualified(output_name(other));
                        Ok(Transformed::new(Expr::Column(column), true, TreeNodeRecursion::Jump))
                    }
                    _ => Ok(Transformed::no(node)),
                })?;
                waiting.push((index, expr.data, needs));
            }
        }
        let mut rounds = Vec::new();
        while !waiting.is_empty() {
            // An expression contains only smaller ones, so there is always one that is ready.
            let is_ready = |needs: &BTreeSet<usize>| needs.iter().all(|&n| outputs[n].is_some());
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, _, needs)| is_ready(needs));
            waiting = later;
            let mut evaluated = Vec::new();
            for (index, expr, needs) in ready {
                for other in needs {
                    self.add_row_output(other, types[other].clone());
                }
                outputs[index] = Some(self.place_row(expr)?);
                evaluated.push(index);
            }
            let inputs = Arc::new(Schema::new(self.row_fields.clone()));
            rounds.push(Round { outputs: evaluated, inputs });
        }
        Ok((outputs.into_iter().flatten().collect(), rounds))
    }

    /// Makes an output that was evaluated in an earlier round a column of the row stage.
    fn add_row_output(&mut self, index: usize, data_type: arrow::datatypes::DataType) {
        let name = output_name(index);
        if !self.row_fields.iter().any(|field| *field.name() == name) {
            self.row_fields.push(Field::new(name, data_type, true));
            self.row_inputs.push(RowInput::Output(index));
        }
    }

    fn place_row(&mut self, expr: Expr) -> Result<Output, ProjectError> {
        let mut hoisted = Vec::new();
        let expr = expr.transform_down(|node| {
            let reads = self.reads(&node);
            if reads.row || reads.groups.is_empty() {
                return Ok(Transformed::no(node));
            }
            let name = format!("\u{1}{}", hoisted.len());
            let column = Expr::Column(Column::new_unqualified(name.clone()));
            hoisted.push((name, node));
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })?;
        let mut renamed = HashMap::new();
        for (name, node) in hoisted {
            let field = Field::new("", node.get_type(self.schema)?, true);
            let (combo, slot) = self.combo_slot(node)?;
            let input = format!("gathered {combo} {slot}");
            if !self.row_fields.iter().any(|f| *f.name() == input) {
                self.row_fields.push(field.with_name(input.clone()));
                self.row_inputs.push(RowInput::Gathered { combo, slot });
            }
            renamed.insert(name, input);
        }
        let expr = expr.data.transform(|node| {
            let Expr::Column(column) = node else { return Ok(Transformed::no(node)) };
            let name = renamed.get(&column.name).cloned().unwrap_or(column.name);
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
        })?;
        self.add_row_columns(&expr.data);
        // Earlier expressions read by position, and columns are only ever added at the end.
        let schema = DFSchema::try_from(Schema::new(self.row_fields.clone()))?;
        Ok(Output::Row(self.state.create_physical_expr(expr.data, &schema)?))
    }

    fn add_row_columns(&mut self, expr: &Expr) {
        let mut names: Vec<String> =
            expr.column_refs().into_iter().map(|column| column.name.clone()).collect();
        names.sort();
        for name in names {
            let Some(source) = self.sources.get(&name) else { continue };
            if self.row_fields.iter().any(|f| *f.name() == name) {
                continue;
            }
            if let Some((Place::Row, Item::Known(known))) = source.place {
                let column = &self.binding.format.known[known];
                self.row_fields.push(source.field.clone());
                self.row_inputs.push(match column.kind {
                    Kind::Money => RowInput::Money(column.header),
                    _ => RowInput::Text(known),
                });
            }
        }
    }

    /// The slot in which an expression over grouped columns is evaluated.
    fn combo_slot(&mut self, expr: Expr) -> Result<(usize, usize), ProjectError> {
        let reads = self.reads(&expr);
        // A constant belongs to any combination; the one of the first group always exists.
        let groups: Vec<usize> =
            if reads.groups.is_empty() { vec![0] } else { reads.groups.into_iter().collect() };
        if groups.len() > MAX_GROUPS {
            return Err(ProjectError::Shape(format!(
                "an expression reads {} groups",
                groups.len()
            )));
        }
        let index = self.combos.iter().position(|c| c.groups == groups).unwrap_or_else(|| {
            self.combos.push(Building {
                groups: groups.clone(),
                inputs: Vec::new(),
                fields: Vec::new(),
                keys: HashMap::new(),
                slots: Vec::new(),
            });
            self.combos.len() - 1
        });
        if let Some(&slot) = self.combos[index].keys.get(&expr) {
            return Ok((index, slot));
        }
        let key = expr.clone();
        let expr = if groups.len() > 1 { self.hoist_parts(index, expr)? } else { expr };
        let mut names: Vec<String> =
            expr.column_refs().into_iter().map(|column| column.name.clone()).collect();
        names.sort();
        for name in names {
            let Some(source) = self.sources.get(&name) else { continue };
            if let Some((Place::Group(group), item)) = source.place {
                self.combos[index].add(Input::Item(group, item), &source.field);
            }
        }
        let combo = &mut self.combos[index];
        let schema = DFSchema::try_from(Schema::new(combo.fields.clone()))?;
        combo.slots.push(self.state.create_physical_expr(expr, &schema)?);
        combo.keys.insert(key, combo.slots.len() - 1);
        Ok((index, combo.slots.len() - 1))
    }

    /// In an expression over several groups, has the parts that read one group alone evaluated for
    /// that group's tuples: there are far fewer of them than combinations. So a combination only
    /// reads what others evaluated.
    fn hoist_parts(&mut self, index: usize, expr: Expr) -> Result<Expr, ProjectError> {
        let mut parts = Vec::new();
        let expr = expr.transform_down(|node| {
            if self.reads(&node).groups.len() != 1 {
                return Ok(Transformed::no(node));
            }
            let name = format!("part {} {}", self.combos[index].slots.len(), parts.len());
            let column = Expr::Column(Column::new_unqualified(name.clone()));
            parts.push((name, node));
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })?;
        let mut renamed = HashMap::new();
        for (name, part) in parts {
            let field = Field::new(name.clone(), part.get_type(self.schema)?, true);
            let group = self.reads(&part).groups.first().copied().unwrap_or_default();
            let (combo, slot) = self.combo_slot(part)?;
            let input = Input::Slot { group, combo, slot };
            let building = &mut self.combos[index];
            if let Some(known) = building.inputs.iter().position(|other| *other == input) {
                renamed.insert(name, building.fields[known].name().clone());
            } else {
                building.inputs.push(input);
                building.fields.push(field);
            }
        }
        let expr = expr.data.transform(|node| match node {
            Expr::Column(column) => {
                let name = renamed.get(&column.name).cloned().unwrap_or(column.name);
                Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(expr.data)
    }

    fn reads(&self, expr: &Expr) -> Reads {
        let mut reads = Reads { groups: BTreeSet::new(), row: false };
        for column in expr.column_refs() {
            match self.sources.get(&column.name).and_then(|source| source.place) {
                Some((Place::Group(group), _)) => {
                    reads.groups.insert(group);
                }
                _ => reads.row = true,
            }
        }
        reads
    }
}

/// Name in the row stage of the output at `index`.
fn output_name(index: usize) -> String {
    format!("output {index}")
}

struct Reads {
    groups: BTreeSet<usize>,
    row: bool,
}

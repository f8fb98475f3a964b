//! The view that the queries of the FOCUS specification read.

use std::sync::Arc;

use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

/// Its name, as the specification writes it.
const NAME: &str = "focus_data_table";

/// Columns that FOCUS 1.3 puts in place of provider and publisher. Where the source has none:
/// FOCUS 1.3 says that who produced a service provides it, also when a marketplace sells it, and
/// that it runs with its provider when nobody tells where else.
const PROVIDERS: [(&str, &str); 2] = [
    ("ServiceProviderName", "coalesce(x_ServiceProviderName, PublisherName, ProviderName)"),
    (
        "HostProviderName",
        "coalesce(x_HostProviderName, x_ServiceProviderName, PublisherName, ProviderName)",
    ),
];

/// Other columns of FOCUS 1.3 and 1.4: as delivered, if they are.
const DELIVERED: [&str; 8] = [
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "CommitmentProgramEligibilityDetails",
    "ContractApplied",
    "InvoiceDetailId",
];

/// Makes the view: the FOCUS columns of `costs`, and after them those of newer versions.
///
/// # Errors
/// When `costs` lacks what it is made of.
pub(crate) async fn register(context: &SessionContext) -> Result<(), DataFusionError> {
    let costs = context.table_provider("costs").await?.schema();
    let names = costs.fields().iter().map(|field| field.name());
    let own = names.filter(|name| !name.starts_with("x_")).map(|name| format!("\"{name}\""));
    let providers = PROVIDERS.iter().map(|(name, value)| format!("{value} AS \"{name}\""));
    let delivered = DELIVERED.iter().map(|name| format!("x_Extra['{name}'] AS \"{name}\""));
    let columns: Vec<String> = own.chain(providers).chain(delivered).collect();
    let sql = format!("SELECT {} FROM costs", columns.join(", "));
    let plan = Box::pin(context.sql(&sql)).await?.into_unoptimized_plan();
    context.register_table(NAME, Arc::new(ViewTable::new(plan, None)))?;
    Ok(())
}

//! The queries that the FOCUS specification publishes with its supported features, over the wire.
//!
//! Source: <https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec>, the folder
//! `specification/supported_features`, all versions of its pages up to the draft of 1.5. Copyright
//! (c) Joint Development Foundation Projects, LLC, FinOps Open Cost and Usage Specification (FOCUS)
//! Series and its contributors, licensed under CC-BY-4.0,
//! <https://creativecommons.org/licenses/by/4.0/>. The texts are as published, with `$1` and so on
//! for `?` and for an example's name in angle brackets; where `mended` says why, no database could
//! run them, and that was changed.
//!
//! Left out: what reads other datasets than `CostAndUsage` (`invoice_reconciliation`,
//! `rate_optimization_and_contract_evaluation`, `recommendations`, most of
//! `catalog_discovery_and_price_estimation`), what is written in the functions of `BigQuery`
//! (`contract_commitments`, `commitment_program_eligibility_details`, `ai_model_billing`) or with
//! `JSON_TABLE`, `custom_columns`, which orders by a column that it does not have, and two drafts
//! that divide by a cost which may be 0 (`charge_categorization`, `cost_comparison`).

mod focus_1_2;
mod focus_1_3;

/// A query.
pub(crate) struct UseCase {
    /// The page that it is on.
    pub(crate) page: &'static str,
    /// Why it had to be changed.
    pub(crate) mended: Option<&'static str>,
    /// The query.
    pub(crate) sql: &'static str,
    /// Its parameters.
    pub(crate) parameters: &'static [&'static str],
}

const START: &str = "2026-08-01T00:00:00Z";
const END: &str = "2026-10-01T00:00:00Z";

/// Found in the bills before the query is run.
pub(crate) const SUB_ACCOUNT: &str = "SubAccountId";
/// See [`SUB_ACCOUNT`].
pub(crate) const PROVIDER: &str = "ProviderName";
/// See [`SUB_ACCOUNT`].
pub(crate) const SKU_PRICE: &str = "SkuPriceId";

/// All of them.
pub(crate) fn use_cases() -> Vec<UseCase> {
    focus_1_2::USE_CASES.into_iter().chain(focus_1_3::USE_CASES).collect()
}

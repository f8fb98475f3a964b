//! Of the pages up to 1.2, as published then and in the drafts that led to them.

use super::{END, PROVIDER, SKU_PRICE, START, SUB_ACCOUNT, UseCase};

pub(crate) const USE_CASES: [UseCase; 26] = [
    UseCase {
        page: "account_structures",
        mended: Some("columns were missing in GROUP BY"),
        sql: "\
SELECT
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountId,
  SubAccountName,
  SubAccountType,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
GROUP BY
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountId,
  SubAccountName,
  SubAccountType",
        parameters: &[START, END],
    },
    UseCase {
        page: "account_structures",
        mended: Some("columns were missing in GROUP BY"),
        sql: "\
SELECT
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountId,
  SubAccountName,
  SubAccountType,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
Group by
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountType,
  ServiceName,
  SubAccountId,
  SubAccountName,
  ChargePeriodStart",
        parameters: &[START, END],
    },
    UseCase {
        page: "account_structures",
        mended: Some("columns were missing in GROUP BY"),
        sql: "\
SELECT
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountId,
  SubAccountName,
  SubAccountType,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
    AND SubAccountId = $3
Group by
  BillingAccountId,
  BillingAccountName,
  BillingAccountType,
  SubAccountType,
  ServiceName,
  SubAccountId,
  SubAccountName,
  ChargePeriodStart",
        parameters: &[START, END, SUB_ACCOUNT],
    },
    UseCase {
        page: "account_structures",
        mended: None,
        sql: "\
SELECT
  SubAccountID,
  SubAccountName,
  ChargePeriodStart,
  ServiceName,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
    AND SubAccountId = $3
Group by
  ServiceName,
  SubAccountId,
  SubAccountName,
  ChargePeriodStart",
        parameters: &[START, END, SUB_ACCOUNT],
    },
    UseCase {
        page: "account_structures",
        mended: None,
        sql: "\
SELECT
  SubAccountID,
  SubAccountName,
  ChargePeriodStart,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
    AND SubAccountId = $3
Group by
  ServiceName,
  SubAccountId,
  SubAccountName,
  ChargePeriodStart",
        parameters: &[START, END, SUB_ACCOUNT],
    },
    UseCase {
        page: "billed_cost_and_invoice_alignment",
        mended: None,
        sql: "\
SELECT
  BillingPeriodStart,
  BillingPeriodEnd,
  InvoiceId,
  SUM(BilledCost)
FROM focus_data_table
GROUP BY
  BillingPeriodStart,
  BillingPeriodEnd,
  InvoiceId",
        parameters: &[],
    },
    UseCase {
        page: "billed_cost_and_invoice_alignment",
        mended: None,
        sql: "\
SELECT
  ChargePeriodStart,
  ChargePeriodEnd,
  SUM(BilledCost)
FROM focus_data_table
Group by
  ChargePeriodStart,
  ChargePeriodEnd",
        parameters: &[],
    },
    UseCase {
        page: "charge_categorization",
        mended: None,
        sql: "\
SELECT
  MIN(ChargePeriodStart) AS ChargePeriodStart,
  MAX(ChargePeriodEnd) AS ChargePeriodEnd,
  ProviderName,
  BillingAccountId,
  CommitmentDiscountId,
  CommitmentDiscountType,
  CommitmentDiscountUnit,
  CommitmentDiscountQuantity,
  ChargeFrequency,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE ChargePeriodStart >= $1 AND ChargePeriodEnd < $2
  AND ChargeCategory = 'Purchase'
  AND CommitmentDiscountId IS NOT NULL
GROUP BY
  ProviderName,
  BillingAccountId,
  CommitmentDiscountId,
  CommitmentDiscountType,
  CommitmentDiscountUnit,
  CommitmentDiscountQuantity,
  ChargeFrequency",
        parameters: &[START, END],
    },
    UseCase {
        page: "charge_categorization",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  BillingAccountId,
  ChargeCategory,
  ServiceCategory,
  ServiceName,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
  AND ChargeClass = 'Correction'
GROUP BY
  ProviderName,
  BillingAccountId,
  ChargeCategory,
  ServiceCategory,
  ServiceName",
        parameters: &[START, END],
    },
    UseCase {
        page: "charge_categorization",
        mended: None,
        sql: "\
SELECT
  BillingPeriodStart,
  CommitmentDiscountId,
  CommitmentDiscountName,
  CommitmentDiscountType,
  ChargeFrequency,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE BillingPeriodStart  >= $1 AND BillingPeriodStart < $2
  AND ChargeFrequency = 'Recurring'
  AND CommitmentDiscountId IS NOT NULL
GROUP BY
  BillingPeriodStart,
  CommitmentDiscountId,
  CommitmentDiscountName,
  CommitmentDiscountType,
  ChargeFrequency",
        parameters: &[START, END],
    },
    UseCase {
        page: "commit_usage_and_under_usage",
        mended: Some("a column was missing in GROUP BY"),
        sql: "\
SELECT
  ProviderName,
  BillingAccountId,
  CommitmentDiscountId,
  CommitmentDiscountType,
  CommitmentDiscountStatus,
  SUM(BilledCost) AS TotalBilledCost,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargePeriodStart >= $1 AND ChargePeriodEnd < $2
  AND CommitmentDiscountStatus = 'Unused'
GROUP BY
  ProviderName,
  BillingAccountId,
  CommitmentDiscountId,
  CommitmentDiscountType,
  CommitmentDiscountStatus",
        parameters: &[START, END],
    },
    UseCase {
        page: "commit_usage_and_under_usage",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  BillingAccountId,
  CapacityReservationId,
  CapacityReservationStatus,
  SUM(BilledCost) AS TotalBilledCost,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargePeriodStart >= $1 AND ChargePeriodEnd < $2
  AND CapacityReservationStatus = 'Unused'
GROUP BY
  ProviderName,
  BillingAccountId,
  CapacityReservationId,
  CapacityReservationStatus",
        parameters: &[START, END],
    },
    UseCase {
        page: "compare_billed_and_effective_costs",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  BillingAccountId,
  BillingAccountName,
  BillingCurrency,
  ServiceName,
  SUM(EffectiveCost) AS TotalEffectiveCost,
  SUM(BilledCost) AS TotalBilledCost,
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
  AND ChargeClass != 'Correction'
GROUP BY
  ProviderName,
  BillingAccountId,
  BillingAccountName,
  BillingCurrency,
  ServiceName",
        parameters: &[START, END],
    },
    UseCase {
        page: "compare_billed_cost_per_subaccount_to_budget",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  SubAccountId,
  SubAccountName,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE ChargeCategory = 'Usage'
  AND ChargePeriodStart >= $1 and ChargePeriodEnd <= $2
  AND ProviderName = $3
  AND SubAccountId = $4
GROUP BY
  ProviderName,
  SubAccountId,
  SubAccountName",
        parameters: &[START, END, PROVIDER, SUB_ACCOUNT],
    },
    UseCase {
        page: "cost_and_usage_attribution",
        mended: None,
        sql: "\
SELECT
  tags,
  ConsumedUnit,
  SUM(BilledCost),
  SUM(EffectiveCost),
  SUM(ConsumedQuantity)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
GROUP BY
  tags,
  ConsumedUnit",
        parameters: &[START, END],
    },
    UseCase {
        page: "cost_and_usage_attribution",
        mended: None,
        sql: "\
SELECT
  tags,
  SUM(BilledCost)
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
GROUP BY
  tags",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_granularity",
        mended: None,
        sql: "\
SELECT
  ChargePeriodStart,
  ChargePeriodEnd,
  ResourceId,
  SUM(EffectiveCost)
FROM focus_data_table
Group by
  ChargePeriodStart,
  ChargePeriodEnd,
  ResourceId",
        parameters: &[],
    },
    UseCase {
        page: "effective_cost",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  BillingPeriodStart,
  BillingPeriodEnd,
  ServiceCategory,
  ServiceName,
  RegionId,
  RegionName,
  PricingUnit,
  SUM(EffectiveCost) AS TotalEffectiveCost,
  SUM(PricingQuantity) AS TotalPricingQuantity
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd <= $2
GROUP BY
  ProviderName,
  BillingPeriodStart,
  BillingPeriodEnd,
  ServiceCategory,
  ServiceName,
  RegionId,
  RegionName,
  PricingUnit",
        parameters: &[START, END],
    },
    UseCase {
        page: "location",
        mended: None,
        sql: "\
SELECT
  RegionId,
  RegionName,
  AvailabilityZone,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
GROUP BY
  RegionId,
  RegionName,
  AvailabilityZone",
        parameters: &[START, END],
    },
    UseCase {
        page: "marketplace_purchases",
        mended: Some("columns have other names"),
        sql: "\
SELECT
  ProviderName,
  InvoiceIssuerName,
  BillingPeriodStart,
  BillingPeriodEnd,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE ProviderName = $1
  AND InvoiceIssuerName = $2
GROUP BY
  ProviderName,
  InvoiceIssuerName,
  BillingPeriodStart,
  BillingPeriodEnd",
        parameters: &[PROVIDER, PROVIDER],
    },
    UseCase {
        page: "marketplace_purchases",
        mended: Some("a column has another name"),
        sql: "\
SELECT
  ChargePeriodStart,
  ChargePeriodEnd,
  ResourceId,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE InvoiceIssuerName = $1
GROUP BY
  ChargePeriodStart,
  ChargePeriodEnd,
  ResourceId",
        parameters: &[PROVIDER],
    },
    UseCase {
        page: "provider_services",
        mended: Some("ORDER BY named no column"),
        sql: "\
SELECT
  BillingPeriodStart,
  ProviderName,
  SubAccountId,
  SubAccountName,
  ServiceName,
  SUM(BilledCost) AS TotalBilledCost,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ServiceName = $1
  AND BillingPeriodStart >= $2 AND BillingPeriodStart < $3
GROUP BY
  BillingPeriodStart,
  ProviderName,
  SubAccountId,
  SubAccountName,
  ServiceName
ORDER BY TotalBilledCost DESC",
        parameters: &["Amazon Elastic Compute Cloud", START, END],
    },
    UseCase {
        page: "resource_usage",
        mended: None,
        sql: "\
SELECT
  ProviderName,
  ServiceName,
  ResourceId,
  SkuId,
  ConsumedUnit,
  SUM(ConsumedQuantity) AS TotalQuantity
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
GROUP BY
  ProviderName,
  ServiceName,
  ResourceId,
  SkuId,
  ConsumedUnit",
        parameters: &[START, END],
    },
    UseCase {
        page: "service_categorization",
        mended: None,
        sql: "\
SELECT
  BillingPeriodStart,
  BillingPeriodEnd,
  ProviderName,
  ServiceCategory,
  ServiceSubcategory,
  ServiceName,
  BillingCurrency,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE BillingPeriodStart >= $1 and BillingPeriodEnd < $2
GROUP BY
  BillingPeriodStart,
  BillingPeriodEnd,
  ProviderName,
  ServiceCategory,
  ServiceSubcategory,
  ServiceName,
  BillingCurrency",
        parameters: &[START, END],
    },
    UseCase {
        page: "verify_compare_track_unit_prices",
        mended: Some("BillingPeriodId is none of the columns"),
        sql: "\
SELECT DISTINCT
  SkuId,
  SkuPriceId,
  SkuPriceDetails,
  BillingPeriodStart,
  ChargePeriodStart,
  ChargePeriodEnd,
  BillingCurrency,
  ListUnitPrice,
  ContractedUnitPrice
FROM focus_data_table
WHERE
  SkuPriceId = $1
  AND ChargePeriodStart >= $2
  AND ChargePeriodEnd < $3",
        parameters: &[SKU_PRICE, START, END],
    },
    UseCase {
        page: "verify_compare_track_unit_prices",
        mended: Some("BillingPeriodId is none of the columns"),
        sql: "\
SELECT DISTINCT
  SkuPriceId,
  BillingPeriodStart,
  ChargePeriodStart,
  ChargePeriodEnd,
  BillingCurrency,
  ListUnitPrice,
  ContractedUnitPrice
FROM focus_data_table
WHERE
  SkuPriceId = $1
  AND ChargePeriodStart >= $2
  AND ChargePeriodEnd < $3",
        parameters: &[SKU_PRICE, START, END],
    },
];

//! Of the pages since 1.3.

use super::{END, START, UseCase};

pub(crate) const USE_CASES: [UseCase; 18] = [
    UseCase {
        page: "charge_categorization",
        mended: None,
        sql: "\
SELECT
  MIN(ChargePeriodStart) AS ChargePeriodStart,
  MAX(ChargePeriodEnd) AS ChargePeriodEnd,
  ServiceProviderName,
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
  ServiceProviderName,
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
  ServiceProviderName,
  BillingAccountId,
  ChargeCategory,
  ServiceCategory,
  ServiceName,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE BillingPeriodStart >= $1 AND BillingPeriodEnd < $2
  AND ChargeClass = 'Correction'
GROUP BY
  ServiceProviderName,
  BillingAccountId,
  ChargeCategory,
  ServiceCategory,
  ServiceName",
        parameters: &[START, END],
    },
    UseCase {
        page: "commit_usage_and_under_usage",
        mended: None,
        sql: "\
SELECT
  ServiceProviderName,
  BillingAccountId,
  CapacityReservationId,
  CapacityReservationStatus,
  SUM(BilledCost) AS TotalBilledCost,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargePeriodStart >= $1 AND ChargePeriodEnd < $2
  AND CapacityReservationStatus = 'Unused'
GROUP BY
  ServiceProviderName,
  BillingAccountId,
  CapacityReservationId,
  CapacityReservationStatus",
        parameters: &[START, END],
    },
    UseCase {
        page: "cost_comparison",
        mended: None,
        sql: "\
WITH AggregatedData AS (
  SELECT
    ServiceProviderName,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    ServiceName,
    SUM(EffectiveCost) AS TotalEffectiveCost,
    SUM(BilledCost) AS TotalBilledCost,
    SUM(CASE
          WHEN ChargeCategory = 'Usage' AND BilledCost = 0 AND EffectiveCost != 0
          THEN 0
          ELSE ContractedCost
        END) AS TotalContractedCost,
    SUM(CASE
          WHEN ChargeCategory = 'Usage' AND BilledCost = 0 AND EffectiveCost != 0
          THEN 0
          ELSE ListCost
        END) AS TotalListCost
  FROM focus_data_table
  WHERE BillingPeriodStart >= $1
    AND BillingPeriodEnd < $2
    AND ChargeClass IS NULL
  GROUP BY
    ServiceProviderName,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    ServiceName
)
SELECT ServiceProviderName,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    ServiceName,
    TotalEffectiveCost,
    TotalBilledCost,
    TotalListCost,
    1 - (TotalContractedCost / NULLIF(TotalListCost, 0)) * 100 AS ContractedDiscount,
    1 - (TotalEffectiveCost / NULLIF(TotalListCost, 0)) * 100 AS EffectiveDiscount
FROM AggregatedData",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_generator_calculated_split_cost_allocation",
        mended: None,
        sql: "\
SELECT
  DISTINCT ResourceId
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
  AND AllocatedMethodId IS NOT NULL",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_generator_calculated_split_cost_allocation",
        mended: None,
        sql: "\
SELECT
  ResourceId,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
  AND AllocatedMethodId IS NOT NULL
GROUP BY
  ResourceId",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_generator_calculated_split_cost_allocation",
        mended: None,
        sql: "\
SELECT
  AllocatedResourceId,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
  AND AllocatedMethodId IS NOT NULL
GROUP BY
  AllocatedResourceId",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_generator_calculated_split_cost_allocation",
        mended: None,
        sql: "\
SELECT
  ResourceId,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
  AND AllocatedMethodId IS NOT NULL AND AllocatedResourceId IS NULL
GROUP BY
  ResourceId",
        parameters: &[START, END],
    },
    UseCase {
        page: "data_generator_calculated_split_cost_allocation",
        mended: None,
        sql: "\
SELECT
  ResourceId,
  COALESCE(AllocatedResourceId, 'Unallocated') AS AllocatedResourceId,
  SUM(EffectiveCost) AS TotalEffectiveCost
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
  AND AllocatedResourceId = $3
GROUP BY
  ResourceId,
  COALESCE(AllocatedResourceId, 'Unallocated')",
        parameters: &[START, END, "pod-a"],
    },
    UseCase {
        page: "effective_cost",
        mended: None,
        sql: "\
SELECT
  ServiceProviderName,
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
  ServiceProviderName,
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
        page: "marketplace_purchases",
        mended: None,
        sql: "\
SELECT
  ServiceProviderName,
  InvoiceIssuerName,
  BillingPeriodStart,
  BillingPeriodEnd,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE ServiceProviderName = $1
  AND InvoiceIssuerName = $2
GROUP BY
  ServiceProviderName,
  InvoiceIssuerName,
  BillingPeriodStart,
  BillingPeriodEnd",
        parameters: &["Fabrikam", "Contoso Marketplace"],
    },
    UseCase {
        page: "marketplace_purchases",
        mended: None,
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
        parameters: &["Contoso Marketplace"],
    },
    UseCase {
        page: "participating_entity_identification",
        mended: None,
        sql: "\
SELECT
  BillingPeriodStart,
  BillingPeriodEnd,
  ServiceProviderName,
  InvoiceIssuerName,
  HostProviderName,
  ServiceName,
  BillingCurrency,
  SUM(BilledCost) AS TotalBilledCost
FROM focus_data_table
WHERE BillingPeriodStart >= $1 and BillingPeriodEnd < $2
GROUP BY
  BillingPeriodStart,
  BillingPeriodEnd,
  ServiceProviderName,
  InvoiceIssuerName,
  HostProviderName,
  ServiceName,
  BillingCurrency",
        parameters: &[START, END],
    },
    UseCase {
        page: "resource_usage",
        mended: None,
        sql: "\
SELECT
  ServiceProviderName,
  ServiceName,
  ResourceId,
  SkuId,
  ConsumedUnit,
  SUM(ConsumedQuantity) AS TotalQuantity
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
GROUP BY
  ServiceProviderName,
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
  ServiceProviderName,
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
  ServiceProviderName,
  ServiceCategory,
  ServiceSubcategory,
  ServiceName,
  BillingCurrency",
        parameters: &[START, END],
    },
    UseCase {
        page: "ai_billing (draft of 1.5)",
        mended: None,
        sql: "\
SELECT
  ServiceProviderName,
  SkuId,
  SkuPriceId,
  SkuMeter,
  BillingCurrency,
  SUM(ConsumedQuantity) AS TotalTokens,
  SUM(EffectiveCost) AS TotalEffectiveCost,
  SUM(EffectiveCost) * 1000000 / NULLIF(SUM(ConsumedQuantity), 0) AS EffectiveCostPerMillionTokens
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ServiceCategory='AI and Machine Learning'
  AND ConsumedUnit='Tokens'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
GROUP BY
  ServiceProviderName,
  SkuId,
  SkuPriceId,
  SkuMeter,
  BillingCurrency",
        parameters: &[START, END],
    },
    UseCase {
        page: "ai_billing (draft of 1.5)",
        mended: None,
        sql: "\
SELECT
  ChargePeriodStart,
  InvoiceIssuerName,
  ServiceProviderName,
  ServiceName,
  SkuMeter,
  SUM(ConsumedQuantity) AS TotalTokens
FROM focus_data_table
WHERE ChargeCategory='Usage'
  AND ServiceCategory='AI and Machine Learning'
  AND ConsumedUnit='Tokens'
  AND ChargePeriodStart >= $1 AND ChargePeriodEnd <= $2
GROUP BY
  ChargePeriodStart,
  InvoiceIssuerName,
  ServiceProviderName,
  ServiceName,
  SkuMeter",
        parameters: &[START, END],
    },
    UseCase {
        page: "service_provider_services (draft of 1.5)",
        mended: None,
        sql: "\
SELECT
  BillingPeriodStart,
  ServiceProviderName,
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
  ServiceProviderName,
  SubAccountId,
  SubAccountName,
  ServiceName
ORDER BY TotalBilledCost DESC",
        parameters: &["Nodes", START, END],
    },
];

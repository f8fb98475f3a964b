-- The yardstick of `cargo xtask bench ingest`: FOCUS 1.2 from a legacy CUR as one would write it in
-- DuckDB, by the same rules as the mapping of the `cur` source, as far as one row allows.
-- What is left out costs Billhook time and not DuckDB: the second row of a commitment fee, look-ups
-- of service categories and region names beyond a few, provenance, quarantine, the sums of the
-- gate, the roll-up, the ledger of changes and the commit.
-- {tags}, {cost_categories} and {sku_price_details} are JSON text built from the header at hand
-- (focus_duckdb.py), where Billhook stores maps: in DuckDB maps would take twice as long.
WITH typed AS (
  SELECT
    *,
    coalesce("lineItem/UnblendedCost", '0')::DECIMAL(38, 18) AS unblended,
    "lineItem/BlendedCost"::DECIMAL(38, 18) AS blended,
    "lineItem/NetUnblendedCost"::DECIMAL(38, 18) AS net_unblended,
    "lineItem/UsageAmount"::DECIMAL(38, 18) AS usage_amount,
    "lineItem/UnblendedRate"::DECIMAL(38, 18) AS unblended_rate,
    "pricing/publicOnDemandCost"::DECIMAL(38, 18) AS on_demand_cost,
    "pricing/publicOnDemandRate"::DECIMAL(38, 18) AS on_demand_rate,
    coalesce("reservation/EffectiveCost", '0')::DECIMAL(38, 18) AS reservation_effective,
    coalesce("reservation/NetEffectiveCost", "reservation/EffectiveCost", '0')
      ::DECIMAL(38, 18) AS net_reservation_effective,
    coalesce("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", '0')::DECIMAL(38, 18)
      + coalesce("reservation/UnusedRecurringFee", '0')::DECIMAL(38, 18)
      AS reservation_unused,
    coalesce("savingsPlan/SavingsPlanEffectiveCost", '0')::DECIMAL(38, 18) AS plan_effective,
    coalesce("savingsPlan/NetSavingsPlanEffectiveCost",
      "savingsPlan/SavingsPlanEffectiveCost", '0')::DECIMAL(38, 18) AS net_plan_effective,
    coalesce("savingsPlan/TotalCommitmentToDate", '0')::DECIMAL(38, 18)
      - coalesce("savingsPlan/UsedCommitment", '0')::DECIMAL(38, 18) AS plan_unused,
    CASE "pricing/unit"
      WHEN 'Hrs' THEN 'Hours'
      WHEN 'GB-Mo' THEN 'GB-Months'
      ELSE "pricing/unit"
    END AS unit,
    "lineItem/LineItemType" AS kind,
    coalesce("savingsPlan/SavingsPlanARN", "reservation/ReservationARN") AS commitment
  FROM cur
),
costed AS (
  SELECT
    *,
    CASE
      WHEN kind = 'Tax' THEN 'Tax'
      WHEN kind = 'Credit' THEN 'Credit'
      WHEN kind IN ('RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee') THEN 'Purchase'
      WHEN kind = 'Refund' AND "lineItem/TaxType" IS NOT NULL THEN 'Tax'
      WHEN kind IN ('Fee', 'Refund') AND commitment IS NOT NULL THEN 'Purchase'
      WHEN kind IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation',
        'Fee', 'FlatRateSubscription', 'Refund', 'Discount', 'BundledDiscount', 'EdpDiscount',
        'PrivateRateDiscount', 'SppDiscount', 'RiVolumeDiscount') THEN 'Usage'
      ELSE 'Adjustment'
    END AS category,
    CASE
      WHEN kind IN ('DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation') THEN 0
      ELSE coalesce(net_unblended, unblended)
    END AS billed,
    CASE
      WHEN kind = 'DiscountedUsage' THEN net_reservation_effective
      WHEN kind = 'SavingsPlanCoveredUsage' THEN net_plan_effective
      WHEN kind IN ('RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee',
        'SavingsPlanNegation') THEN 0
      WHEN kind IN ('Fee', 'Refund') AND commitment IS NOT NULL THEN 0
      ELSE coalesce(net_unblended, unblended)
    END AS effective,
    CASE
      WHEN kind IN ('Usage', 'DiscountedUsage') THEN coalesce(on_demand_cost, unblended)
      WHEN kind = 'SavingsPlanCoveredUsage' THEN coalesce(on_demand_cost, unblended)
      WHEN kind = 'SavingsPlanNegation' THEN 0
      ELSE coalesce(net_unblended, unblended)
    END AS list_cost,
    CASE
      WHEN kind = 'DiscountedUsage' THEN reservation_effective
      WHEN kind = 'SavingsPlanCoveredUsage' THEN plan_effective
      WHEN kind = 'SavingsPlanRecurringFee' THEN plan_unused
      WHEN kind = 'RIFee' THEN reservation_unused
      WHEN kind IN ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') THEN 0
      WHEN kind = 'Fee' AND "reservation/ReservationARN" IS NOT NULL THEN 0
      WHEN kind = 'Refund' AND "lineItem/ProductCode" = 'ComputeSavingsPlans'
        AND starts_with("lineItem/LineItemDescription",
          'Refund for one-time fee for Savings Plan ID') THEN 0
      ELSE unblended
    END AS amortized
  FROM typed
)
SELECT
  "lineItem/AvailabilityZone" AS AvailabilityZone,
  billed AS BilledCost,
  "bill/PayerAccountId" AS BillingAccountId,
  "bill/PayerAccountId" AS BillingAccountName,
  'Management Account' AS BillingAccountType,
  "lineItem/CurrencyCode" AS BillingCurrency,
  "bill/BillingPeriodEndDate"::TIMESTAMP AS BillingPeriodEnd,
  "bill/BillingPeriodStartDate"::TIMESTAMP AS BillingPeriodStart,
  NULL::VARCHAR AS CapacityReservationId,
  NULL::VARCHAR AS CapacityReservationStatus,
  category AS ChargeCategory,
  CASE WHEN kind = 'Refund' THEN 'Correction' END AS ChargeClass,
  coalesce("lineItem/LineItemDescription", '') AS ChargeDescription,
  CASE
    WHEN kind IN ('Tax', 'Credit', 'Refund', 'SavingsPlanUpfrontFee') THEN 'One-Time'
    WHEN kind = 'Fee' AND (commitment IS NOT NULL OR "bill/BillType" = 'Purchase') THEN 'One-Time'
    WHEN category = 'Purchase' OR kind IN ('Fee', 'FlatRateSubscription') THEN 'Recurring'
    WHEN category = 'Adjustment' THEN 'One-Time'
    ELSE 'Usage-Based'
  END AS ChargeFrequency,
  "lineItem/UsageEndDate"::TIMESTAMP AS ChargePeriodEnd,
  "lineItem/UsageStartDate"::TIMESTAMP AS ChargePeriodStart,
  CASE
    WHEN "savingsPlan/SavingsPlanARN" IS NOT NULL THEN 'Spend'
    WHEN "reservation/ReservationARN" IS NOT NULL THEN 'Usage'
  END AS CommitmentDiscountCategory,
  commitment AS CommitmentDiscountId,
  NULL::VARCHAR AS CommitmentDiscountName,
  CASE
    WHEN kind = 'SavingsPlanCoveredUsage' THEN plan_effective
    WHEN kind = 'DiscountedUsage'
      THEN coalesce("lineItem/NormalizedUsageAmount", "lineItem/UsageAmount")::DECIMAL(38, 18)
    WHEN kind = 'SavingsPlanRecurringFee' THEN unblended
    WHEN kind = 'RIFee' THEN "reservation/TotalReservedUnits"::DECIMAL(38, 18)
  END AS CommitmentDiscountQuantity,
  CASE WHEN kind IN ('SavingsPlanCoveredUsage', 'DiscountedUsage') THEN 'Used' END
    AS CommitmentDiscountStatus,
  CASE
    WHEN "savingsPlan/SavingsPlanARN" IS NOT NULL THEN 'Savings Plan'
    WHEN "reservation/ReservationARN" IS NOT NULL THEN 'Reserved Instance'
  END AS CommitmentDiscountType,
  CASE
    WHEN kind IN ('SavingsPlanCoveredUsage', 'SavingsPlanRecurringFee') THEN "lineItem/CurrencyCode"
    WHEN kind = 'DiscountedUsage' AND "lineItem/NormalizedUsageAmount" IS NOT NULL
      THEN 'Normalized Hours'
    WHEN kind IN ('DiscountedUsage', 'RIFee') THEN 'Hours'
  END AS CommitmentDiscountUnit,
  CASE WHEN category = 'Usage' THEN usage_amount END AS ConsumedQuantity,
  CASE WHEN category = 'Usage' AND usage_amount IS NOT NULL THEN unit END AS ConsumedUnit,
  list_cost AS ContractedCost,
  CASE WHEN category IN ('Usage', 'Purchase') THEN coalesce(on_demand_rate, unblended_rate) END
    AS ContractedUnitPrice,
  effective AS EffectiveCost,
  "bill/InvoiceId" AS InvoiceId,
  coalesce("bill/InvoicingEntity", "bill/BillingEntity") AS InvoiceIssuerName,
  list_cost AS ListCost,
  CASE WHEN category IN ('Usage', 'Purchase') THEN coalesce(on_demand_rate, unblended_rate) END
    AS ListUnitPrice,
  CASE
    WHEN category = 'Tax' THEN NULL
    WHEN kind IN ('DiscountedUsage', 'SavingsPlanCoveredUsage') THEN 'Committed'
    WHEN contains("lineItem/UsageType", 'Spot') THEN 'Dynamic'
    WHEN category IN ('Usage', 'Purchase') THEN 'Standard'
    ELSE 'Other'
  END AS PricingCategory,
  "lineItem/CurrencyCode" AS PricingCurrency,
  CASE WHEN category IN ('Usage', 'Purchase') THEN coalesce(on_demand_rate, unblended_rate) END
    AS PricingCurrencyContractedUnitPrice,
  effective AS PricingCurrencyEffectiveCost,
  CASE WHEN category IN ('Usage', 'Purchase') THEN coalesce(on_demand_rate, unblended_rate) END
    AS PricingCurrencyListUnitPrice,
  CASE WHEN category IN ('Usage', 'Purchase') THEN usage_amount END AS PricingQuantity,
  CASE WHEN category IN ('Usage', 'Purchase') AND usage_amount IS NOT NULL THEN unit END
    AS PricingUnit,
  coalesce("bill/InvoicingEntity", "bill/BillingEntity") AS ProviderName,
  "lineItem/LegalEntity" AS PublisherName,
  coalesce("product/regionCode", "product/region") AS RegionId,
  coalesce("product/location", "product/regionCode", "product/region") AS RegionName,
  coalesce("lineItem/ResourceId", CASE WHEN category = 'Purchase' THEN commitment END)
    AS ResourceId,
  NULL::VARCHAR AS ResourceName,
  CASE
    WHEN starts_with("lineItem/ResourceId", 'arn:')
      THEN regexp_extract("lineItem/ResourceId", '^arn:[^:]*:[^:]*:[^:]*:[^:]*:([^:/]+)', 1)
  END AS ResourceType,
  CASE "lineItem/ProductCode"
    WHEN 'AmazonEC2' THEN 'Compute'
    WHEN 'AWSLambda' THEN 'Compute'
    WHEN 'AmazonS3' THEN 'Storage'
    WHEN 'AmazonRDS' THEN 'Databases'
    WHEN 'AmazonDynamoDB' THEN 'Databases'
    WHEN 'AmazonCloudFront' THEN 'Networking'
    WHEN 'AmazonVPC' THEN 'Networking'
    WHEN 'AmazonCloudWatch' THEN 'Management and Governance'
    ELSE 'Other'
  END AS ServiceCategory,
  coalesce("product/ProductName", "lineItem/ProductCode") AS ServiceName,
  CASE "lineItem/ProductCode"
    WHEN 'AmazonEC2' THEN 'Virtual Machines'
    WHEN 'AWSLambda' THEN 'Serverless Compute'
    WHEN 'AmazonS3' THEN 'Object Storage'
    WHEN 'AmazonRDS' THEN 'Relational Databases'
    WHEN 'AmazonDynamoDB' THEN 'NoSQL Databases'
    WHEN 'AmazonCloudFront' THEN 'Content Delivery'
    WHEN 'AmazonVPC' THEN 'Network Infrastructure'
    WHEN 'AmazonCloudWatch' THEN 'Observability'
    ELSE 'Other (Other)'
  END AS ServiceSubcategory,
  CASE WHEN category <> 'Tax' THEN "product/sku" END AS SkuId,
  CASE WHEN category <> 'Tax' AND "product/sku" IS NOT NULL THEN "lineItem/UsageType" END
    AS SkuMeter,
  CASE WHEN "pricing/RateCode" IS NOT NULL THEN {sku_price_details} END AS SkuPriceDetails,
  CASE WHEN category <> 'Tax' THEN coalesce("pricing/RateCode", "pricing/RateId") END AS SkuPriceId,
  "lineItem/UsageAccountId" AS SubAccountId,
  "lineItem/UsageAccountId" AS SubAccountName,
  'Member Account' AS SubAccountType,
  {tags} AS Tags,
  kind AS x_LineItemType,
  "lineItem/ProductCode" AS x_ServiceCode,
  "lineItem/UsageType" AS x_UsageType,
  "lineItem/Operation" AS x_Operation,
  unblended AS x_UnblendedCost,
  blended AS x_BlendedCost,
  amortized AS x_AmortizedCost,
  net_unblended AS x_NetUnblendedCost,
  CASE WHEN net_unblended IS NOT NULL THEN effective END AS x_NetAmortizedCost,
  {cost_categories} AS x_CostCategories
FROM costed

-- FOCUS 1.0 to 1.4 files of any provider to FOCUS 1.2: every column of the cost table.
--
-- Source columns are named as in FOCUS; a column that a file does not have is NULL. Tags and extra
-- are maps. Everything stays as the provider wrote it, except what later versions call otherwise,
-- and the services of AWS, which our catalogue files.
--
-- Functions beside SQL's own: is_aws(provider); known_category(name) and known_subcategory(name),
-- NULL for services that the catalogue does not have.

WITH told AS (
  SELECT
    *,
    -- FOCUS 1.3 renames the provider; 1.4 has no publisher, who is nearest to the service provider.
    coalesce(ProviderName, ServiceProviderName, HostProviderName, InvoiceIssuerName) AS provider,
    coalesce(PublisherName, ServiceProviderName, ProviderName) AS publisher,
    is_aws(coalesce(ProviderName, ServiceProviderName, HostProviderName)) IS NOT NULL AS of_aws
  FROM source
),

filed AS (
  SELECT
    *,
    CASE WHEN of_aws AND known_category(ServiceName) IS NOT NULL
      THEN known_category(ServiceName) ELSE ServiceCategory END AS category,
    CASE WHEN of_aws AND known_category(ServiceName) IS NOT NULL
      THEN known_subcategory(ServiceName) ELSE ServiceSubcategory END AS subcategory
  FROM told
)

SELECT
  AvailabilityZone AS "AvailabilityZone",
  BilledCost AS "BilledCost",
  BillingAccountId AS "BillingAccountId",
  BillingAccountName AS "BillingAccountName",
  BillingAccountType AS "BillingAccountType",
  BillingCurrency AS "BillingCurrency",
  BillingPeriodEnd AS "BillingPeriodEnd",
  BillingPeriodStart AS "BillingPeriodStart",
  CapacityReservationId AS "CapacityReservationId",
  CapacityReservationStatus AS "CapacityReservationStatus",
  ChargeCategory AS "ChargeCategory",
  ChargeClass AS "ChargeClass",
  ChargeDescription AS "ChargeDescription",
  ChargeFrequency AS "ChargeFrequency",
  ChargePeriodEnd AS "ChargePeriodEnd",
  ChargePeriodStart AS "ChargePeriodStart",
  CommitmentDiscountCategory AS "CommitmentDiscountCategory",
  CommitmentDiscountId AS "CommitmentDiscountId",
  CommitmentDiscountName AS "CommitmentDiscountName",
  CommitmentDiscountQuantity AS "CommitmentDiscountQuantity",
  CommitmentDiscountStatus AS "CommitmentDiscountStatus",
  CommitmentDiscountType AS "CommitmentDiscountType",
  CommitmentDiscountUnit AS "CommitmentDiscountUnit",
  ConsumedQuantity AS "ConsumedQuantity",
  ConsumedUnit AS "ConsumedUnit",
  ContractedCost AS "ContractedCost",
  ContractedUnitPrice AS "ContractedUnitPrice",
  EffectiveCost AS "EffectiveCost",
  InvoiceId AS "InvoiceId",
  InvoiceIssuerName AS "InvoiceIssuerName",
  ListCost AS "ListCost",
  ListUnitPrice AS "ListUnitPrice",
  PricingCategory AS "PricingCategory",
  PricingCurrency AS "PricingCurrency",
  PricingCurrencyContractedUnitPrice AS "PricingCurrencyContractedUnitPrice",
  PricingCurrencyEffectiveCost AS "PricingCurrencyEffectiveCost",
  PricingCurrencyListUnitPrice AS "PricingCurrencyListUnitPrice",
  PricingQuantity AS "PricingQuantity",
  PricingUnit AS "PricingUnit",
  provider AS "ProviderName",
  publisher AS "PublisherName",
  RegionId AS "RegionId",
  RegionName AS "RegionName",
  ResourceId AS "ResourceId",
  ResourceName AS "ResourceName",
  ResourceType AS "ResourceType",
  category AS "ServiceCategory",
  ServiceName AS "ServiceName",
  subcategory AS "ServiceSubcategory",
  SkuId AS "SkuId",
  SkuMeter AS "SkuMeter",
  nullif(SkuPriceDetails, '{}') AS "SkuPriceDetails",
  SkuPriceId AS "SkuPriceId",
  SubAccountId AS "SubAccountId",
  SubAccountName AS "SubAccountName",
  SubAccountType AS "SubAccountType",
  Tags AS "Tags",

  -- AWS's own costs have no place in FOCUS; these come closest, so that reports over several
  -- products add up: what is billed, and what it is worth.
  EffectiveCost AS "x_AmortizedCost",
  extra AS "x_Extra",
  HostProviderName AS "x_HostProviderName",
  ServiceProviderName AS "x_ServiceProviderName",
  -- What the provider wrote, where our catalogue files it otherwise.
  nullif(ServiceCategory, category) AS "x_SourceServiceCategory",
  nullif(ServiceSubcategory, subcategory) AS "x_SourceServiceSubcategory",
  BilledCost AS "x_UnblendedCost",

  -- Not columns: how finely the file cuts time.
  CASE WHEN ChargeCategory = 'Usage' THEN ChargePeriodStart END AS interval_start,
  CASE WHEN ChargeCategory = 'Usage' THEN ChargePeriodEnd END AS interval_end
FROM filed

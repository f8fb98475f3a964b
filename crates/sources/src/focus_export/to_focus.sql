-- AWS's FOCUS 1.0 and 1.2 exports to FOCUS 1.2: every column of the cost table.
--
-- Source columns are named as in the export; a column that it does not have is NULL. Tags,
-- x_CostCategories, x_Discounts and extra are maps. Costs and quantities stay as they are (INV-SUM).
--
-- AWS states where its exports do not conform to FOCUS: prices, units, SKUs, issuer, publisher and
-- meter may be empty. What can be derived is filled in here; `gaps` names what AWS left empty.
--
-- Functions beside SQL's own: those of cur/to_focus.sql, is_aws(provider), and user_tags(tags).

WITH told AS (
  SELECT
    *,
    is_aws(coalesce(ProviderName, ServiceProviderName, 'AWS')) IS NOT NULL AS of_aws,
    -- FOCUS has no billing entity; somebody else's name as publisher means the Marketplace.
    CASE WHEN is_aws(coalesce(PublisherName, 'AWS')) IS NULL THEN 'AWS Marketplace' ELSE 'AWS' END AS entity,
    coalesce(InvoiceIssuerName, invoice_issuer('', PublisherName)) AS issuer,
    coalesce(SkuId, nullif(split_part(SkuPriceId, '.', 1), '')) AS sku_id,
    pricing_unit(PricingUnit, BillingCurrency) AS unit,
    ChargeCategory IN ('Usage', 'Purchase') AND ChargeClass IS NULL AS is_priced
  FROM source
),

filed AS (
  SELECT
    *,
    CASE WHEN of_aws THEN service_name(x_ServiceCode, ServiceName, entity)
      ELSE ServiceName END AS service,
    CASE WHEN of_aws THEN service_category(x_ServiceCode, ServiceName, entity)
      ELSE ServiceCategory END AS category,
    CASE WHEN of_aws THEN service_subcategory(x_ServiceCode, ServiceName, entity)
      ELSE ServiceSubcategory END AS subcategory,
    coalesce(ListUnitPrice, CASE WHEN is_priced THEN
      unit_price(CAST(NULL AS DECIMAL(38, 18)), ListCost, PricingQuantity) END) AS list_price,
    coalesce(ContractedUnitPrice, CASE WHEN is_priced THEN
      unit_price(CAST(NULL AS DECIMAL(38, 18)), ContractedCost, PricingQuantity) END)
      AS contracted_price
  FROM told
)

SELECT
  AvailabilityZone AS "AvailabilityZone",
  BilledCost AS "BilledCost",
  BillingAccountId AS "BillingAccountId",
  coalesce(BillingAccountName, BillingAccountId) AS "BillingAccountName",
  coalesce(BillingAccountType, 'Management Account') AS "BillingAccountType",
  BillingCurrency AS "BillingCurrency",
  BillingPeriodEnd AS "BillingPeriodEnd",
  BillingPeriodStart AS "BillingPeriodStart",
  CapacityReservationId AS "CapacityReservationId",
  CapacityReservationStatus AS "CapacityReservationStatus",
  ChargeCategory AS "ChargeCategory",
  ChargeClass AS "ChargeClass",
  coalesce(ChargeDescription, x_UsageType, SkuMeter, x_ServiceCode, ServiceName)
    AS "ChargeDescription",
  ChargeFrequency AS "ChargeFrequency",
  ChargePeriodEnd AS "ChargePeriodEnd",
  ChargePeriodStart AS "ChargePeriodStart",
  CommitmentDiscountCategory AS "CommitmentDiscountCategory",
  CommitmentDiscountId AS "CommitmentDiscountId",
  CommitmentDiscountName AS "CommitmentDiscountName",
  -- FOCUS 1.0 has none. Spend is counted in money, reservations in what they were priced by.
  CASE
    WHEN CommitmentDiscountQuantity IS NOT NULL THEN CommitmentDiscountQuantity
    WHEN CommitmentDiscountId IS NULL OR NOT is_priced OR PricingQuantity IS NULL THEN NULL
    WHEN CommitmentDiscountCategory = 'Spend' AND ChargeCategory = 'Usage' THEN EffectiveCost
    WHEN CommitmentDiscountCategory = 'Spend' THEN BilledCost
    ELSE PricingQuantity
  END AS "CommitmentDiscountQuantity",
  CommitmentDiscountStatus AS "CommitmentDiscountStatus",
  CommitmentDiscountType AS "CommitmentDiscountType",
  CASE
    WHEN CommitmentDiscountUnit IS NOT NULL THEN CommitmentDiscountUnit
    WHEN CommitmentDiscountId IS NULL OR NOT is_priced OR PricingQuantity IS NULL THEN NULL
    WHEN CommitmentDiscountCategory = 'Spend' THEN BillingCurrency
    ELSE unit
  END AS "CommitmentDiscountUnit",
  ConsumedQuantity AS "ConsumedQuantity",
  -- AWS leaves it empty here and there; it consumes in the unit that it prices.
  CASE WHEN ConsumedQuantity IS NOT NULL
    THEN coalesce(pricing_unit(ConsumedUnit, BillingCurrency), unit) END AS "ConsumedUnit",
  ContractedCost AS "ContractedCost",
  contracted_price AS "ContractedUnitPrice",
  EffectiveCost AS "EffectiveCost",
  InvoiceId AS "InvoiceId",
  issuer AS "InvoiceIssuerName",
  ListCost AS "ListCost",
  list_price AS "ListUnitPrice",
  PricingCategory AS "PricingCategory",
  -- AWS prices in the currency that it bills in.
  coalesce(PricingCurrency, BillingCurrency) AS "PricingCurrency",
  coalesce(PricingCurrencyContractedUnitPrice, contracted_price)
    AS "PricingCurrencyContractedUnitPrice",
  coalesce(PricingCurrencyEffectiveCost, EffectiveCost) AS "PricingCurrencyEffectiveCost",
  coalesce(PricingCurrencyListUnitPrice, list_price) AS "PricingCurrencyListUnitPrice",
  PricingQuantity AS "PricingQuantity",
  unit AS "PricingUnit",
  -- AWS writes `AWS`. FOCUS checks that provider and issuer agree wherever AWS collects the money.
  CASE WHEN of_aws THEN provider(issuer) ELSE coalesce(ProviderName, ServiceProviderName) END
    AS "ProviderName",
  publisher(PublisherName) AS "PublisherName",
  RegionId AS "RegionId",
  coalesce(RegionName, region_name(RegionId)) AS "RegionName",
  ResourceId AS "ResourceId",
  ResourceName AS "ResourceName",
  CASE WHEN ResourceId IS NOT NULL
    THEN coalesce(ResourceType, resource_type(ResourceId, x_ServiceCode)) END AS "ResourceType",
  category AS "ServiceCategory",
  service AS "ServiceName",
  subcategory AS "ServiceSubcategory",
  sku_id AS "SkuId",
  CASE WHEN sku_id IS NOT NULL
    THEN coalesce(SkuMeter, x_UsageType, x_Operation, x_ServiceCode) END AS "SkuMeter",
  nullif(SkuPriceDetails, '{}') AS "SkuPriceDetails",
  SkuPriceId AS "SkuPriceId",
  SubAccountId AS "SubAccountId",
  coalesce(SubAccountName, SubAccountId) AS "SubAccountName",
  CASE WHEN SubAccountId IS NOT NULL THEN coalesce(SubAccountType, 'Membership Account') END
    AS "SubAccountType",
  user_tags(Tags) AS "Tags",

  -- FOCUS has neither of AWS's own costs; these come closest, so that reports over several
  -- products add up: what is billed, and what it is worth.
  EffectiveCost AS "x_AmortizedCost",
  x_CostCategories AS "x_CostCategories",
  x_Discounts AS "x_Discounts",
  extra AS "x_Extra",
  HostProviderName AS "x_HostProviderName",
  x_Operation AS "x_Operation",
  PricingUnit AS "x_PricingUnit",
  x_ServiceCode AS "x_ServiceCode",
  ServiceProviderName AS "x_ServiceProviderName",
  -- What AWS wrote, where our catalogue files it otherwise.
  nullif(ServiceCategory, category) AS "x_SourceServiceCategory",
  nullif(ServiceName, service) AS "x_SourceServiceName",
  nullif(ServiceSubcategory, subcategory) AS "x_SourceServiceSubcategory",
  BilledCost AS "x_UnblendedCost",
  x_UsageType AS "x_UsageType",

  -- Not a column: what FOCUS wants filled and AWS left empty, each name with a space after it.
  concat(
    CASE WHEN InvoiceIssuerName IS NULL THEN 'InvoiceIssuerName ' ELSE '' END,
    CASE WHEN PublisherName IS NULL THEN 'PublisherName ' ELSE '' END,
    CASE WHEN is_priced AND PricingUnit IS NULL THEN 'PricingUnit ' ELSE '' END,
    CASE WHEN is_priced AND SkuId IS NULL THEN 'SkuId ' ELSE '' END,
    CASE WHEN is_priced AND SkuPriceId IS NULL THEN 'SkuPriceId ' ELSE '' END,
    CASE WHEN is_priced AND ListUnitPrice IS NULL THEN 'ListUnitPrice ' ELSE '' END,
    CASE WHEN is_priced AND ContractedUnitPrice IS NULL THEN 'ContractedUnitPrice ' ELSE '' END,
    CASE WHEN SkuId IS NOT NULL AND SkuMeter IS NULL THEN 'SkuMeter ' ELSE '' END,
    CASE WHEN CapacityReservationId IS NOT NULL AND CapacityReservationStatus IS NULL
      AND ChargeCategory = 'Usage' THEN 'CapacityReservationStatus ' ELSE '' END
  ) AS gaps,
  -- Not columns either: how finely the export cuts time.
  CASE WHEN ChargeCategory = 'Usage' THEN ChargePeriodStart END AS interval_start,
  CASE WHEN ChargeCategory = 'Usage' THEN ChargePeriodEnd END AS interval_end
FROM filed

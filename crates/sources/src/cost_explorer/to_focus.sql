-- Cost Explorer's GetCostAndUsage to FOCUS 1.2.
--
-- A source row is what Cost Explorer adds up for one time bucket (bucket_start to bucket_end), one
-- record type, one service and one linked account: five costs, and a usage quantity that means
-- something only when all of it has one unit. extra is a map.
--
-- One parameter:
--   part   'line' for every source row. Recurring commitment fees of which something was left
--          unused are stored a second time with 'unused': the purchase and its unused part (FOCUS
--          rule). Cost Explorer writes that part into the fee's amortized costs, so those two
--          amounts stand on the second row and 0 on the first; all other costs are the first's.
--
-- How the sums close. Cost Explorer names no Savings Plan and no discounted line, so nothing can be
-- set against a single plan. Per row:
--   - covered usage stands at its on-demand price: BilledCost 0. Negations cancel it: left out.
--   - a discount row whose net cost is 0 is inside the net costs of other rows: left out.
--   - every other row is billed at its net cost, discount rows that keep theirs among them.
-- residual.rs (shared with the Cost and Usage Report) then adds up, per day and over all plans, the
-- covered usage that negations do not cancel, and over the month the difference between unblended
-- and net; what is not 0 to the last digit comes back as an adjustment row. So the sum of
-- BilledCost over FOCUS rows is the sum of UnblendedCost over all rows, always.
--
-- Functions beside SQL's own: service_of_cost_explorer(name): what bills call that service;
-- service_name/_category/_subcategory(code, name, billing entity); pricing_unit(unit, currency);
-- publisher(legal entity), invoice_issuer(invoicing entity, legal entity); and
-- unit_price(stated rate, cost, quantity).

WITH typed AS (
  SELECT
    *,
    -- The Cost and Usage Report's word, where Cost Explorer has another one.
    CASE record_type
      WHEN 'Enterprise Discount Program Discount' THEN 'EdpDiscount'
      WHEN 'Solution Provider Program Discount' THEN 'SppDiscount'
      WHEN 'Private Rate Discount' THEN 'PrivateRateDiscount'
      WHEN 'Private Rate Card Discount' THEN 'PrivateRateDiscount'
      WHEN 'RI Volume Discount' THEN 'RiVolumeDiscount'
      WHEN 'Recurring' THEN 'RIFee'
      WHEN 'Recurring reservation fee' THEN 'RIFee'
      WHEN 'Upfront reservation fee' THEN 'Upfront'
      WHEN 'Reservation applied usage' THEN 'DiscountedUsage'
      WHEN 'Support fee' THEN 'Support'
      WHEN 'Other out-of-cycle charges' THEN 'Fee'
      -- `Savings Plan Negation` and `Bundled Discount` differ in their spaces only.
      ELSE replace(record_type, ' ', '')
    END AS type,
    service_of_cost_explorer(service) AS bill_service,
    nullif(usage_unit, 'N/A') AS usage_unit_known,
    coalesce(currency, 'USD') AS currency_code,
    coalesce(unblended_cost, 0) AS unblended,
    -- What is invoiced: after discounts.
    coalesce(net_unblended_cost, unblended_cost, 0) AS billed,
    coalesce(amortized_cost, unblended_cost, 0) AS amortized,
    coalesce(net_amortized_cost, amortized_cost, net_unblended_cost, unblended_cost, 0)
      AS net_amortized
  FROM source
),

classed AS (
  SELECT
    *,
    type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation',
      'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'Fee', 'RIFee', 'Upfront', 'Support',
      'Tax', 'Credit', 'Refund', 'Discount', 'BundledDiscount', 'DistributorDiscount',
      'EdpDiscount', 'PrivateRateDiscount', 'SppDiscount', 'RiVolumeDiscount',
      'FlatRateSubscription') AS is_known_type,
    type IN ('Discount', 'BundledDiscount', 'DistributorDiscount', 'EdpDiscount',
      'PrivateRateDiscount', 'SppDiscount', 'RiVolumeDiscount') AS is_discount_row,
    type IN ('DiscountedUsage', 'SavingsPlanCoveredUsage') AS is_covered,
    type IN ('RIFee', 'SavingsPlanRecurringFee') AS is_recurring_fee,
    -- The commitment itself. A fee or its refund that AWS amortizes to nothing bought future
    -- coverage; support, domains and the like are amortized to themselves. (Where one service and
    -- day has both kinds, they cannot be told apart: then it is Usage.)
    type IN ('SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee', 'Upfront')
      OR (type IN ('Fee', 'Refund') AND amortized = 0 AND unblended <> 0)
      AS is_commitment_fee
  FROM typed
),

categorised AS (
  SELECT
    *,
    CASE
      WHEN part = 'unused' THEN 'Usage'
      WHEN type = 'Tax' THEN 'Tax'
      WHEN type = 'Credit' THEN 'Credit'
      WHEN is_commitment_fee THEN 'Purchase'
      WHEN NOT is_known_type OR type IS NULL THEN 'Adjustment'
      ELSE 'Usage'
    END AS category,
    -- Left out of the FOCUS view, kept in the table (INV-ONE).
    CASE
      WHEN type = 'SavingsPlanNegation' THEN 'SavingsPlanNegation'
      WHEN is_discount_row AND billed = 0 AND unblended <> 0 THEN 'DiscountInNetColumns'
    END AS exclusion,
    CASE
      WHEN part = 'unused' THEN currency_code
      WHEN type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
        THEN pricing_unit(usage_unit_known, currency)
    END AS unit
  FROM classed
),

priced AS (
  SELECT
    *,
    CAST(CASE
      WHEN part = 'unused' OR type = 'SavingsPlanCoveredUsage' OR exclusion IS NOT NULL THEN 0
      ELSE billed
    END AS DECIMAL(38, 18)) AS billed_cost,
    CAST(CASE
      WHEN part = 'unused' THEN net_amortized
      WHEN is_commitment_fee OR exclusion IS NOT NULL THEN 0
      ELSE net_amortized
    END AS DECIMAL(38, 18)) AS effective_cost,
    -- Cost Explorer has no list price. Unblended usage is before enterprise discounts; usage of a
    -- reservation is stated at nothing, so what it effectively costs stands in.
    CAST(CASE
      WHEN part = 'unused' OR exclusion IS NOT NULL THEN 0
      WHEN type IN ('Usage', 'SavingsPlanCoveredUsage') THEN unblended
      WHEN type = 'DiscountedUsage' THEN amortized
      ELSE billed
    END AS DECIMAL(38, 18)) AS list_cost,
    CAST(CASE
      WHEN part = 'unused' OR exclusion IS NOT NULL THEN 0
      WHEN type = 'SavingsPlanCoveredUsage' THEN unblended
      WHEN type = 'DiscountedUsage' THEN amortized
      ELSE billed
    END AS DECIMAL(38, 18)) AS contracted_cost,
    CAST(CASE
      WHEN unit IS NULL THEN NULL
      WHEN part = 'unused' THEN net_amortized
      ELSE usage_quantity
    END AS DECIMAL(38, 18)) AS quantity
  FROM categorised
)

SELECT
  billed_cost AS "BilledCost",
  payer_account AS "BillingAccountId",
  coalesce(payer_account_name, payer_account) AS "BillingAccountName",
  'Management Account' AS "BillingAccountType",
  currency_code AS "BillingCurrency",
  billing_period_start + INTERVAL '1 month' AS "BillingPeriodEnd",
  billing_period_start AS "BillingPeriodStart",
  category AS "ChargeCategory",
  -- Both in Cost Explorer's own words, which are translated elsewhere.
  concat(service, ': ', record_type) AS "ChargeDescription",
  CASE
    WHEN part = 'unused' THEN 'Usage-Based'
    WHEN is_recurring_fee OR type IN ('FlatRateSubscription', 'Support') THEN 'Recurring'
    WHEN type = 'Fee' AND NOT is_commitment_fee THEN 'Recurring'
    WHEN is_covered OR type IN ('Usage', 'SavingsPlanNegation') OR is_discount_row
      THEN 'Usage-Based'
    ELSE 'One-Time'
  END AS "ChargeFrequency",
  bucket_end AS "ChargePeriodEnd",
  bucket_start AS "ChargePeriodStart",
  -- A commitment has an id or does not exist for FOCUS, and Cost Explorer tells none.
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountId",
  CASE WHEN part = 'line' THEN quantity END AS "ConsumedQuantity",
  CASE WHEN part = 'line' THEN unit END AS "ConsumedUnit",
  contracted_cost AS "ContractedCost",
  unit_price(CAST(NULL AS DECIMAL(38, 18)), contracted_cost, quantity) AS "ContractedUnitPrice",
  effective_cost AS "EffectiveCost",
  invoice_issuer(CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)) AS "InvoiceIssuerName",
  list_cost AS "ListCost",
  unit_price(CAST(NULL AS DECIMAL(38, 18)), list_cost, quantity) AS "ListUnitPrice",
  CASE
    WHEN category = 'Tax' THEN NULL
    WHEN part = 'unused' OR is_covered THEN 'Committed'
    WHEN type IN ('Credit', 'Refund') OR category = 'Adjustment' THEN 'Other'
    ELSE 'Standard'
  END AS "PricingCategory",
  currency_code AS "PricingCurrency",
  unit_price(CAST(NULL AS DECIMAL(38, 18)), contracted_cost, quantity)
    AS "PricingCurrencyContractedUnitPrice",
  effective_cost AS "PricingCurrencyEffectiveCost",
  unit_price(CAST(NULL AS DECIMAL(38, 18)), list_cost, quantity)
    AS "PricingCurrencyListUnitPrice",
  quantity AS "PricingQuantity",
  unit AS "PricingUnit",
  provider(CAST(NULL AS VARCHAR)) AS "ProviderName",
  publisher(CAST(NULL AS VARCHAR)) AS "PublisherName",
  service_category(CAST(NULL AS VARCHAR), bill_service, CAST(NULL AS VARCHAR))
    AS "ServiceCategory",
  service_name(CAST(NULL AS VARCHAR), bill_service, CAST(NULL AS VARCHAR)) AS "ServiceName",
  service_subcategory(CAST(NULL AS VARCHAR), bill_service, CAST(NULL AS VARCHAR))
    AS "ServiceSubcategory",
  linked_account AS "SubAccountId",
  coalesce(linked_account_name, linked_account) AS "SubAccountName",
  'Membership Account' AS "SubAccountType",

  CASE
    WHEN part = 'line' AND is_recurring_fee THEN CASE WHEN amortized_cost IS NOT NULL THEN 0 END
    ELSE amortized_cost
  END AS "x_AmortizedCost",
  CASE WHEN part = 'line' THEN blended_cost ELSE 0 END AS "x_BlendedCost",
  extra AS "x_Extra",
  exclusion AS "x_FocusExclusion",
  type AS "x_LineItemType",
  CASE
    WHEN part = 'line' AND is_recurring_fee
      THEN CASE WHEN net_amortized_cost IS NOT NULL THEN 0 END
    ELSE net_amortized_cost
  END AS "x_NetAmortizedCost",
  CASE WHEN part = 'line' THEN net_unblended_cost ELSE 0 END AS "x_NetUnblendedCost",
  usage_unit_known AS "x_PricingUnit",
  CASE WHEN part = 'line' THEN unblended_cost ELSE 0 END AS "x_UnblendedCost",
  CASE WHEN part = 'line' THEN usage_quantity ELSE 0 END AS "x_UsageAmount",

  -- Not a column: says which rows are stored a second time, as their unused part.
  part = 'line' AND is_recurring_fee AND (amortized <> 0 OR net_amortized <> 0)
    AS has_unused_part,
  -- Not columns either: how finely time is cut, and whether AWS may still change the amounts.
  bucket_start AS interval_start,
  bucket_end AS interval_end,
  coalesce(estimated = 'true', FALSE) AS is_estimated
FROM priced

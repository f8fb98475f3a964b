-- Detailed Billing Reports to FOCUS 1.2: every column of the cost table, from AWS's columns.
--
-- Source columns are the headers in small letters with underscores (unblended_cost is
-- UnBlendedCost). user_tags, aws_tags and extra are maps. A column that a report does not have is
-- NULL. Rows that sum up others never come here.
--
-- Parameters:
--   part                      'line' for every source row. Fees of commitments are stored a second
--                             time with 'unused': the purchase, and what it buys (FOCUS rule)
--   is_monthly                true for the monthly and the cost allocation report
--   default_currency          the currency of rows that name none
--   period_start, period_end  the billing period, from the file's name
--
-- Functions beside SQL's own: those of the legacy Cost and Usage Report's mapping, and
-- map_with(map, key, value), map_join(map, other, prefix of the other's keys).
--
-- APPROXIMATE: no column says what kind of charge a row is. Taxes, credits, refunds and fees are
-- recognised by the words of ItemDescription, ProductName and UsageType, as AWS writes them in
-- English. Nothing ties covered usage to its commitment, so nothing can be amortized: what a fee
-- buys is one row at the time of the fee.

WITH read AS (
  SELECT
    *,
    coalesce(unblended_cost, cost, total_cost) AS unblended,
    coalesce(unblended_cost, cost, total_cost, 0) AS billed,
    coalesce(unblended_rate, rate) AS stated_rate,
    coalesce(currency_code, default_currency) AS currency,
    coalesce(linked_account_id, payer_account_id) AS account,
    -- Not yet invoiced.
    nullif(nullif(invoice_id, 'Estimated'), 'None') AS invoice,
    nullif(tax_type, 'None') AS tax,
    coalesce(item_description, '') AS words,
    -- Periods of the monthly reports end with their last second.
    CASE WHEN date_part('second', usage_end_date) = 59
      THEN usage_end_date + INTERVAL '1 second' ELSE usage_end_date END AS usage_end,
    CASE WHEN date_part('second', billing_period_end_date) = 59
      THEN billing_period_end_date + INTERVAL '1 second' ELSE billing_period_end_date
    END AS stated_period_end
  FROM source
),

worded AS (
  SELECT
    *,
    -- Usage is described by its price ("$0.096 per …"), whatever other words follow.
    regexp_like(words, '^(USD|CNY|[$¥]) ?[0-9.]') AS is_priced_text,
    regexp_like(words, '\b[Rr]efund') AS says_refund,
    regexp_like(words, '^Tax\b')
      OR (usage_type IS NULL
        AND regexp_like(words, '\b([Tt]ax|TAX|VAT|GST|HST|PST|QST|JCT|CCT)\b')) AS says_tax,
    -- Credits of burstable instances are usage.
    regexp_like(words, '\b[Cc]redits?\b') AND NOT coalesce(usage_type, '') LIKE '%CPUCredits%'
      AS says_credit,
    starts_with(words, 'Sign up charge for subscription') AS says_upfront,
    coalesce(usage_type, '') LIKE '%HeavyUsage%' AS is_reservation_fee,
    coalesce(product_name, '') LIKE 'Savings Plan%'
      OR coalesce(product_code, '') = 'ComputeSavingsPlans'
      OR regexp_like(coalesce(usage_type, ''), '(^|-)(Compute|EC2|SageMaker|Database)SP:')
      AS is_plan_fee
  FROM read
),

classed AS (
  SELECT
    *,
    CASE
      WHEN record_type = 'Rounding' THEN 'Rounding'
      WHEN record_type = 'Discount' THEN 'Discount'
      -- Kept and reported; see dbr/columns.rs.
      WHEN record_type IS NULL
        OR record_type NOT IN ('LineItem', 'PayerLineItem', 'LinkedLineItem') THEN 'Unknown'
      WHEN says_refund AND NOT is_priced_text AND says_tax THEN 'Tax'
      WHEN says_refund AND NOT is_priced_text AND (is_reservation_fee OR is_plan_fee)
        THEN 'CommitmentRefund'
      WHEN says_refund AND NOT is_priced_text THEN 'Refund'
      WHEN says_tax THEN 'Tax'
      WHEN coalesce(tax_amount, 0) <> 0 AND coalesce(cost_before_tax, 0) = 0
        AND coalesce(credits, 0) = 0 THEN 'Tax'
      WHEN coalesce(credits, 0) <> 0 AND coalesce(cost_before_tax, 0) = 0 THEN 'Credit'
      -- The upfront fee of a reservation. In the detailed reports it has no subscription.
      WHEN says_upfront OR (is_reservation_fee AND subscription_id IS NULL AND NOT is_monthly)
        THEN 'UpfrontFee'
      -- The fee of a reservation's month or hours. Before 2019-06-17 covered usage took over the
      -- words of the fee, and both together were the whole fee; since then the fee is one row and
      -- covered usage costs 0. Either way the rows of this usage type add up to it.
      WHEN is_reservation_fee THEN 'RecurringFee'
      WHEN is_plan_fee THEN 'PlanFee'
      WHEN says_credit AND NOT is_priced_text THEN 'Credit'
      ELSE 'Usage'
    END AS class
  FROM worded
),

categorised AS (
  SELECT
    *,
    class IN ('UpfrontFee', 'RecurringFee', 'PlanFee', 'CommitmentRefund') AS is_commitment_fee,
    CASE
      WHEN part = 'unused' THEN 'Usage'
      WHEN class IN ('Rounding', 'Unknown') THEN 'Adjustment'
      WHEN class IN ('Tax', 'Credit') THEN class
      WHEN class IN ('UpfrontFee', 'RecurringFee', 'PlanFee', 'CommitmentRefund') THEN 'Purchase'
      -- Discounts, refunds and fees that buy no future coverage belong to what they are about.
      -- Savings Plan covered usage and the rows that negate it are both usage: nothing marks the
      -- one, so both stay, and cancel.
      ELSE 'Usage'
    END AS category,
    part = 'unused' OR class IN ('Usage', 'Discount', 'UpfrontFee', 'RecurringFee', 'PlanFee')
      AS is_priced,
    CAST(CASE
      WHEN part = 'unused' THEN 1
      WHEN class IN ('Usage', 'Discount', 'UpfrontFee', 'RecurringFee', 'PlanFee')
        THEN coalesce(usage_quantity, 1)
    END AS DECIMAL(38, 18)) AS quantity,
    CAST(CASE WHEN part = 'line' THEN stated_rate END AS DECIMAL(38, 18)) AS rate_of_part,
    -- Billed, list and contracted cost belong to the purchase.
    CAST(CASE WHEN part = 'line' THEN billed ELSE 0 END AS DECIMAL(38, 18)) AS cost_of_part,
    coalesce(usage_start_date, billing_period_start_date, period_start) AS charge_start,
    region_id('', '', '', availability_zone, usage_type, product_code, '') AS region,
    invoice_issuer('', seller_of_record) AS issuer
  FROM classed
),

effective AS (
  SELECT
    *,
    -- FOCUS wants 0 for the purchase of a commitment and its share for what it covers. Nothing
    -- tells the shares, and 0 alone would lose the cost, so all of it is on the second row.
    CAST(CASE
      WHEN is_commitment_fee AND part = 'line' THEN 0
      ELSE billed
    END AS DECIMAL(38, 18)) AS effective_cost
  FROM categorised
)

SELECT
  availability_zone AS "AvailabilityZone",
  -- What is charged for the row. There are no net columns; discounts are rows.
  cost_of_part AS "BilledCost",
  payer_account_id AS "BillingAccountId",
  coalesce(payer_account_name, payer_account_id) AS "BillingAccountName",
  'Management Account' AS "BillingAccountType",
  currency AS "BillingCurrency",
  coalesce(period_end, stated_period_end) AS "BillingPeriodEnd",
  coalesce(billing_period_start_date, period_start) AS "BillingPeriodStart",
  CAST(NULL AS VARCHAR) AS "CapacityReservationId",
  CAST(NULL AS VARCHAR) AS "CapacityReservationStatus",
  category AS "ChargeCategory",
  CAST(NULL AS VARCHAR) AS "ChargeClass",
  coalesce(item_description, usage_type, product_name, record_type) AS "ChargeDescription",
  CASE
    WHEN part = 'unused' THEN 'Usage-Based'
    -- All that is paid for such a plan is paid at once; its hours cost 0.
    WHEN class = 'PlanFee' AND usage_type LIKE '%AllUpfront%' AND billed <> 0 THEN 'One-Time'
    WHEN class IN ('RecurringFee', 'PlanFee') THEN 'Recurring'
    WHEN class IN ('Usage', 'Discount') THEN 'Usage-Based'
    ELSE 'One-Time'
  END AS "ChargeFrequency",
  coalesce(usage_end, CASE WHEN usage_start_date IS NULL
    THEN coalesce(period_end, stated_period_end) ELSE usage_start_date + INTERVAL '1 hour' END)
    AS "ChargePeriodEnd",
  charge_start AS "ChargePeriodStart",
  -- No file names a commitment; SubscriptionId is a hint, kept in x_Extra.
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountCategory",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountId",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountName",
  CAST(NULL AS DECIMAL(38, 18)) AS "CommitmentDiscountQuantity",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountStatus",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountType",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountUnit",
  CASE
    WHEN part = 'unused' THEN 0
    WHEN class = 'Usage' THEN quantity
  END AS "ConsumedQuantity",
  -- The reports name no units.
  CASE WHEN part = 'unused' OR class = 'Usage' THEN 'Units' END AS "ConsumedUnit",
  cost_of_part AS "ContractedCost",
  CASE WHEN is_priced THEN unit_price(rate_of_part, cost_of_part, quantity) END
    AS "ContractedUnitPrice",
  effective_cost AS "EffectiveCost",
  invoice AS "InvoiceId",
  issuer AS "InvoiceIssuerName",
  cost_of_part AS "ListCost",
  CASE WHEN is_priced THEN unit_price(rate_of_part, cost_of_part, quantity) END AS "ListUnitPrice",
  CASE
    WHEN category = 'Tax' THEN NULL
    WHEN part = 'unused' THEN 'Committed'
    WHEN category IN ('Credit', 'Adjustment') OR class IN ('Refund', 'CommitmentRefund')
      THEN 'Other'
    -- Y on fees, too, which are bought at the standard price.
    WHEN class = 'Usage' AND upper(reserved_instance) = 'Y' THEN 'Committed'
    WHEN usage_type LIKE '%Spot%' THEN 'Dynamic'
    ELSE 'Standard'
  END AS "PricingCategory",
  currency AS "PricingCurrency",
  CASE WHEN is_priced THEN unit_price(rate_of_part, cost_of_part, quantity) END
    AS "PricingCurrencyContractedUnitPrice",
  effective_cost AS "PricingCurrencyEffectiveCost",
  CASE WHEN is_priced THEN unit_price(rate_of_part, cost_of_part, quantity) END
    AS "PricingCurrencyListUnitPrice",
  quantity AS "PricingQuantity",
  CASE WHEN is_priced THEN 'Units' END AS "PricingUnit",
  provider(issuer) AS "ProviderName",
  publisher(seller_of_record) AS "PublisherName",
  region AS "RegionId",
  region_name(region) AS "RegionName",
  resource_id AS "ResourceId",
  -- The Name tag is what people call it.
  CASE WHEN resource_id IS NOT NULL THEN user_tags['Name'] END AS "ResourceName",
  resource_type(resource_id, product_code) AS "ResourceType",
  service_category(product_code, product_name, '') AS "ServiceCategory",
  service_name(product_code, product_name, '') AS "ServiceName",
  service_subcategory(product_code, product_name, '') AS "ServiceSubcategory",
  -- RateId numbers prices, but not what is sold: it stays in x_Extra.
  CAST(NULL AS VARCHAR) AS "SkuId",
  CAST(NULL AS VARCHAR) AS "SkuMeter",
  CAST(NULL AS VARCHAR) AS "SkuPriceDetails",
  CAST(NULL AS VARCHAR) AS "SkuPriceId",
  account AS "SubAccountId",
  coalesce(linked_account_name,
    CASE WHEN account = payer_account_id THEN payer_account_name END, account)
    AS "SubAccountName",
  'Membership Account' AS "SubAccountType",
  map_join(user_tags, aws_tags, 'aws:') AS "Tags",

  -- Nothing can be amortized: fees stand where they were charged.
  CASE WHEN part = 'line' THEN unblended ELSE 0 END AS "x_AmortizedCost",
  CASE WHEN part = 'line' OR blended_cost IS NULL THEN blended_cost ELSE 0 END
    AS "x_BlendedCost",
  map_with(map_with(map_with(map_with(map_with(map_with(map_with(extra,
    'SubscriptionId', subscription_id),
    'ReservedInstance', reserved_instance),
    'UnBlendedRate', unblended_rate_text),
    'Rate', rate_text),
    'CostBeforeTax', cost_before_tax_text),
    'Credits', credits_text),
    'TaxAmount', tax_amount_text) AS "x_Extra",
  CAST(NULL AS VARCHAR) AS "x_FocusExclusion",
  record_id AS "x_LineItemId",
  coalesce(record_type, '(none)') AS "x_LineItemType",
  operation AS "x_Operation",
  product_code AS "x_ServiceCode",
  tax AS "x_TaxType",
  CASE WHEN part = 'line' THEN unblended ELSE 0 END AS "x_UnblendedCost",
  CASE WHEN part = 'line' THEN usage_quantity ELSE 0 END AS "x_UsageAmount",
  usage_type AS "x_UsageType",

  -- Not a column: says which rows are stored a second time.
  part = 'line' AND is_commitment_fee AND billed <> 0 AS has_unused_part,

  -- Not columns: how finely the report cuts time.
  CASE WHEN is_monthly THEN coalesce(period_start, billing_period_start_date)
    ELSE usage_start_date END AS interval_start,
  CASE WHEN is_monthly THEN coalesce(period_end, stated_period_end)
    ELSE usage_end END AS interval_end
FROM effective

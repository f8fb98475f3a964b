-- Cost and Usage Reports to FOCUS 1.2: every column of the cost table, from AWS's columns.
--
-- This is what the legacy report and CUR 2.0 have in common. The layer `aligned` comes before it:
-- cur/source.sql for the one, data_export/cur2/source.sql for the other.
--
-- Source columns are named as in AWS's Parquet and Athena form (line_item_unblended_cost is
-- lineItem/UnblendedCost). product, resource_tags, cost_category, discount and extra are maps.
-- A column that a report does not have is NULL.
--
-- A parameter:
--   part     'line' for every source row. Commitment fees of which something was left unused are
--            stored a second time with 'unused': the purchase and its unused part (FOCUS rule).
--
-- And a column of `aligned`:
--   has_net  true where discounts are inside the rows, that is, where net columns tell.
--
-- Functions beside SQL's own: service_name/_category/_subcategory(code, name, billing entity),
-- region_id(...), region_name(id), pricing_unit(unit, currency), resource_type(id, code),
-- publisher(legal entity), invoice_issuer(invoicing entity, legal entity), provider(issuer),
-- capacity_status(usage type, attribute), sku_price_details(product, ...), and
-- unit_price(stated rate, cost, quantity): the rate when it explains the cost, else the quotient.

typed AS (
  SELECT
    *,
    line_item_line_item_type AS type,
    coalesce(savings_plan_savings_plan_a_r_n, reservation_reservation_a_r_n) AS arn,
    -- Discounts that AWS writes as rows of their own.
    line_item_line_item_type IN ('Discount', 'BundledDiscount', 'EdpDiscount',
      'PrivateRateDiscount', 'SppDiscount', 'RiVolumeDiscount') AS is_discount_row,
    -- Unknown types are kept and become adjustments; see cur.rs, which reports them.
    line_item_line_item_type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage',
      'SavingsPlanNegation', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'Fee', 'RIFee',
      'Tax', 'Credit', 'Refund', 'Discount', 'BundledDiscount', 'EdpDiscount',
      'PrivateRateDiscount', 'SppDiscount', 'RiVolumeDiscount',
      'FlatRateSubscription') AS is_known_type,
    coalesce(line_item_unblended_cost, 0) AS unblended,
    -- What is invoiced for the row: after discounts when the report tells.
    coalesce(line_item_net_unblended_cost, line_item_unblended_cost, 0) AS billed,
    coalesce(line_item_usage_amount, 1) AS amount,
    coalesce(line_item_usage_start_date, identity_time_interval_start,
      bill_billing_period_start_date) AS charge_start
  FROM aligned
),

classed AS (
  SELECT
    *,
    -- The commitment itself: bought, or paid by the month or hour.
    type IN ('SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee', 'RIFee')
      OR (type = 'Fee' AND reservation_reservation_a_r_n IS NOT NULL)
      OR (type = 'Refund' AND line_item_tax_type IS NULL AND arn IS NOT NULL)
      AS is_commitment_fee,
    type IN ('DiscountedUsage', 'SavingsPlanCoveredUsage') AS is_covered,
    -- The unused part of a recurring fee, before and after enterprise discounts. An RI states it;
    -- for a Savings Plan it is what of the hour's or day's commitment was not used up.
    CASE type
      WHEN 'RIFee' THEN
        coalesce(reservation_unused_amortized_upfront_fee_for_billing_period, 0)
        + coalesce(reservation_unused_recurring_fee, 0)
      WHEN 'SavingsPlanRecurringFee' THEN
        coalesce(savings_plan_total_commitment_to_date, 0)
        - coalesce(savings_plan_used_commitment, 0)
    END AS unused_cost,
    CASE type
      WHEN 'RIFee' THEN
        coalesce(reservation_net_unused_amortized_upfront_fee_for_billing_period,
          reservation_unused_amortized_upfront_fee_for_billing_period, 0)
        + coalesce(reservation_net_unused_recurring_fee, reservation_unused_recurring_fee, 0)
      WHEN 'SavingsPlanRecurringFee' THEN
        -- AWS states no net used commitment, only the net commitment of the row's time: the
        -- unused part is the net commitment less what is used of the plain one, never below 0.
        CASE WHEN savings_plan_net_recurring_commitment_for_billing_period IS NULL
              AND savings_plan_net_amortized_upfront_commitment_for_billing_period IS NULL
          THEN coalesce(savings_plan_total_commitment_to_date, 0)
            - coalesce(savings_plan_used_commitment, 0)
          ELSE greatest(
            coalesce(savings_plan_net_amortized_upfront_commitment_for_billing_period,
              savings_plan_amortized_upfront_commitment_for_billing_period, 0)
            + coalesce(savings_plan_net_recurring_commitment_for_billing_period,
              savings_plan_recurring_commitment_for_billing_period, 0)
            - coalesce(savings_plan_used_commitment, 0),
            0)
        END
    END AS net_unused_cost,
    -- Refund of a Savings Plan's upfront fee: AWS's own dashboards amortize it to nothing.
    type = 'Refund' AND line_item_product_code = 'ComputeSavingsPlans'
      AND starts_with(line_item_line_item_description, 'Refund for one-time fee')
      AS is_upfront_refund,
    -- Tax has neither price nor quantity. Credits, refunds and corrections have none that means
    -- anything: AWS leaves the unit empty on them.
    part = 'unused' OR type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage',
        'SavingsPlanNegation', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'Fee', 'RIFee',
        'FlatRateSubscription') OR is_discount_row AS is_priced,
    coalesce(product_sku, nullif(split_part(pricing_rate_code, '.', 1), '')) AS sku,
    coalesce(capacity_reservation,
      CASE WHEN line_item_resource_id LIKE '%:capacity-reservation/%'
        THEN line_item_resource_id END) AS capacity
  FROM typed
),

categorised AS (
  SELECT
    *,
    CASE
      WHEN part = 'unused' THEN 'Usage'
      WHEN type = 'Tax' OR (type = 'Refund' AND line_item_tax_type IS NOT NULL) THEN 'Tax'
      WHEN type = 'Credit' THEN 'Credit'
      WHEN is_commitment_fee THEN 'Purchase'
      WHEN NOT is_known_type OR type IS NULL THEN 'Adjustment'
      -- Fees that buy no future coverage (support, domains, flat rates) are charges of their own
      -- time. FOCUS wants EffectiveCost 0 on every Purchase, which would lose them; so: Usage.
      ELSE 'Usage'
    END AS category,
    -- Left out of the FOCUS view, kept in the table (INV-ONE).
    CASE
      WHEN type = 'SavingsPlanNegation' THEN 'SavingsPlanNegation'
      WHEN is_discount_row AND has_net THEN 'DiscountInNetColumns'
    END AS exclusion,
    CASE
      WHEN arn IS NULL THEN NULL
      WHEN type = 'DiscountedUsage' OR type = 'RIFee'
        OR (type IN ('Fee', 'Refund') AND is_commitment_fee
          AND savings_plan_savings_plan_a_r_n IS NULL)
        THEN 'Reserved Instance'
      -- Negation rows, too, so that residual.rs can set them against what they cancel.
      WHEN type IN ('SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanUpfrontFee',
        'SavingsPlanRecurringFee')
        OR (type = 'Refund' AND is_commitment_fee)
        THEN 'Savings Plan'
    END AS commitment,
    CASE WHEN is_priced AND type IS DISTINCT FROM 'Tax'
      THEN CASE WHEN part = 'unused' AND type = 'SavingsPlanRecurringFee'
        THEN coalesce(line_item_currency_code, 'USD')
        ELSE coalesce(pricing_unit(pricing_unit, line_item_currency_code), 'Units') END
    END AS unit,
    region_id(product_region_code, product_region, product_from_region_code,
      line_item_availability_zone, line_item_usage_type, line_item_product_code,
      product_location) AS region,
    invoice_issuer(bill_invoicing_entity, line_item_legal_entity) AS issuer,
    CASE
      WHEN part = 'unused' OR is_commitment_fee THEN coalesce(arn, line_item_resource_id)
      ELSE line_item_resource_id
    END AS resource
  FROM classed
),

priced AS (
  SELECT
    *,
    -- BilledCost. Savings Plan covered usage is shown by AWS at its on-demand price and cancelled
    -- by negation rows; FOCUS wants neither. Whatever they do not cancel to the last digit comes
    -- back as an adjustment row (residual.rs), so nothing is lost.
    CAST(CASE
      WHEN part = 'unused' OR type = 'SavingsPlanCoveredUsage' OR exclusion IS NOT NULL THEN 0
      ELSE billed
    END AS DECIMAL(38, 18)) AS billed_cost,
    CAST(CASE
      WHEN part = 'unused' THEN net_unused_cost
      WHEN is_commitment_fee OR exclusion IS NOT NULL THEN 0
      WHEN type = 'SavingsPlanCoveredUsage' THEN
        coalesce(savings_plan_net_savings_plan_effective_cost,
          savings_plan_savings_plan_effective_cost, 0)
      WHEN type = 'DiscountedUsage' THEN
        coalesce(reservation_net_effective_cost, reservation_effective_cost, 0)
      ELSE billed
    END AS DECIMAL(38, 18)) AS effective_cost,
    -- ListCost. AWS has a public price for usage only; for all else it is what is billed.
    CAST(CASE
      WHEN part = 'unused' OR exclusion IS NOT NULL THEN 0
      WHEN type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') THEN
        coalesce(nullif(pricing_public_on_demand_cost, 0), line_item_unblended_cost, 0)
      ELSE billed
    END AS DECIMAL(38, 18)) AS list_cost,
    -- The negotiated price: what is billed; for covered usage no source tells, so the list price.
    CAST(CASE
      WHEN part = 'unused' OR exclusion IS NOT NULL THEN 0
      WHEN is_covered THEN
        coalesce(nullif(pricing_public_on_demand_cost, 0), line_item_unblended_cost, 0)
      ELSE billed
    END AS DECIMAL(38, 18)) AS contracted_cost,
    CAST(CASE
      WHEN unit IS NULL THEN NULL
      WHEN part = 'unused' AND type = 'RIFee' THEN
        coalesce(nullif(reservation_unused_quantity, 0), 1)
      WHEN part = 'unused' THEN net_unused_cost
      ELSE amount
    END AS DECIMAL(38, 18)) AS quantity,
    CASE WHEN category IN ('Usage', 'Purchase') AND type IS DISTINCT FROM 'Refund' THEN sku END
      AS sku_id
  FROM categorised
)

SELECT
  line_item_availability_zone AS "AvailabilityZone",
  billed_cost AS "BilledCost",
  bill_payer_account_id AS "BillingAccountId",
  coalesce(payer_name, bill_payer_account_id) AS "BillingAccountName",
  'Management Account' AS "BillingAccountType",
  coalesce(line_item_currency_code, 'USD') AS "BillingCurrency",
  coalesce(bill_billing_period_end_date,
    bill_billing_period_start_date + INTERVAL '1 month') AS "BillingPeriodEnd",
  bill_billing_period_start_date AS "BillingPeriodStart",
  capacity AS "CapacityReservationId",
  CASE WHEN capacity IS NOT NULL
    THEN coalesce(capacity_state,
      capacity_status(line_item_usage_type, product_capacitystatus))
  END AS "CapacityReservationStatus",
  category AS "ChargeCategory",
  -- A refund that is on an invoice corrects a period that was invoiced before.
  CASE WHEN type = 'Refund' AND bill_bill_type = 'Refund' AND bill_invoice_id IS NOT NULL
    THEN 'Correction' END AS "ChargeClass",
  coalesce(line_item_line_item_description, line_item_usage_type, line_item_product_code, type)
    AS "ChargeDescription",
  CASE
    WHEN part = 'unused' THEN 'Usage-Based'
    WHEN type IN ('RIFee', 'SavingsPlanRecurringFee', 'FlatRateSubscription') THEN 'Recurring'
    WHEN type = 'Fee' AND NOT is_commitment_fee AND bill_bill_type IS DISTINCT FROM 'Purchase'
      THEN 'Recurring'
    WHEN type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'SavingsPlanNegation')
      OR is_discount_row THEN 'Usage-Based'
    ELSE 'One-Time'
  END AS "ChargeFrequency",
  coalesce(line_item_usage_end_date, identity_time_interval_end,
    charge_start + INTERVAL '1 hour') AS "ChargePeriodEnd",
  charge_start AS "ChargePeriodStart",
  CASE commitment WHEN 'Savings Plan' THEN 'Spend' WHEN 'Reserved Instance' THEN 'Usage' END
    AS "CommitmentDiscountCategory",
  CASE WHEN commitment IS NOT NULL THEN arn END AS "CommitmentDiscountId",
  CAST(NULL AS VARCHAR) AS "CommitmentDiscountName",
  -- Spend commitments are counted in the currency, reservations in hours. A refund has none.
  CASE
    WHEN commitment IS NULL OR type = 'Refund' THEN NULL
    WHEN part = 'unused' AND type = 'RIFee' THEN coalesce(reservation_unused_quantity, 0)
    WHEN part = 'unused' THEN net_unused_cost
    WHEN type = 'SavingsPlanCoveredUsage' THEN
      coalesce(savings_plan_savings_plan_effective_cost, 0)
    WHEN type = 'SavingsPlanRecurringFee' THEN
      coalesce(savings_plan_total_commitment_to_date, unblended)
    WHEN type = 'SavingsPlanUpfrontFee' THEN unblended
    WHEN type IN ('RIFee', 'Fee') THEN coalesce(reservation_total_reserved_units, amount)
    ELSE amount
  END AS "CommitmentDiscountQuantity",
  CASE
    WHEN commitment IS NULL THEN NULL
    WHEN part = 'unused' THEN 'Unused'
    WHEN is_covered THEN 'Used'
  END AS "CommitmentDiscountStatus",
  commitment AS "CommitmentDiscountType",
  CASE
    WHEN type = 'Refund' THEN NULL
    WHEN commitment = 'Savings Plan' THEN coalesce(line_item_currency_code, 'USD')
    WHEN commitment = 'Reserved Instance' THEN 'Hours'
  END AS "CommitmentDiscountUnit",
  CASE WHEN part = 'line' AND unit IS NOT NULL
      AND type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
    THEN amount END AS "ConsumedQuantity",
  CASE WHEN part = 'line'
      AND type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
    THEN unit END AS "ConsumedUnit",
  contracted_cost AS "ContractedCost",
  CASE WHEN unit IS NOT NULL
    THEN unit_price(CAST(NULL AS DECIMAL(38, 18)), contracted_cost, quantity)
  END AS "ContractedUnitPrice",
  effective_cost AS "EffectiveCost",
  bill_invoice_id AS "InvoiceId",
  issuer AS "InvoiceIssuerName",
  list_cost AS "ListCost",
  CASE WHEN unit IS NOT NULL
    THEN unit_price(pricing_public_on_demand_rate, list_cost, quantity)
  END AS "ListUnitPrice",
  CASE
    WHEN category = 'Tax' THEN NULL
    WHEN part = 'unused' OR is_covered THEN 'Committed'
    WHEN type IN ('Credit', 'Refund') OR category = 'Adjustment' THEN 'Other'
    WHEN line_item_usage_type LIKE '%Spot%' THEN 'Dynamic'
    ELSE 'Standard'
  END AS "PricingCategory",
  coalesce(line_item_currency_code, 'USD') AS "PricingCurrency",
  CASE WHEN unit IS NOT NULL
    THEN unit_price(CAST(NULL AS DECIMAL(38, 18)), contracted_cost, quantity)
  END AS "PricingCurrencyContractedUnitPrice",
  effective_cost AS "PricingCurrencyEffectiveCost",
  CASE WHEN unit IS NOT NULL
    THEN unit_price(pricing_public_on_demand_rate, list_cost, quantity)
  END AS "PricingCurrencyListUnitPrice",
  quantity AS "PricingQuantity",
  unit AS "PricingUnit",
  -- FOCUS checks that provider and issuer agree wherever AWS collects the money.
  provider(issuer) AS "ProviderName",
  publisher(line_item_legal_entity) AS "PublisherName",
  region AS "RegionId",
  region_name(region) AS "RegionName",
  resource AS "ResourceId",
  -- The Name tag is what people call it.
  CASE WHEN line_item_resource_id IS NOT NULL AND part = 'line' THEN name_tag END
    AS "ResourceName",
  resource_type(resource, line_item_product_code) AS "ResourceType",
  service_category(line_item_product_code, product_product_name, bill_billing_entity)
    AS "ServiceCategory",
  service_name(line_item_product_code, product_product_name, bill_billing_entity)
    AS "ServiceName",
  service_subcategory(line_item_product_code, product_product_name, bill_billing_entity)
    AS "ServiceSubcategory",
  sku_id AS "SkuId",
  CASE WHEN sku_id IS NOT NULL
    THEN coalesce(line_item_usage_type, line_item_operation, line_item_product_code, type)
  END AS "SkuMeter",
  CASE WHEN sku_id IS NOT NULL AND coalesce(pricing_rate_code, pricing_rate_id) IS NOT NULL
    THEN sku_price_details(product, pricing_lease_contract_length, pricing_offering_class,
      pricing_purchase_option)
  END AS "SkuPriceDetails",
  CASE WHEN sku_id IS NOT NULL
    THEN coalesce(pricing_rate_code, concat(sku_id, '.', pricing_rate_id)) END AS "SkuPriceId",
  coalesce(line_item_usage_account_id, bill_payer_account_id) AS "SubAccountId",
  coalesce(account_name, line_item_usage_account_id, bill_payer_account_id) AS "SubAccountName",
  'Membership Account' AS "SubAccountType",
  resource_tags AS "Tags",

  -- AWS's amortized cost, by the formula of AWS's own dashboards.
  CASE
    WHEN part = 'unused' THEN unused_cost
    WHEN type IN ('RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanNegation',
      'SavingsPlanUpfrontFee') OR is_upfront_refund THEN 0
    WHEN type = 'Fee' AND is_commitment_fee THEN 0
    WHEN type = 'SavingsPlanCoveredUsage' THEN
      coalesce(savings_plan_savings_plan_effective_cost, 0)
    WHEN type = 'DiscountedUsage' THEN coalesce(reservation_effective_cost, 0)
    ELSE unblended
  END AS "x_AmortizedCost",
  bill_bill_type AS "x_BillType",
  bill_billing_entity AS "x_BillingEntity",
  CASE WHEN part = 'line' THEN line_item_blended_cost ELSE 0 END AS "x_BlendedCost",
  cost_category AS "x_CostCategories",
  discount AS "x_Discounts",
  extra AS "x_Extra",
  exclusion AS "x_FocusExclusion",
  identity_line_item_id AS "x_LineItemId",
  type AS "x_LineItemType",
  -- After enterprise discounts: rows that state them elsewhere count nothing themselves.
  CASE
    WHEN NOT has_net THEN NULL
    WHEN part = 'unused' THEN net_unused_cost
    WHEN is_discount_row OR is_upfront_refund OR type IN ('RIFee', 'SavingsPlanRecurringFee',
      'SavingsPlanNegation', 'SavingsPlanUpfrontFee') THEN 0
    WHEN type = 'Fee' AND is_commitment_fee THEN 0
    WHEN type = 'SavingsPlanCoveredUsage' THEN
      coalesce(savings_plan_net_savings_plan_effective_cost,
        savings_plan_savings_plan_effective_cost, 0)
    WHEN type = 'DiscountedUsage' THEN
      coalesce(reservation_net_effective_cost, reservation_effective_cost, 0)
    ELSE billed
  END AS "x_NetAmortizedCost",
  CASE WHEN part = 'line' THEN reservation_net_effective_cost ELSE 0 END
    AS "x_NetReservationEffectiveCost",
  CASE WHEN part = 'line' THEN savings_plan_net_savings_plan_effective_cost ELSE 0 END
    AS "x_NetSavingsPlanEffectiveCost",
  CASE WHEN part = 'line' THEN line_item_net_unblended_cost ELSE 0 END AS "x_NetUnblendedCost",
  line_item_operation AS "x_Operation",
  pricing_unit AS "x_PricingUnit",
  CASE WHEN part = 'line' THEN pricing_public_on_demand_cost ELSE 0 END
    AS "x_PublicOnDemandCost",
  CASE WHEN part = 'line' THEN reservation_effective_cost ELSE 0 END
    AS "x_ReservationEffectiveCost",
  CASE WHEN part = 'line' THEN savings_plan_savings_plan_effective_cost ELSE 0 END
    AS "x_SavingsPlanEffectiveCost",
  line_item_product_code AS "x_ServiceCode",
  line_item_tax_type AS "x_TaxType",
  CASE WHEN part = 'line' THEN line_item_unblended_cost ELSE 0 END AS "x_UnblendedCost",
  CASE WHEN part = 'line' THEN line_item_usage_amount ELSE 0 END AS "x_UsageAmount",
  line_item_usage_type AS "x_UsageType",

  -- Not a column: says which rows are stored a second time, as their unused part.
  part = 'line' AND type IN ('RIFee', 'SavingsPlanRecurringFee')
    AND (coalesce(unused_cost, 0) <> 0 OR coalesce(net_unused_cost, 0) <> 0
      OR (type = 'RIFee' AND coalesce(reservation_unused_quantity, 0) <> 0))
    AS has_unused_part,
  -- Not columns either: how finely the report cuts time.
  identity_time_interval_start AS interval_start,
  identity_time_interval_end AS interval_end
FROM priced

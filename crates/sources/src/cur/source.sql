-- The legacy report's columns as cur/to_focus.sql reads them.

WITH aligned AS (
  SELECT
    *,
    -- A legacy report has no account names; ids stand in.
    CAST(NULL AS VARCHAR) AS payer_name,
    CAST(NULL AS VARCHAR) AS account_name,
    resource_tags['Name'] AS name_tag,
    CAST(NULL AS VARCHAR) AS capacity_reservation,
    CAST(NULL AS VARCHAR) AS capacity_state,
    -- A report has net columns when the payer has discounts in the period.
    report_has_net AS has_net
  FROM source
),


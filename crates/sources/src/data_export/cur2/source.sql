-- CUR 2.0's columns as cur/to_focus.sql reads them.
--
-- What AWS gives as maps is called *_map, single entries as columns of their own *_columns.
-- Functions: merged_map(first, second), and tags(tags, resource_tags) and
-- cost_categories(cost_category, tags), which also take prefixes off the keys.

WITH maps AS (
  SELECT
    *,
    merged_map(product_columns, product_map) AS product,
    tags(tags_map, merged_map(resource_tags_map, resource_tags_columns)) AS resource_tags,
    cost_categories(merged_map(cost_category_map, cost_category_columns), tags_map)
      AS cost_category,
    merged_map(discount_map, discount_columns) AS discount
  FROM source
),

aligned AS (
  SELECT
    *,
    bill_payer_account_name AS payer_name,
    line_item_usage_account_name AS account_name,
    -- Keys of resource_tags are all lower case, those of tags as they were given.
    coalesce(resource_tags['Name'], resource_tags['name']) AS name_tag,
    capacity_reservation_capacity_reservation_arn AS capacity_reservation,
    CASE WHEN capacity_reservation_capacity_reservation_status IN ('Used', 'Unused')
      THEN capacity_reservation_capacity_reservation_status END AS capacity_state,
    -- The net columns are there for every payer, but have values only with a discount agreement.
    net_presence IS NOT NULL AS has_net,
    product['product_name'] AS product_product_name,
    product['sku'] AS product_sku,
    product['region_code'] AS product_region_code,
    product['region'] AS product_region,
    product['location'] AS product_location,
    product['from_region_code'] AS product_from_region_code,
    product['capacitystatus'] AS product_capacitystatus
  FROM maps
),


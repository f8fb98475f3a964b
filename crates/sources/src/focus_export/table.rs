//! Every column of the table `FOCUS_1_2_AWS`: what a query that leaves nothing out has to select.
//!
//! Source: Data Exports User Guide, "FOCUS 1.2 with AWS columns".

/// Name of the table in queries.
pub const NAME: &str = "FOCUS_1_2_AWS";

/// Its columns.
pub const COLUMNS: &[&str] = &[
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_Discounts",
    "x_Operation",
    "x_ServiceCode",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::COLUMNS;
    use crate::focus_export::MAPPING;

    #[test]
    fn an_export_of_all_columns_is_one_that_is_read() {
        let names: BTreeSet<&str> = COLUMNS.iter().copied().collect();
        assert_eq!(names.len(), 60);
        let header = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        let binding = MAPPING.format.bind(header).unwrap();
        assert!((MAPPING.is_one)(&binding));
        assert_eq!(binding.unknown, [""; 0]);
    }
}

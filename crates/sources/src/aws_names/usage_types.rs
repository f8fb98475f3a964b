//! What usage types and operations tell beside the region.
//!
//! The line item type decides the purchase model where there is one; these are for reports and
//! rows that lack it.

use super::regions::split_region_prefix;

/// Is this EC2 or Fargate Spot usage, or managed spot training of Amazon `SageMaker`?
#[must_use]
pub fn is_spot(usage_type: &str) -> bool {
    usage_type.contains("SpotUsage") || usage_type.contains("TrSpt")
}

/// FOCUS `CapacityReservationStatus`, where it is certain.
///
/// `Unused` for charged unused capacity, by the usage type or by `product/capacitystatus`. Never
/// `Used`: `product/capacitystatus` says `Used` on all ordinary usage, with a reservation or
/// not, so that needs the reservation's id, which the caller may have. The row for the reserved
/// capacity itself (`Reservation:…`, `AllocatedCapacityReservation`) costs nothing and has none.
#[must_use]
pub fn capacity_reservation_status(
    usage_type: &str,
    capacity_status: &str,
) -> Option<&'static str> {
    let (_, usage) = split_region_prefix(usage_type);
    let kind = usage.split(':').next().unwrap_or(usage);
    let is_unused =
        matches!(kind, "UnusedBox" | "UnusedDed") || capacity_status == "UnusedCapacityReservation";
    is_unused.then_some("Unused")
}

/// The operating system of an EC2 operation, spelled as `product/operatingSystem` spells it;
/// `None` for other operations and for suffixes that are not documented.
///
/// `RunInstances` alone is Linux; a suffix names the licences, of which SQL Server's editions are
/// not told here. `product/operatingSystem` is better where present.
#[must_use]
pub fn operating_system_from_operation(operation: &str) -> Option<&'static str> {
    let rest = operation.strip_prefix("RunInstances")?;
    if rest.is_empty() {
        return Some("Linux");
    }
    match rest.strip_prefix(':')? {
        "0004" | "0100" | "0200" => Some("Linux"),
        "0002" | "0006" | "0102" | "0202" | "0800" => Some("Windows"),
        "0010" => Some("RHEL"),
        "1010" => Some("Red Hat Enterprise Linux with HA"),
        "000g" => Some("SUSE"),
        "00g0" => Some("Ubuntu Pro"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spot_is_in_the_usage_type() {
        for usage_type in [
            "SpotUsage:m5.large",
            "EUC1-SpotUsage:m5.large",
            "USE1-SpotUsage-Fargate-vCPU-Hours:perCPU",
            "USE1-TrSpt:ml.p3.2xlarge",
        ] {
            assert!(is_spot(usage_type), "{usage_type}");
        }
        assert!(!is_spot("BoxUsage:m5.large"));
        assert!(!is_spot(""));
    }

    #[test]
    fn only_unused_capacity_is_certain() {
        for usage_type in
            ["UnusedBox:m5.large", "APS3-UnusedBox:m5.large", "USE1-UnusedDed:m5.large"]
        {
            assert_eq!(capacity_reservation_status(usage_type, ""), Some("Unused"));
        }
        let by_attribute = capacity_reservation_status("", "UnusedCapacityReservation");
        assert_eq!(by_attribute, Some("Unused"));
        for (usage_type, attribute) in [
            ("BoxUsage:m5.large", "Used"),
            ("Reservation:m5.large", "AllocatedCapacityReservation"),
            ("DedicatedRes:m5.large", ""),
            ("", ""),
        ] {
            assert_eq!(capacity_reservation_status(usage_type, attribute), None, "{usage_type}");
        }
    }

    #[test]
    fn suffixes_name_the_operating_system() {
        for (operation, system) in [
            ("RunInstances", Some("Linux")),
            ("RunInstances:0002", Some("Windows")),
            ("RunInstances:0004", Some("Linux")),
            ("RunInstances:0006", Some("Windows")),
            ("RunInstances:0100", Some("Linux")),
            ("RunInstances:0102", Some("Windows")),
            ("RunInstances:0200", Some("Linux")),
            ("RunInstances:0202", Some("Windows")),
            ("RunInstances:0010", Some("RHEL")),
            ("RunInstances:1010", Some("Red Hat Enterprise Linux with HA")),
            ("RunInstances:000g", Some("SUSE")),
            ("RunInstances:0800", Some("Windows")),
            ("RunInstances:00g0", Some("Ubuntu Pro")),
            ("RunInstances:SV001", None),
            ("RunInstancesX", None),
            ("CreateVolume-Gp3", None),
            ("", None),
        ] {
            assert_eq!(operating_system_from_operation(operation), system, "{operation}");
        }
    }
}

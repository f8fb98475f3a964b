//! The cost metrics that can be reported, by the names that people use.

/// A summable money column of the cost table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Name on the command line and in the API.
    pub name: &'static str,
    /// Column of `cost_and_usage` and `cost_daily`.
    pub column: &'static str,
    /// What it is, in a sentence.
    pub meaning: &'static str,
}

/// All metrics; the first is the default.
pub const ALL: &[Metric] = &[
    Metric {
        name: "billed",
        column: "BilledCost",
        meaning: "What is invoiced (FOCUS BilledCost).",
    },
    Metric {
        name: "effective",
        column: "EffectiveCost",
        meaning: "Amortized, after all discounts (FOCUS EffectiveCost).",
    },
    Metric { name: "list", column: "ListCost", meaning: "At public prices (FOCUS ListCost)." },
    Metric {
        name: "contracted",
        column: "ContractedCost",
        meaning: "At negotiated prices (FOCUS ContractedCost).",
    },
    Metric { name: "unblended", column: "x_UnblendedCost", meaning: "AWS unblended cost." },
    Metric { name: "blended", column: "x_BlendedCost", meaning: "AWS blended cost." },
    Metric { name: "amortized", column: "x_AmortizedCost", meaning: "AWS amortized cost." },
    Metric {
        name: "net-unblended",
        column: "x_NetUnblendedCost",
        meaning: "AWS net unblended cost; unblended where a source has no net column.",
    },
    Metric {
        name: "net-amortized",
        column: "x_NetAmortizedCost",
        meaning: "AWS net amortized cost; amortized where a source has no net column.",
    },
];

/// The metric called `name` (case does not matter; `x_UnblendedCost` works like `unblended`).
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|m| m.name.eq_ignore_ascii_case(name) || m.column.eq_ignore_ascii_case(name))
}

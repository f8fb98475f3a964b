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
    /// What of credits, tax and upfront fees is in it, in a sentence.
    pub includes: &'static str,
    /// What AWS calls it, or the nearest that AWS has.
    pub known_as: &'static str,
    /// When to use it, in a sentence.
    pub when: &'static str,
}

/// All metrics; the first is the default.
pub const ALL: &[Metric] = &[
    Metric {
        name: "billed",
        column: "BilledCost",
        meaning: "What is invoiced (FOCUS BilledCost).",
        includes: "Credits, tax and fees count on the day on which they are charged; a purchase paid \
                   upfront is there whole, and usage that a commitment covers costs nothing.",
        known_as: "net unblended cost, or unblended cost where there are no negotiated discounts",
        when: "Use it to check an invoice, or to say what has to be paid for a month.",
    },
    Metric {
        name: "effective",
        column: "EffectiveCost",
        meaning: "Amortized, after all discounts (FOCUS EffectiveCost).",
        includes: "Purchases of commitments are spread over the usage that they cover and what stays \
                   unused; credits and tax are in it.",
        known_as: "net amortized cost",
        when: "Use it to say what a team or a service costs, and to follow cost over time: no spike \
               on the day of a purchase.",
    },
    Metric {
        name: "list",
        column: "ListCost",
        meaning: "At public prices (FOCUS ListCost).",
        includes: "Usage counts at its on-demand price, before every discount; credits and tax are \
                   as they are billed.",
        known_as: "public on-demand cost",
        when: "Use it beside the effective cost: the difference is what all discounts save.",
    },
    Metric {
        name: "contracted",
        column: "ContractedCost",
        meaning: "At negotiated prices (FOCUS ContractedCost).",
        includes: "Negotiated discounts are taken off, those of commitments are not; where AWS does \
                   not tell the negotiated price of covered usage, its public price counts.",
        known_as: "no name of its own",
        when: "Use it beside the effective cost: the difference is what commitments save.",
    },
    Metric {
        name: "unblended",
        column: "x_UnblendedCost",
        meaning: "AWS unblended cost.",
        includes: "Every line as AWS charges it on its day, before negotiated discounts that come as \
                   columns of their own; credits, tax and upfront fees are in it.",
        known_as: "unblended cost, which Cost Explorer shows by default",
        when: "Use it to compare with Cost Explorer or with the Bills page.",
    },
    Metric {
        name: "blended",
        column: "x_BlendedCost",
        meaning: "AWS blended cost.",
        includes: "Usage at the average rate of all accounts of the organisation, as AWS delivers it.",
        known_as: "blended cost",
        when: "Use it only to follow older reports: it is no account's own cost.",
    },
    Metric {
        name: "amortized",
        column: "x_AmortizedCost",
        meaning: "AWS amortized cost.",
        includes: "Upfront and recurring fees of commitments are spread over what they cover, before \
                   negotiated discounts; credits and tax are in it.",
        known_as: "amortized cost",
        when: "Use it to compare with Cost Explorer when it shows amortized costs.",
    },
    Metric {
        name: "net-unblended",
        column: "x_NetUnblendedCost",
        meaning: "AWS net unblended cost; unblended where a source has no net column.",
        includes: "As unblended cost, after negotiated discounts.",
        known_as: "net unblended cost",
        when: "Use it to compare with Cost Explorer when it shows net unblended costs.",
    },
    Metric {
        name: "net-amortized",
        column: "x_NetAmortizedCost",
        meaning: "AWS net amortized cost; amortized where a source has no net column.",
        includes: "As amortized cost, after negotiated discounts.",
        known_as: "net amortized cost",
        when: "Use it to compare with Cost Explorer when it shows net amortized costs.",
    },
];

/// The metric called `name` (case does not matter; `x_UnblendedCost` works like `unblended`).
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|m| m.name.eq_ignore_ascii_case(name) || m.column.eq_ignore_ascii_case(name))
}

//! What is compared: the costs that the lake and Cost Explorer both have.

use serde::Serialize;

/// A cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// As charged.
    Unblended,
    /// Commitments by the usage that they cover.
    Amortized,
    /// As charged, after enterprise discounts.
    NetUnblended,
    /// Amortized, after enterprise discounts.
    NetAmortized,
}

/// A number for each of [`Metric::ALL`], in units of 10⁻¹⁸.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amounts(pub(super) [i128; 4]);

impl Metric {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Unblended, Self::Amortized, Self::NetUnblended, Self::NetAmortized];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unblended => "unblended",
            Self::Amortized => "amortized",
            Self::NetUnblended => "net-unblended",
            Self::NetAmortized => "net-amortized",
        }
    }

    /// Cost Explorer's word for it; the column of the lake has `x_` before it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unblended => "UnblendedCost",
            Self::Amortized => "AmortizedCost",
            Self::NetUnblended => "NetUnblendedCost",
            Self::NetAmortized => "NetAmortizedCost",
        }
    }

    /// A row's amount in SQL. Net metrics of a bill without an agreement are the plain ones.
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Unblended => "x_UnblendedCost",
            Self::Amortized => "x_AmortizedCost",
            Self::NetUnblended => "coalesce(x_NetUnblendedCost, x_UnblendedCost)",
            Self::NetAmortized => "coalesce(x_NetAmortizedCost, x_AmortizedCost)",
        }
    }
}

impl Amounts {
    /// The amount of a metric.
    pub(super) const fn of(&self, metric: Metric) -> i128 {
        let [unblended, amortized, net_unblended, net_amortized] = self.0;
        match metric {
            Metric::Unblended => unblended,
            Metric::Amortized => amortized,
            Metric::NetUnblended => net_unblended,
            Metric::NetAmortized => net_amortized,
        }
    }

    /// Adds amounts whose sums are known to fit.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, amount) in self.0.iter_mut().zip(other.0) {
            *sum += amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_columns_of_the_lake() {
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            let column = format!("x_{}", metric.title());
            assert!(billhook_focus::columns::find(&column).is_some(), "{column}");
            assert!(metric.sql().contains(&column));
            let mut amounts = Amounts::default();
            amounts.0[index] = 7;
            let twice = amounts;
            amounts.add(&twice);
            assert_eq!(amounts.of(metric), 14);
        }
    }
}

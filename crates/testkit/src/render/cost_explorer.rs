//! Cost Explorer's `GetCostAndUsage`, answered from the ledger.
//!
//! [`CostExplorer::answer`] evaluates a request as AWS does: periods, metrics, groups, filters and
//! pages. [`Server`] serves it over HTTP and can be told to fail; [`CostExplorer::moto_presets`]
//! gives the same answers to the AWS emulator.
//!
//! A line counts in the period in which its usage begins: taxes and monthly fees on the first of
//! the month. Whether AWS checks signatures, permissions and prices is left to others.

mod answer;
mod api_error;
mod dimension;
mod filter;
mod metric;
mod period;
mod request;
mod server;

use serde_json::{Value, json};

use crate::calendar::{Date, Month};
use crate::synth::Line;

pub use api_error::ApiError;
pub use dimension::record_type;
pub use metric::Metric;
pub use server::{Failure, Server};

use request::Request;

/// Groups of a page unless told otherwise. AWS states no number.
const PAGE_SIZE: usize = 5_000;

/// A payer's costs as Cost Explorer knows them.
#[derive(Clone, Debug)]
pub struct CostExplorer {
    lines: Vec<Line>,
    estimated: Vec<Month>,
    today: Date,
    page_size: usize,
}

impl CostExplorer {
    /// The costs of one payer: `lines` of several months, of which `estimated` are not closed, on
    /// the day `today`.
    #[must_use]
    pub fn new(lines: Vec<Line>, estimated: &[Month], today: Date) -> Self {
        Self { lines, estimated: estimated.to_vec(), today, page_size: PAGE_SIZE }
    }

    /// The same with so many groups (or, without groups, periods) on a page, at least 1.
    #[must_use]
    pub fn with_page_size(self, groups: usize) -> Self {
        Self { page_size: groups.max(1), ..self }
    }

    /// The answer to the body of a `GetCostAndUsage` request.
    ///
    /// # Errors
    /// What AWS answers to a request that is not valid, or whose page token is not of it.
    pub fn answer(&self, request: &Value) -> Result<Value, ApiError> {
        let request = Request::parse(request, self.today)?;
        answer::answer(self, &request)
    }

    /// What to post to moto's `/moto-api/static/ce/cost-and-usage-results`, in this order: for each
    /// request a body with all pages of its answer.
    ///
    /// # Errors
    /// Those of [`answer`](Self::answer); moto cannot be told to fail.
    pub fn moto_presets(&self, requests: &[Value]) -> Result<Vec<Value>, ApiError> {
        requests.iter().map(|request| Ok(json!({"results": self.pages(request)?}))).collect()
    }

    /// All pages of the answer.
    ///
    /// # Errors
    /// Those of [`answer`](Self::answer).
    pub fn pages(&self, request: &Value) -> Result<Vec<Value>, ApiError> {
        let mut request = request.clone();
        let mut pages = Vec::new();
        loop {
            let page = self.answer(&request)?;
            let token = page.get("NextPageToken").cloned();
            pages.push(page);
            match (token, request.as_object_mut()) {
                (Some(token), Some(fields)) => fields.insert("NextPageToken".to_owned(), token),
                _ => return Ok(pages),
            };
        }
    }
}

#[cfg(test)]
mod tests;

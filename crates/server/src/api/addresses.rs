//! Views and queries that are too long for a link. They are kept under a short address, which is
//! equal for equal ones.

use axum::response::Redirect;
use billhook_registry::LONGEST_ADDRESS;

use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;

/// The longest query of a link, characters: more is cut by mail programs, chats and proxies.
const LONGEST: usize = 4_000;

/// What is kept under a short address.
///
/// # Errors
/// When nothing is, or no longer, or the control database fails.
pub(crate) async fn find(app: &App, hash: &str) -> Result<String, Fail> {
    let (wanted, now) = (hash.to_owned(), app.now());
    let found = app.ask_registry(move |registry| registry.address(&wanted, now)).await?;
    found.map(|found| found.address).ok_or_else(|| {
        let why = "No view or query is kept under this address. It may be misspelt, or nobody has \
                   opened it for 90 days.";
        Fail::missing(why, "Ask whoever gave it to you to open the view again and share its link.")
            .linked("Costs", "/costs")
    })
}

/// The link to a page: its address, or a short one when that is too long; nothing when it is too
/// long to be kept.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn link(app: &App, ask: &Ask, address: &str) -> Result<Option<String>, Fail> {
    if !is_long(address) {
        return Ok(Some(address.to_owned()));
    }
    if ask.shows.as_deref() == Some(address) {
        return Ok(Some(ask.uri.path().to_owned()));
    }
    if address.len() > LONGEST_ADDRESS {
        return Ok(None);
    }
    let (address, owner, now) = (address.to_owned(), ask.name().to_owned(), app.now());
    let kept = app.ask_registry(move |registry| registry.keep_address(&address, &owner, now));
    Ok(Some(format!("/v/{}", kept.await?)))
}

/// Where a page has its one address, when it was asked for by another: equal views have one.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn canonical(
    app: &App,
    ask: &Ask,
    address: &str,
) -> Result<Option<Redirect>, Fail> {
    if ask.fragment().is_some() || ask.shows.as_deref().is_some_and(|shows| shows == address) {
        return Ok(None);
    }
    let link = link(app, ask, address).await?;
    Ok(link.filter(|link| link != ask.here()).map(|link| Redirect::to(&link)))
}

/// Is an address too long for a link?
pub(crate) fn is_long(address: &str) -> bool {
    address.split_once('?').is_some_and(|(_, query)| query.len() > LONGEST)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, is_long};

    #[test]
    fn what_has_room_in_a_link_stays_there() {
        assert!(!is_long("/costs"));
        assert!(!is_long(&format!("/costs?{}", "x".repeat(LONGEST))));
        assert!(is_long(&format!("/costs?{}", "x".repeat(LONGEST + 1))));
    }
}

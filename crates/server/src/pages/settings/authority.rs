//! The tab of authority: whose rows count.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Months, NaiveDate};

use super::{Tab, shell, tabs};
use crate::api::Amount;
use crate::api::authority::{
    self, AuthorityAccount, AuthorityChange, AuthorityMonth, AuthoritySum, NewChoice,
};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// Months of an account that are shown at first.
const MONTHS: usize = 13;

/// The pages and the form.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/authority", Need::Admin, list),
        get("/settings/authority/{account}", Need::Admin, page),
        post("/settings/authority/{account}", Need::Admin, save),
    ]
}

/// An account, as the list has it.
struct AccountCard {
    id: String,
    href: String,
    /// What was set, as sentences.
    wishes: Vec<String>,
    /// Is there anything to choose?
    has_rivals: bool,
    months: Vec<MonthRow>,
    /// How many months are not shown.
    older: usize,
}

/// A month, as the table has it.
struct MonthRow {
    period: String,
    name: String,
    connection: String,
    kind: String,
    from: String,
    to: String,
    is_wished: bool,
    billed: Vec<Money>,
    others: Vec<OtherRow>,
}

/// A connection that does not count.
struct OtherRow {
    connection: String,
    billed: Vec<Money>,
}

/// An amount as it is shown, and with all digits.
struct Money {
    shown: String,
    exact: String,
    currency: String,
}

impl Money {
    fn of(sum: &AuthoritySum) -> Self {
        let AuthoritySum { currency, amount } = sum;
        Self { shown: amount.shown(currency), exact: amount.exact(), currency: currency.clone() }
    }
}

impl MonthRow {
    fn of(month: &AuthorityMonth) -> Self {
        let others = month.others.iter().map(|other| OtherRow {
            connection: format::visible(&other.connection),
            billed: other.billed.iter().map(Money::of).collect(),
        });
        let (from, to) = bounds(&month.period);
        Self {
            from,
            to,
            period: month.period.clone(),
            name: format::month(&month.period),
            connection: format::visible(&month.connection),
            kind: month.kind.clone(),
            is_wished: month.is_wished,
            billed: month.billed.iter().map(Money::of).collect(),
            others: others.collect(),
        }
    }
}

/// First day of a month, and that of the next one.
fn bounds(period: &str) -> (String, String) {
    let from = format!("{period}-01");
    let first = NaiveDate::parse_from_str(&from, "%Y-%m-%d").ok();
    let to = first.and_then(|first| first.checked_add_months(Months::new(1)));
    (from, to.map(|to| to.to_string()).unwrap_or_default())
}

/// A total that would be another one.
struct ChangeRow {
    period: String,
    name: String,
    old: String,
    new: String,
    currency: String,
    from: String,
    to: String,
    /// Now, then, and the difference.
    billed: Vec<Money>,
    effective: Vec<Money>,
}

impl ChangeRow {
    fn of(change: AuthorityChange) -> Self {
        let currency = change.currency;
        let amounts = |old: Amount, new: Amount, by: Amount| {
            let money = |amount: Amount, shown: String| Money {
                shown,
                exact: amount.exact(),
                currency: currency.clone(),
            };
            vec![
                money(old, old.shown(&currency)),
                money(new, new.shown(&currency)),
                money(by, format::change(by.0, &currency)),
            ]
        };
        let (from, to) = bounds(&change.period);
        Self {
            from,
            to,
            name: format::month(&change.period),
            period: change.period,
            old: format::visible(&change.old),
            new: format::visible(&change.new),
            billed: amounts(change.billed_old, change.billed_new, change.billed_change),
            effective: amounts(change.effective_old, change.effective_new, change.effective_change),
            currency,
        }
    }
}

#[derive(Template)]
#[template(path = "settings/authority.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    accounts: Vec<AccountCard>,
}

/// A connection to choose.
struct ConnectionChoice {
    name: String,
    is_chosen: bool,
}

/// A month to choose.
struct MonthChoice {
    period: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "settings/authority_account.html")]
struct One {
    shell: Shell,
    tabs: Vec<Tab>,
    account: AccountCard,
    connections: Vec<ConnectionChoice>,
    is_own_choice: bool,
    from: Vec<MonthChoice>,
    /// What was set when the page was drawn.
    seen: String,
    /// What was chosen, and what it would change; nothing before a choice was looked at.
    preview: Option<Preview>,
}

/// A choice, before it is saved.
struct Preview {
    connection: String,
    from: String,
    /// `cur-hourly from Oct 2026 on`.
    words: String,
    changes: Vec<ChangeRow>,
}

fn card(account: &AuthorityAccount, most: usize) -> AccountCard {
    let wishes = account.wishes.iter().map(|wish| {
        let since = wish.from.as_deref().map(|from| format!("from {} on", format::month(from)));
        let name = wish.connection.as_deref().map(format::visible);
        let name = name.unwrap_or_else(|| "Billhook's choice".to_owned());
        format!("{}: {name}", since.unwrap_or_else(|| "all months".to_owned()))
    });
    let path =
        percent_encoding::utf8_percent_encode(&account.account, percent_encoding::NON_ALPHANUMERIC);
    AccountCard {
        id: format::visible(&account.account),
        href: format!("/settings/authority/{path}"),
        wishes: wishes.collect(),
        has_rivals: account.connections.len() > 1,
        months: account.months.iter().take(most).map(MonthRow::of).collect(),
        older: account.months.len().saturating_sub(most),
    }
}

async fn list(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let accounts = authority::answer(&app).await?;
    draw(&List {
        shell: shell(&app, &ask, &["Authority"]).await?,
        tabs: tabs(&ask, "Authority"),
        accounts: accounts.iter().map(|account| card(account, MONTHS)).collect(),
    })
}

async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    let account = authority::one(&app, &id).await?;
    let connection = ask.parameter("connection");
    let from = ask.parameter("from").filter(|from| !from.is_empty());
    let preview = match &connection {
        None => None,
        Some(name) => Some(preview(&app, &id, name, from.as_deref()).await?),
    };
    // At first what counts in the newest month is chosen.
    let newest = account.months.first().filter(|month| month.is_wished);
    let chosen = connection
        .or_else(|| newest.map(|month| month.connection.clone()))
        .filter(|name| !name.is_empty());
    let connections = account.connections.iter().map(|name| ConnectionChoice {
        name: name.clone(),
        is_chosen: chosen.as_ref() == Some(name),
    });
    let months = account.months.iter().map(|month| MonthChoice {
        period: month.period.clone(),
        name: format::month(&month.period),
        is_chosen: from.as_ref() == Some(&month.period),
    });
    let shell = shell(&app, &ask, &[&account.account, "Authority"]).await?;
    draw(&One {
        shell: shell.under(&[("Settings", "/settings"), ("Authority", "/settings/authority")]),
        tabs: tabs(&ask, "Authority"),
        connections: connections.collect(),
        is_own_choice: chosen.is_none(),
        from: months.collect(),
        seen: account.seen.clone(),
        account: card(&account, usize::MAX),
        preview,
    })
}

async fn preview(
    app: &App,
    account: &str,
    connection: &str,
    from: Option<&str>,
) -> Result<Preview, Fail> {
    let new = NewChoice {
        account: account.to_owned(),
        connection: Some(connection.to_owned()).filter(|name| !name.is_empty()),
        from: from.map(str::to_owned),
        seen: None,
    };
    let changes = authority::preview(app, &new).await?;
    let name = new.connection.as_deref().map(format::visible);
    let name = name.unwrap_or_else(|| "Billhook's choice".to_owned());
    let since = from.map(|from| format!(" from {} on", format::month(from)));
    Ok(Preview {
        connection: connection.to_owned(),
        from: from.unwrap_or_default().to_owned(),
        words: format!("{name}{}", since.unwrap_or_else(|| " in all months".to_owned())),
        changes: changes.into_iter().map(ChangeRow::of).collect(),
    })
}

async fn save(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(account): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let text = |name: &str| posted.get(name).map(str::to_owned);
    let new = NewChoice {
        connection: text("connection"),
        from: text("from"),
        seen: text("seen"),
        account,
    };
    authority::set(&app, &ask, &new).await?;
    Ok(Redirect::to("/settings/authority").into_response())
}

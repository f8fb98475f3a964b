//! Whose rows count, and choosing another connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use billhook_engine::authority::{self, Billed, Change, Choice};
use billhook_lake::authority::Wish;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{Amount, Told, users};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get, put};

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/authority", Need::Viewer, list_call),
        put("/api/v1/authority", Need::Admin, set_call),
        get("/api/v1/authority/preview", Need::Admin, preview_call),
    ]
}

/// A billing account, with the connections that bill it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuthorityAccount {
    /// Billing account.
    pub(crate) account: String,
    /// What was set, in the order of time; empty when everything is left to Billhook.
    pub(crate) wishes: Vec<AuthorityWish>,
    /// All connections that bill it in any month.
    pub(crate) connections: Vec<String>,
    /// Its months, the newest first.
    pub(crate) months: Vec<AuthorityMonth>,
    /// What was set, as one text: send it as `seen` to be told when somebody has set something
    /// else meanwhile.
    pub(crate) seen: String,
}

/// What was set.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuthorityWish {
    /// From this month on, YYYY-MM; nothing for the very first one.
    pub(crate) from: Option<String>,
    /// This connection counts; nothing when it is left to Billhook.
    pub(crate) connection: Option<String>,
}

/// A month of a billing account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuthorityMonth {
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// The connection that counts.
    pub(crate) connection: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Was it chosen by somebody?
    pub(crate) is_wished: bool,
    /// What it adds to the totals: Σ `BilledCost`.
    pub(crate) billed: Vec<AuthoritySum>,
    /// The connections that do not count.
    pub(crate) others: Vec<NotCounted>,
}

/// A connection that does not count.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NotCounted {
    /// Its name.
    pub(crate) connection: String,
    /// What it would add: Σ `BilledCost`.
    pub(crate) billed: Vec<AuthoritySum>,
}

/// An amount with its currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuthoritySum {
    /// Currency.
    pub(crate) currency: String,
    /// Amount.
    pub(crate) amount: Amount,
}

/// Another choice.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChoice {
    /// Billing account.
    pub(crate) account: String,
    /// The connection that is to count in every month that it has; nothing leaves it to Billhook.
    pub(crate) connection: Option<String>,
    /// From this month on, YYYY-MM; nothing for all. What was set for later months goes.
    pub(crate) from: Option<String>,
    /// `seen` of the account; when it is given and something else was set since, nothing is done.
    pub(crate) seen: Option<String>,
}

impl NewChoice {
    fn choice(&self) -> Choice<'_> {
        Choice {
            account: &self.account,
            connection: self.connection.as_deref(),
            from: self.from.as_deref(),
        }
    }
}

/// A total that a choice would change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuthorityChange {
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// The connection that counts now.
    pub(crate) old: String,
    /// The one that would count.
    pub(crate) new: String,
    /// Currency.
    pub(crate) currency: String,
    /// Σ `BilledCost` of the account now.
    pub(crate) billed_old: Amount,
    /// Σ `BilledCost` then.
    pub(crate) billed_new: Amount,
    /// The difference.
    pub(crate) billed_change: Amount,
    /// Σ `EffectiveCost` of the account now.
    pub(crate) effective_old: Amount,
    /// Σ `EffectiveCost` then.
    pub(crate) effective_new: Amount,
    /// The difference.
    pub(crate) effective_change: Amount,
}

impl From<Change> for AuthorityChange {
    fn from(change: Change) -> Self {
        let Change { period, old, new, currency, billed, effective } = change;
        let by = |(old, new): (i128, i128)| Amount(new.saturating_sub(old));
        Self {
            period,
            old,
            new,
            currency,
            billed_old: Amount(billed.0),
            billed_new: Amount(billed.1),
            billed_change: by(billed),
            effective_old: Amount(effective.0),
            effective_new: Amount(effective.1),
            effective_change: by(effective),
        }
    }
}

/// All billing accounts: first those that several connections bill.
///
/// # Errors
/// When the lake cannot be read.
pub(crate) async fn answer(app: &App) -> Result<Vec<AuthorityAccount>, Fail> {
    let session = app.session(None).await?;
    let mut sums: BTreeMap<(String, String, String), Vec<AuthoritySum>> = BTreeMap::new();
    for Billed { account, period, connection, currency, billed, .. } in
        authority::billed_in(&session, None).await?
    {
        let sum = AuthoritySum { currency, amount: Amount(billed) };
        sums.entry((account, period, connection)).or_default().push(sum);
    }
    let mut accounts: BTreeMap<String, AuthorityAccount> = BTreeMap::new();
    for entry in authority::list_in(&session) {
        let mut billed = |connection: &str| {
            let key = (entry.account.clone(), entry.period.clone(), connection.to_owned());
            sums.remove(&key).unwrap_or_default()
        };
        let others = entry
            .others
            .iter()
            .map(|name| NotCounted { connection: name.clone(), billed: billed(name) });
        let others: Vec<NotCounted> = others.collect();
        let month = AuthorityMonth {
            billed: billed(&entry.authority),
            others,
            period: entry.period.clone(),
            connection: entry.authority.clone(),
            kind: entry.kind.clone(),
            is_wished: entry.is_wished,
        };
        let account = accounts.entry(entry.account.clone()).or_insert_with(|| {
            let wish = session.wishes.get(&entry.account).cloned().unwrap_or_default();
            AuthorityAccount {
                account: entry.account.clone(),
                wishes: wishes(&wish),
                connections: Vec::new(),
                months: Vec::new(),
                seen: seen(&wish),
            }
        });
        account.connections.push(entry.authority);
        account.connections.extend(entry.others);
        account.months.push(month);
    }
    let mut accounts: Vec<AuthorityAccount> = accounts.into_values().collect();
    for account in &mut accounts {
        account.connections.sort_unstable();
        account.connections.dedup();
        account.months.reverse();
    }
    accounts.sort_by_key(|account| account.connections.len() < 2);
    Ok(accounts)
}

/// One billing account.
///
/// # Errors
/// [`Fail`] when no connection bills it.
pub(crate) async fn one(app: &App, id: &str) -> Result<AuthorityAccount, Fail> {
    let found = answer(app).await?.into_iter().find(|account| account.account == id);
    found.ok_or_else(|| {
        let what = format!("No connection bills an account {}.", crate::format::visible(id));
        let fail = Fail::missing(what, "Choose one of those there are.");
        fail.linked("Authority", "/settings/authority")
    })
}

/// What a choice would change.
///
/// # Errors
/// [`Fail`] when there is no such account, connection or month.
pub(crate) async fn preview(app: &App, new: &NewChoice) -> Result<Vec<AuthorityChange>, Fail> {
    let session = app.session(None).await?;
    let changes = authority::preview_in(&session, new.choice()).await?;
    Ok(changes.into_iter().map(AuthorityChange::from).collect())
}

/// Makes a choice.
///
/// # Errors
/// [`Fail`] as of [`preview`], and when something else was set meanwhile.
pub(crate) async fn set(app: &App, ask: &Ask, new: &NewChoice) -> Result<(), Fail> {
    let _turn = app.turns.lock().await;
    let before = authority::wish(&app.home, &new.account).await?;
    if new.seen.as_ref().is_some_and(|known| *known != seen(&before)) {
        let chosen = new.connection.as_deref().unwrap_or("Billhook's choice");
        let since = new.from.as_deref().map(|from| format!(" from {from} on"));
        let now = format!(
            "for {} {} is set now; you chose {chosen}{}",
            new.account,
            words(&before),
            since.unwrap_or_default()
        );
        let page = format!("/settings/authority/{}", new.account);
        let fail = users::conflict(app, &new.account, &now).await;
        return Err(fail.linked("Look at it again", page));
    }
    let session = app.session(None).await?;
    let after = authority::set_in(&app.home, &session, new.choice()).await?;
    app.sessions.forget().await;
    app.forget_pulse().await;
    let (before, after) = (json!(wishes(&before)), json!(wishes(&after)));
    app.note(ask, "authority.set", &new.account, Some(before), Some(after)).await
}

/// What was set, in words: `cur, from 2026-10 on legacy`.
pub(crate) fn words(wish: &Wish) -> String {
    let steps = wish.steps().map(|(from, connection)| {
        let name = connection.unwrap_or("Billhook's choice");
        if from.is_empty() { name.to_owned() } else { format!("from {from} on {name}") }
    });
    let steps: Vec<String> = steps.collect();
    if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") }
}

fn wishes(wish: &Wish) -> Vec<AuthorityWish> {
    let wishes = wish.steps().map(|(from, connection)| AuthorityWish {
        from: Some(from.to_owned()).filter(|from| !from.is_empty()),
        connection: connection.map(str::to_owned),
    });
    wishes.collect()
}

fn seen(wish: &Wish) -> String {
    json!(wish).to_string()
}

/// Which connection counts, by billing account and month
#[utoipa::path(
    get, path = "/api/v1/authority", tag = "authority",
    responses((status = 200, description = "Billing accounts.", body = Vec<AuthorityAccount>))
)]
async fn list_call(State(app): State<Arc<App>>) -> Result<Json<Vec<AuthorityAccount>>, Fail> {
    answer(&app).await.map(Json)
}

/// What another choice would change, before it is made
#[utoipa::path(
    get, path = "/api/v1/authority/preview", tag = "authority",
    params(
        ("account" = String, Query, description = "Billing account"),
        ("connection" = Option<String>, Query, description = "Nothing: Billhook's choice"),
        ("from" = Option<String>, Query, description = "From this month on, YYYY-MM"),
    ),
    responses((status = 200, description = "What would change.", body = Vec<AuthorityChange>))
)]
async fn preview_call(
    State(app): State<Arc<App>>,
    ask: Ask,
) -> Result<Json<Vec<AuthorityChange>>, Fail> {
    let of = |name: &str| ask.parameter(name).filter(|value| !value.is_empty());
    let account = of("account").ok_or_else(|| Fail::bad("account= is missing"))?;
    let new = NewChoice { account, connection: of("connection"), from: of("from"), seen: None };
    preview(&app, &new).await.map(Json)
}

/// Have another connection count
#[utoipa::path(
    put, path = "/api/v1/authority", tag = "authority", request_body = NewChoice,
    responses(
        (status = 200, description = "Accounts as they are now.", body = Vec<AuthorityAccount>),
        (status = 409, description = "Something else was set meanwhile."),
    )
)]
async fn set_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Told(new): Told<NewChoice>,
) -> Result<Json<Vec<AuthorityAccount>>, Fail> {
    set(&app, &ask, &new).await?;
    answer(&app).await.map(Json)
}

#[derive(OpenApi)]
#[openapi(paths(list_call, preview_call, set_call))]
pub(crate) struct Doc;

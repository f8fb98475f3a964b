//! What is round every page: its title, the menu, how fresh the data are, and who is signed in.

use std::sync::Arc;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::ask::{Ask, Via, Who};
use crate::fail::Fail;
use crate::format;
use crate::pulse::{Freshness, Pulse};

/// Parameters that every link of the menu carries on: what changes figures on all pages.
pub(crate) const CARRIED: [&str; 7] =
    ["period", "from", "to", "metric", "currency", "asof", "scope"];

/// A place of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Costs,
    History,
    Connections,
    Streams,
    Sql,
    Settings,
    /// In no menu.
    Elsewhere,
}

/// The menu, in its order.
const MENU: [(Place, &str, &str); 7] = [
    (Place::Overview, "Overview", "/"),
    (Place::Costs, "Costs", "/costs"),
    (Place::History, "History", "/history"),
    (Place::Connections, "Connections", "/connections"),
    (Place::Streams, "Streams", "/streams"),
    (Place::Sql, "SQL", "/sql"),
    (Place::Settings, "Settings", "/settings"),
];

/// A link of the menu.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: &'static str,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// A step of the way to a page; the last one is the page itself.
#[derive(Debug, Clone)]
pub(crate) struct Crumb {
    pub(crate) name: String,
    pub(crate) href: String,
}

/// A line under the header.
#[derive(Debug, Clone)]
pub(crate) struct Band {
    /// `waiting`, `degraded` or `broken`: its colour and icon.
    pub(crate) state: &'static str,
    pub(crate) text: String,
    /// A link: its text and address.
    pub(crate) link: Option<(String, String)>,
}

/// What is round a page.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// What the browser calls it: `acme-payer · Connections · Billhook`.
    pub(crate) title: String,
    /// The way to it, without itself.
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) menu: Vec<Item>,
    pub(crate) bands: Vec<Band>,
    /// The last day with data: `18 Nov`; empty without data.
    pub(crate) freshness: String,
    /// Its colour and icon.
    pub(crate) freshness_state: &'static str,
    /// How many things need somebody.
    pub(crate) attention: usize,
    /// Who is signed in, with the role; nothing when nobody has to.
    pub(crate) person: Option<(String, &'static str)>,
    /// Can the person sign out here?
    pub(crate) can_sign_out: bool,
    pub(crate) is_admin: bool,
    pub(crate) theme: &'static str,
    pub(crate) has_no_keys: bool,
    pub(crate) csrf: String,
    /// Path and query of the page, for forms that come back to it.
    pub(crate) here: String,
    /// Its one address, where that of what it shows is too long.
    pub(crate) canonical: Option<String>,
    /// The whole address of the page, for paper.
    pub(crate) address: String,
    /// When it was drawn.
    pub(crate) drawn_at: String,
    /// Versions of the stylesheet and the script, which browsers keep by them.
    pub(crate) css: &'static str,
    pub(crate) js: &'static str,
}

impl Shell {
    /// What is round a page called `names`, the page itself first: `["acme-payer", "Connections"]`.
    ///
    /// # Errors
    /// When the control database cannot be read.
    pub(crate) async fn new(
        app: &App,
        ask: &Ask,
        place: Place,
        names: &[&str],
    ) -> Result<Self, Fail> {
        let pulse = app.pulse().await?;
        let mut shell = Self::bare(app, ask, place, names);
        shell.feel(&pulse);
        Ok(shell)
    }

    /// The same without anything that is looked up: for pages before sign-in and after failures.
    pub(crate) fn bare(app: &App, ask: &Ask, place: Place, names: &[&str]) -> Self {
        let carried = carried(ask);
        let with = |href: &str| {
            if carried.is_empty() { href.to_owned() } else { format!("{href}?{carried}") }
        };
        let menu = MENU.iter().map(|(at, name, href)| Item {
            name,
            href: with(href),
            is_here: *at == place,
        });
        let menu = if matches!(ask.who, Who::Nobody) { Vec::new() } else { menu.collect() };
        let mut title = names.join(" · ");
        title.push_str(if title.is_empty() { "Billhook" } else { " · Billhook" });
        let person = match &ask.who {
            Who::User(user, _) => Some((user.name.clone(), user.role.as_str())),
            Who::Nobody | Who::Local => None,
        };
        let mut bands = Vec::new();
        if app.config.is_demo && !matches!(ask.who, Who::Nobody) {
            bands.push(Band {
                state: "waiting",
                text: "These are the data of a made-up organisation.".to_owned(),
                link: None,
            });
        }
        if let Some(as_of) = ask.parameter("asof") {
            let link = Some(("Back to now".to_owned(), without(ask, "asof")));
            let text = format!("You see what Billhook held on {}.", format::visible(&as_of));
            bands.push(Band { state: "degraded", text, link });
        }
        if matches!(ask.who, Who::Local) && !app.config.is_demo {
            let text = "Nobody has to sign in: this server answers to this machine only.";
            bands.push(Band { state: "waiting", text: text.to_owned(), link: None });
        }
        let here = ask.here().to_owned();
        // On paper the short address, where there is one.
        let path = ask.uri.path_and_query().map_or("/", |path| path.as_str());
        let address = format!("{}{path}", ask.site);
        Self {
            title,
            crumbs: Vec::new(),
            menu,
            bands,
            freshness: String::new(),
            freshness_state: "waiting",
            attention: 0,
            can_sign_out: matches!(&ask.who, Who::User(_, Via::Session(_))),
            person,
            is_admin: ask.is_admin(),
            theme: ask.theme,
            has_no_keys: ask.has_no_keys,
            csrf: ask.csrf.clone(),
            here,
            canonical: ask.shows.as_ref().map(|_| ask.uri.path().to_owned()),
            address,
            drawn_at: format::instant(app.now()),
            css: crate::assets::CSS.version(),
            js: crate::assets::JS.version(),
        }
    }

    /// The way to the page.
    pub(crate) fn under(mut self, crumbs: &[(&str, &str)]) -> Self {
        let crumb = |(name, href): &(&str, &str)| Crumb {
            name: (*name).to_owned(),
            href: (*href).to_owned(),
        };
        self.crumbs = crumbs.iter().map(crumb).collect();
        self
    }

    /// What the page calls itself, without where it is.
    pub(crate) fn name(&self) -> &str {
        self.title.split(" \u{b7} ").next().unwrap_or_default()
    }

    /// A random text for a form, so that it does something once.
    #[expect(clippy::unused_self, reason = "templates ask what they have")]
    pub(crate) fn once(&self) -> String {
        let mut bytes = [0; 12];
        // Without it the form can be sent twice, and still works.
        getrandom::fill(&mut bytes).map_or_else(|_| String::new(), |()| hex::encode(bytes))
    }

    fn feel(&mut self, pulse: &Arc<Pulse>) {
        self.attention = pulse.attention();
        if let Some(why) = &pulse.outage {
            self.bands.push(Band { state: "broken", text: why.clone(), link: None });
        }
        let Some(through) = pulse.through else { return };
        self.freshness = format::short_day(through);
        self.freshness_state = match pulse.freshness {
            Freshness::Fresh => "healthy",
            Freshness::Late => "degraded",
            Freshness::Stale => "broken",
        };
        let stale = pulse.connections.iter().filter(|felt| {
            felt.connection.paused_since.is_none() && felt.freshness == Freshness::Stale
        });
        let names: Vec<&str> = stale.map(|felt| felt.connection.name.as_str()).collect();
        if let Some((first, others)) = names.split_first() {
            let more = if others.is_empty() {
                String::new()
            } else {
                format!(" and {} more", others.len())
            };
            self.bands.push(Band {
                state: "broken",
                text: format!("Data are stale: {first}{more} brings nothing new."),
                link: Some(("See why".to_owned(), "/connections".to_owned())),
            });
        }
    }
}

/// The query with what every link carries on.
pub(crate) fn carried(ask: &Ask) -> String {
    let kept = ask.query().into_iter().filter(|(key, _)| CARRIED.contains(&key.as_str()));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

/// The address of the page without one parameter.
fn without(ask: &Ask, parameter: &str) -> String {
    let kept = ask.query().into_iter().filter(|(key, _)| key != parameter);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    if query.is_empty() { ask.path().to_owned() } else { format!("{}?{query}", ask.path()) }
}

/// A template as the answer.
///
/// # Errors
/// [`Fail`] when it cannot be drawn.
pub(crate) fn draw(template: &impl Template) -> Result<Response, Fail> {
    let text = template.render().map_err(|error| Fail::internal(error.to_string()))?;
    Ok(Html(text).into_response())
}

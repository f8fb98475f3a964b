//! The page that tells what went wrong.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::ask::{Ask, Who};
use crate::fail::Fail;
use crate::guard::public;
use crate::shell::{Place, Shell};

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure<'a> {
    shell: Shell,
    status: u16,
    title: &'a str,
    why: &'a str,
    fix: &'a str,
    link: Option<&'a (String, String)>,
    id: &'a str,
}

/// Draws a failure. When not even what is round a page can be looked up, it is drawn without.
pub(crate) async fn page(app: &App, ask: &Ask, fail: &Fail) -> Response {
    let names = [fail.title.as_str()];
    // What cannot be read is told by the failure itself.
    let is_out = fail.status == StatusCode::SERVICE_UNAVAILABLE;
    let shell = if is_out || matches!(ask.who, Who::Nobody) {
        Shell::bare(app, ask, Place::Elsewhere, &names)
    } else {
        Shell::new(app, ask, Place::Elsewhere, &names)
            .await
            .unwrap_or_else(|_| Shell::bare(app, ask, Place::Elsewhere, &names))
    };
    let failure = Failure {
        shell,
        status: fail.status.as_u16(),
        title: &fail.title,
        why: public(fail),
        fix: &fail.fix,
        link: fail.link.as_deref(),
        id: &ask.id,
    };
    let text = failure.render().unwrap_or_else(|_| format!("{}\n{}", fail.title, fail.fix));
    Html(text).into_response()
}

//! What findings mean, and how columns are made.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::api::findings::{CodeAnswer, answer, answer_one};
use crate::api::mappings::{self, Mapping};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/help/findings", Need::Viewer, findings),
        get("/help/findings/{code}", Need::Viewer, finding),
        get("/help/mappings/{kind}", Need::Viewer, mapping),
    ]
}

#[derive(Template)]
#[template(path = "connections/findings.html")]
struct Findings {
    shell: Shell,
    codes: Vec<CodeAnswer>,
}

#[derive(Template)]
#[template(path = "connections/finding.html")]
struct Finding {
    shell: Shell,
    code: CodeAnswer,
}

#[derive(Template)]
#[template(path = "costs/mapping.html")]
struct MappingPage {
    shell: Shell,
    mapping: Mapping,
}

async fn findings(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let shell = Shell::new(&app, &ask, Place::Connections, &["Findings"]).await?;
    let shell = shell.under(&[("Connections", "/connections")]);
    draw(&Findings { shell, codes: answer() })
}

async fn finding(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(code): Path<String>,
) -> Result<Response, Fail> {
    let code = answer_one(&code)?;
    let names = [code.code, "Findings"];
    let shell = Shell::new(&app, &ask, Place::Connections, &names).await?;
    let shell = shell.under(&[("Connections", "/connections"), ("Findings", "/help/findings")]);
    draw(&Finding { shell, code })
}

async fn mapping(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(kind): Path<String>,
) -> Result<Response, Fail> {
    let mapping = mappings::answer(&kind)?;
    let shell = Shell::new(&app, &ask, Place::Costs, &[mapping.kind.as_str(), "Mapping"]).await?;
    draw(&MappingPage { shell: shell.under(&[("Costs", "/costs")]), mapping })
}

//! The description of the API (`OpenAPI` 3.1), put together from those of the themes.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, Paths};

use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// The call.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/openapi.json", Need::Viewer, describe_call)]
}

/// The descriptions of all themes: one line each.
fn themes() -> Vec<OpenApi> {
    vec![
        Doc::openapi(),
        super::users::Doc::openapi(),
        super::tokens::Doc::openapi(),
        super::authority::Doc::openapi(),
        super::audit::Doc::openapi(),
        super::instance::Doc::openapi(),
        super::connections::Doc::openapi(),
        super::findings::Doc::openapi(),
        super::jobs::Doc::openapi(),
        super::costs::Doc::openapi(),
        super::cost_values::Doc::openapi(),
        super::lines::Doc::openapi(),
        super::mappings::Doc::openapi(),
        super::saved::Doc::openapi(),
        super::history::Doc::openapi(),
        super::overview::Doc::openapi(),
        super::drafts::Doc::openapi(),
        super::sinks::Doc::openapi(),
        super::sql::Doc::openapi(),
        super::queries::Doc::openapi(),
        super::tables::Doc::openapi(),
    ]
}

/// The description as JSON; nothing when it cannot be written.
static TEXT: LazyLock<Option<String>> = LazyLock::new(|| description().to_pretty_json().ok());

/// The whole description.
fn description() -> OpenApi {
    let mut info = Info::new("Billhook", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Everything that the pages of Billhook do. Amounts are decimals as text, with all their \
         digits. Times are RFC 3339 in UTC; ends of periods are exclusive. What goes wrong is told \
         as application/problem+json (RFC 9457) with the field `fix`: what to do about it. Answers \
         to GET carry an ETag."
            .to_owned(),
    );
    let mut whole = OpenApi::new(info, Paths::new());
    for theme in themes() {
        whole.merge(theme);
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token made under Settings, with the scope of the API."));
    whole
        .components
        .get_or_insert_with(Components::new)
        .add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    whole.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    whole
}

/// This description
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "instance",
    responses((status = 200, description = "OpenAPI 3.1 as JSON."))
)]
async fn describe_call() -> Result<Response, Fail> {
    let text = TEXT.as_deref().ok_or_else(|| Fail::internal("the API cannot be described"))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(describe_call))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::{TEXT, themes};

    fn methods(paths: &Value) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (path, item) in paths.as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                if ["get", "post", "put", "delete", "patch"].contains(&method.as_str()) {
                    found.insert((path.clone(), method.to_uppercase()));
                }
            }
        }
        found
    }

    #[test]
    fn every_call_is_described_and_every_description_has_a_call() {
        let whole: Value = serde_json::from_str(TEXT.as_deref().unwrap()).unwrap();
        assert!(whole["openapi"].as_str().unwrap().starts_with("3.1"));
        let described = methods(&whole["paths"]);
        let calls = crate::routes::all().into_iter();
        let calls = calls.filter(|route| route.path.starts_with("/api/"));
        let calls: BTreeSet<(String, String)> =
            calls.map(|route| (route.path.to_owned(), route.method.to_string())).collect();
        let only_calls: Vec<_> = calls.difference(&described).collect();
        let only_described: Vec<_> = described.difference(&calls).collect();
        assert!(only_calls.is_empty(), "not described: {only_calls:?}");
        assert!(only_described.is_empty(), "without a call: {only_described:?}");
    }

    /// When themes are merged, of things with the same name the first one would stay.
    #[test]
    fn no_two_themes_mean_different_things_by_a_name() {
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for theme in themes() {
            let theme = serde_json::to_value(&theme).unwrap();
            let schemas = theme["components"]["schemas"].as_object().cloned().unwrap_or_default();
            for (name, schema) in schemas {
                let before = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*before, schema, "two themes have a {name}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = TEXT.as_deref().unwrap();
        let whole: Value = serde_json::from_str(text).unwrap();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(whole["components"]["schemas"][name].is_object(), "there is no {name}");
        }
    }
}

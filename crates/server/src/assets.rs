//! The stylesheet and the script. They are named by what is in them, so browsers keep them.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// A file that goes with the pages.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: LazyLock<(String, String)>,
}

impl Asset {
    /// `billhook.css?v=…`: name and version.
    pub(crate) fn version(&self) -> &str {
        &self.text.0
    }
}

/// The stylesheet: ours, and what the charts need.
pub(crate) static CSS: Asset = Asset {
    name: "billhook.css",
    kind: "text/css; charset=utf-8",
    text: LazyLock::new(|| {
        let own = include_str!("../assets/billhook.css");
        versioned(format!("{own}\n{}", billhook_charts::PALETTE_CSS))
    }),
};

/// The script.
pub(crate) static JS: Asset = Asset {
    name: "billhook.js",
    kind: "text/javascript; charset=utf-8",
    text: LazyLock::new(|| versioned(bare(include_str!("../assets/billhook.js")))),
};

/// The script without what only its readers need: comments on lines of their own, and indentation.
/// It has no text of several lines, to which spaces would matter.
fn bare(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    kept.flat_map(|line| [line, "\n"]).collect()
}

fn versioned(text: String) -> (String, String) {
    let digest = Sha256::digest(text.as_bytes());
    (hex::encode(&digest[..8]), text)
}

/// The ways to them; needed before sign-in, too.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/assets/{name}", Need::Nobody, asset), get("/favicon.ico", Need::Nobody, icon)]
}

async fn asset(
    _: axum::extract::State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let Some(asset) = [&CSS, &JS].into_iter().find(|asset| asset.name == name) else {
        return Err(Fail::missing("There is no such file.", "Go back."));
    };
    let headers =
        [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.text.1.as_str()).into_response())
}

async fn icon(_: axum::extract::State<Arc<App>>) -> Response {
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("../assets/icon.svg")).into_response()
}

#[cfg(test)]
mod tests {
    use super::{CSS, JS};

    #[test]
    fn the_script_is_small_and_calls_nobody() {
        let script = &JS.text.1;
        assert!(script.len() <= 12_000, "{} bytes", script.len());
        assert!(script.starts_with("\"use strict\";\n"));
        for word in ["eval(", "innerHTML", "document.write", "Function(", "`\n"] {
            assert!(!script.contains(word), "{word}");
        }
        // One name of a standard is all that looks like an address.
        assert_eq!(script.matches("http").count(), 1);
        assert!(!CSS.text.1.contains("url("));
    }
}

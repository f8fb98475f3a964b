//! A new sink: looked at, tried with one test event, and saved.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::http::StatusCode;
use billhook_engine::error::causes;
use billhook_engine::publish;
use billhook_engine::{EngineError, Home};
use billhook_lake::lock::WriterLock;
use billhook_registry::{
    ConnectionName, NewSink, Registry, RegistryError, SecretString, SinkRecord,
};
use billhook_stream::settings::{SinkSettings, Target};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::on_thread;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;

/// The folder of the home with the files of sinks that were added here.
const FOLDER: &str = "events";

/// So long is waited for whoever writes to the lake.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sink to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkToAdd {
    /// Its name: 1 to 63 lowercase letters, digits and dashes.
    pub(crate) name: String,
    /// Where it sends what, and how, as `billhook sinks show` has it. The path of a file is a name
    /// alone: it lies in the folder `events` of the home.
    #[schema(value_type = Object)]
    pub(crate) settings: SinkSettings,
    /// Its secrets by name: `webhook`, `header:NAME`, `user`, `password`, `token`, `creds`,
    /// `secret_access_key`, `session_token`.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, String>,
    /// Save it without sending a test event first.
    #[serde(default)]
    pub(crate) unverified: bool,
}

/// Adds a sink. Unless it is not wanted, one test event is sent first, and nothing is saved when
/// that is not taken.
///
/// # Errors
/// When the settings cannot be used, the name is taken, or the receiver does not take the event.
pub(crate) async fn create(app: &App, ask: &Ask, new: SinkToAdd) -> Result<SinkRecord, Fail> {
    let SinkToAdd { name, mut settings, secrets, unverified } = new;
    let home = app.home.clone();
    is_name(&name)?;
    reachable(&mut settings.target, &home)?;
    settings.check().map_err(EngineError::from)?;
    let is_taken = {
        let name = name.clone();
        app.ask_registry(move |own| own.sink(&name)).await?.is_some()
    };
    if is_taken {
        return Err(Fail::unusable(format!("there is a sink {name} already")));
    }
    let secrets: BTreeMap<String, SecretString> =
        secrets.into_iter().map(|(name, value)| (name, value.into())).collect();
    if !unverified {
        verify(&name, &settings, &secrets).await?;
    }
    let (registry, now) = (Arc::clone(&app.registry), app.now());
    let shown = serde_json::to_value(&settings)
        .map_err(|error| Fail::internal(format!("settings cannot be written: {error}")))?;
    let new = NewSink {
        name: name.clone(),
        settings: shown.clone(),
        secrets: secrets.clone().into_iter().collect(),
    };
    let sink = on_thread(move || add(home, registry, settings, secrets, new, now)).await?;
    let secrets: Value = sink.secrets.iter().map(|name| (name.clone(), json!("changed"))).collect();
    let after = json!({ "settings": shown, "secrets": secrets });
    app.note(ask, "sink.added", &name, None, Some(after)).await?;
    app.forget_pulse().await;
    Ok(sink)
}

fn is_name(name: &str) -> Result<(), Fail> {
    if name.parse::<ConnectionName>().is_err() {
        // The letters are the same.
        return Err(RegistryError::SinkName { name: name.to_owned() }.into());
    }
    if name == "new" {
        return Err(Fail::unusable("a sink cannot be called new: choose another name"));
    }
    Ok(())
}

/// What only the command line may do is refused, because it lets whoever is signed in reach what
/// this machine reaches. A file comes to lie in its folder.
///
/// # Errors
/// For a place that only the command line may send to.
pub(super) fn reachable(target: &mut Target, home: &Home) -> Result<(), Fail> {
    match target {
        Target::Http(http) if http.allow_private => Err(Fail::unusable(
            "url: link-local and metadata addresses are allowed by `billhook sinks add \
             --allow-private` on the command line alone",
        )),
        Target::Stdout => Err(Fail::unusable(
            "kind: a sink that writes to standard output is added by `billhook sinks add` alone",
        )),
        Target::File { path } => {
            let mut parts = path.components();
            let is_name =
                matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
            if !is_name {
                return Err(Fail::unusable(format!(
                    "path: give the name of a file, without folders; it lies in the folder \
                     {FOLDER} of the data directory"
                )));
            }
            let folder = home.dir.join(FOLDER);
            // Whoever sends later may be somewhere else.
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            *path = folder.join(&*path);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Sends a test event.
///
/// # Errors
/// When it is not taken.
pub(super) async fn verify(
    name: &str,
    settings: &SinkSettings,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<(), Fail> {
    let (name, settings, secrets) = (name.to_owned(), settings.clone(), secrets.clone());
    let tried = on_thread(move || async move {
        make_folder(&settings)?;
        // What a receiver says is an answer here, and no failure of Billhook.
        match Box::pin(publish::try_out(&name, &settings, &secrets)).await {
            Err(EngineError::Sink { reason, .. }) => Ok(Some(reason)),
            Err(error) => Err(error),
            Ok(_) => Ok(None),
        }
    });
    match tried.await? {
        None => Ok(()),
        Some(reason) => {
            let title = "The receiver does not take events";
            let fix = "Mend it and try again, or save the sink all the same: it is tried again and \
                       again then.";
            Err(Fail::new(StatusCode::UNPROCESSABLE_ENTITY, title, reason, fix))
        }
    }
}

async fn add(
    home: Home,
    registry: Arc<Registry>,
    settings: SinkSettings,
    secrets: BTreeMap<String, SecretString>,
    new: NewSink,
    now: i64,
) -> Result<SinkRecord, EngineError> {
    make_folder(&settings)?;
    let _held = Box::pin(publish::Held::for_new(&home.lake, &settings, writer(&home))).await?;
    Box::pin(publish::add(&home.lake, &registry, &settings, &secrets, new, now)).await
}

/// Waits for whoever writes to the lake, and keeps others from it.
///
/// # Errors
/// When that takes too long, or the lake cannot be written.
pub(super) async fn writer(home: &Home) -> Result<WriterLock, EngineError> {
    let stop = AtomicBool::new(false);
    let waited = tokio::time::timeout(PATIENCE, home.writer_until(&stop, |_| {})).await;
    waited.map_err(|_| {
        let text = "something is being loaded: save a sink that wants hours when that is done";
        EngineError::Usage(text.to_owned())
    })?
}

/// Makes the folder of a file.
///
/// # Errors
/// When the disk fails.
pub(super) fn make_folder(settings: &SinkSettings) -> Result<(), EngineError> {
    let Target::File { path } = &settings.target else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| EngineError::Disk {
        action: format!("cannot make the directory {}", folder.display()),
        source,
    })
}

/// The setting that a refusal is about, as it is called in the settings; empty for none.
pub(crate) fn setting(fail: &Fail) -> &str {
    let (setting, _) = fail.why.split_once(": ").unwrap_or_default();
    let is_name = !setting.is_empty()
        && setting.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_name { setting } else { "" }
}

/// Why settings cannot be read, as somebody who wrote them by hand wants to know.
pub(crate) fn unreadable(error: &serde_json::Error) -> Fail {
    Fail::unusable(format!("the settings cannot be understood: {}", causes(error)))
}

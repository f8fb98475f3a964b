//! `billhook doctor`: is this machine and lake fit for use?

use std::io::Write;

use billhook_engine::EngineError;
use billhook_engine::doctor;

use crate::config::{Config, FILE};
use crate::context::{Context, causes};

pub(crate) async fn run(context: &Context) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let mut is_well = true;
    let mut tell = |name: &str, is_fine: bool, text: &str| -> std::io::Result<()> {
        is_well &= is_fine;
        writeln!(out, "{}  {name}: {text}", if is_fine { "ok  " } else { "FAIL" })
    };
    tell("version", true, &format!("billhook {}", env!("CARGO_PKG_VERSION")))?;
    let config = &context.config;
    match told(config) {
        Ok(text) => tell("configuration", true, &text)?,
        Err(text) => tell("configuration", false, &text)?,
    }
    for set in config.shown().iter().filter(|one| one.source != "default") {
        tell(&format!("setting {}", set.key), true, &format!("{} ({})", set.value, set.source))?;
    }
    let home = match context.existing_home().await {
        Ok(home) => home,
        Err(error) => {
            // Looking must not make anything.
            let is_nothing = matches!(error.downcast_ref(), Some(EngineError::Nothing(_)));
            tell("home", is_nothing, &causes(error.as_ref()))?;
            return Ok(u8::from(!is_nothing));
        }
    };
    for found in doctor::look(&home).await {
        tell(&found.name, found.is_well, &found.text)?;
    }
    Ok(u8::from(!is_well))
}

/// Where the configuration is, and whether a server can be told it.
fn told(config: &Config) -> Result<String, String> {
    config.server(false).map_err(|error| causes(&error))?;
    let file = config.file.as_ref().map(|file| file.display().to_string());
    Ok(file.unwrap_or_else(|| format!("no file {FILE}")))
}

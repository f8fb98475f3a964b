//! What pages are looked at with: the Chromium of the system, and axe-core by npm. Neither is part
//! of the repository, and no browser is downloaded.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::workspace;

/// The version of axe-core.
const AXE: &str = "4.14.1";

/// Names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Chromium, if the system has it.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.find(|path| path.is_file())
}

/// The script of axe-core, from the cache or by npm; nothing where npm is missing or fails.
pub(crate) fn axe() -> anyhow::Result<Option<PathBuf>> {
    let folder = workspace::cache()?.join(format!("axe-{AXE}"));
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if script.is_file() {
        return Ok(Some(script));
    }
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]);
    npm.arg("--prefix").arg(&folder).arg(format!("axe-core@{AXE}"));
    let installed = npm.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = installed.is_ok_and(|status| status.success()) && script.is_file();
    Ok(is_there.then_some(script))
}

//! Where things are: the workspace, its metadata, the cache, the Billhook binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    // What cargo says now: a shared target folder may hold a build of another checkout.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = here.parent().with_context(|| format!("{} has no parent", here.display()))?;
    Ok(root.to_path_buf())
}

/// Folder for what is costly to make and safe to delete: `$HOME/.cache/billhook`.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join(".cache").join("billhook"))
}

/// `cargo`, as the one that runs us, in the workspace.
///
/// What cargo told us of this package is kept from it: some build scripts look at these variables,
/// and half of the tree would be built anew each time `cargo xtask` and `cargo` take turns.
pub(crate) fn cargo() -> anyhow::Result<Command> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root()?);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// `cargo metadata` of the workspace's own crates.
pub(crate) fn metadata() -> anyhow::Result<Value> {
    let output = cargo()?
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("could not run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("could not read what cargo metadata printed")
}

/// Builds the release binary and says where it is.
pub(crate) fn build_release() -> anyhow::Result<PathBuf> {
    succeed(cargo()?.args(["build", "--release", "--package", "billhook"]))?;
    binary("release")
}

/// `billhook ARGS` in the debug build, the one that the tests build too: alone it would be built
/// with fewer features of what it depends on, and half of the tree twice.
pub(crate) fn billhook(args: &[&str]) -> anyhow::Result<Command> {
    succeed(cargo()?.args(["test", "--workspace", "--no-run", "--quiet"]))?;
    let mut command = Command::new(binary("debug")?);
    command.args(args).current_dir(root()?);
    Ok(command)
}

fn binary(profile: &str) -> anyhow::Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str().context("metadata without target folder")?;
    let name = format!("billhook{}", std::env::consts::EXE_SUFFIX);
    Ok(Path::new(target).join(profile).join(name))
}

/// Runs the command with our own standard streams; anything but success is an error.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("could not start {shown}"))?;
    if !status.success() {
        bail!("{shown} failed ({status})");
    }
    Ok(())
}

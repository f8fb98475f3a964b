//! Python environments for the tests: found, made once, kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::workspace;

/// Major and minor version of an interpreter.
type Version = (u32, u32);

/// An environment that some tests need.
pub(crate) struct Environment {
    /// First part of the folder's name in the cache.
    pub(crate) name: &'static str,
    /// What needs it, for a person to read.
    pub(crate) purpose: &'static str,
    /// The pinned requirements, relative to the workspace.
    pub(crate) requirements: &'static str,
    /// Oldest Python that the requirements install on.
    pub(crate) oldest: Version,
    /// Newest Python that they are known to install on; a newer one is tried last.
    pub(crate) newest_known: Version,
}

/// The emulator, the report generator, the oracles, and what drives a browser.
pub(crate) const TESTS: Environment = Environment {
    name: "py",
    purpose: "tests against the AWS emulator, koku-nise and the oracles",
    requirements: "xtask/requirements.txt",
    oldest: (3, 11),
    newest_known: (3, 13),
};

/// The FOCUS validator, whose numpy cannot live beside the rest.
pub(crate) const VALIDATOR: Environment = Environment {
    name: "validator",
    purpose: "conformance tests with focus-validator",
    requirements: "xtask/requirements-validator.txt",
    oldest: (3, 12),
    newest_known: (3, 12),
};

/// What became of an environment.
pub(crate) enum Outcome {
    /// Its interpreter.
    Ready(PathBuf),
    /// No Python on this machine will do; the text says what was looked for.
    Skipped(String),
}

/// Finds the environment in the cache, or makes it. A failing installation is an error, because it
/// may well succeed next time; a machine without a fitting Python is not.
pub(crate) fn provide(environment: &Environment) -> anyhow::Result<Outcome> {
    let requirements = workspace::root()?.join(environment.requirements);
    let pinned = std::fs::read(&requirements)
        .with_context(|| format!("could not read {}", requirements.display()))?;
    let folder = format!("{}-{:016x}", environment.name, fingerprint(&pinned));
    let home = workspace::cache()?.join(folder);
    let python = home.join("bin").join("python");
    let complete = home.join(".complete");
    if complete.is_file() && version(&python).is_some() {
        return Ok(Outcome::Ready(python));
    }
    for interpreter in fitting_interpreters(environment) {
        if make(&interpreter, &home).is_ok() {
            install(&python, &requirements)?;
            std::fs::write(&complete, "")
                .with_context(|| format!("could not write {}", complete.display()))?;
            return Ok(Outcome::Ready(python));
        }
        eprintln!("{} cannot make a virtual environment, trying another", interpreter.display());
    }
    let (major, minor) = environment.oldest;
    Ok(Outcome::Skipped(format!(
        "SKIPPED: {}: no Python {major}.{minor} or newer with venv on PATH or in ~/.pyenv",
        environment.purpose
    )))
}

/// An empty environment in place of whatever an interrupted run left.
fn make(interpreter: &Path, home: &Path) -> anyhow::Result<()> {
    if home.exists() {
        std::fs::remove_dir_all(home)
            .with_context(|| format!("could not remove {}", home.display()))?;
    }
    eprintln!("making {} with {}", home.display(), interpreter.display());
    workspace::succeed(Command::new(interpreter).args(["-m", "venv"]).arg(home))
}

fn install(python: &Path, requirements: &Path) -> anyhow::Result<()> {
    eprintln!("installing {}", requirements.display());
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    workspace::succeed(pip.arg(requirements))
}

/// Interpreters that will do, those of a known version first.
fn fitting_interpreters(environment: &Environment) -> Vec<PathBuf> {
    let mut known = Vec::new();
    let mut newer = Vec::new();
    for candidate in candidates() {
        match version(&candidate) {
            Some(found) if found < environment.oldest => {}
            Some(found) if found <= environment.newest_known => known.push(candidate),
            Some(_) => newer.push(candidate),
            None => {}
        }
    }
    known.append(&mut newer);
    known
}

/// Where an interpreter may be: on the PATH under its usual names, and in pyenv's folders.
fn candidates() -> Vec<PathBuf> {
    let names = ["python3", "python3.13", "python3.12", "python3.11"];
    let mut found: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
    let versions = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let installed = versions.and_then(|folder| std::fs::read_dir(folder).ok());
    let mut by_pyenv: Vec<PathBuf> = installed
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("bin").join("python"))
        .collect();
    by_pyenv.sort();
    found.append(&mut by_pyenv);
    found
}

/// Version of an interpreter; `None` where there is none, or it does not start.
fn version(python: &Path) -> Option<Version> {
    let program = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let output = Command::new(python).args(["-c", program]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut parts = text.split_whitespace();
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// FNV-1a, 64 bit: names the environment after what is in it. The standard library's hasher may
/// change with the compiler, and would then rebuild every environment.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn fingerprint_is_fnv_1a() {
        // Published test vectors of the algorithm.
        assert_eq!(fingerprint(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint(b"foobar"), 0x8594_4171_f739_67e8);
    }
}

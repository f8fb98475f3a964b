//! `cargo xtask test`: set up what the tests need on a fresh machine, then run all of them.
//!
//! The tests learn of it through the environment, and say so where something is missing:
//! `BILLHOOK_TEST_PYTHON` and `BILLHOOK_TEST_VALIDATOR_PYTHON` (interpreters of the two Python
//! environments), `BILLHOOK_SHARED` (the folder with sample bills beside the repository),
//! `BILLHOOK_TEST_CHROMIUM` and `BILLHOOK_TEST_AXE` (a browser, and rules of accessibility to run
//! in it).

use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::python::{self, Environment, Outcome};
use crate::{Verdict, browser, workspace};

/// Runs every test of the workspace; `args` go to the runner.
pub(crate) fn run(args: &[&str]) -> Verdict {
    let mut skipped = Vec::new();
    let mut runner = runner()?;
    provide(&python::TESTS, "BILLHOOK_TEST_PYTHON", &mut runner, &mut skipped)?;
    provide(&python::VALIDATOR, "BILLHOOK_TEST_VALIDATOR_PYTHON", &mut runner, &mut skipped)?;
    let shared = workspace::root()?.join("../shared");
    match shared.canonicalize() {
        Ok(folder) => {
            runner.env("BILLHOOK_SHARED", folder);
        }
        Err(_) => skipped.push("SKIPPED: tests on sample bills: no ../shared folder".to_owned()),
    }
    match browser::chromium() {
        Some(chromium) => {
            runner.env("BILLHOOK_TEST_CHROMIUM", chromium);
        }
        None => skipped.push("SKIPPED: pages in a browser: no chromium on PATH".to_owned()),
    }
    match browser::axe()? {
        Some(axe) => {
            runner.env("BILLHOOK_TEST_AXE", axe);
        }
        None => skipped.push(
            "SKIPPED: rules of axe-core on the pages: npm does not install it; ours are checked"
                .to_owned(),
        ),
    }
    for line in &skipped {
        println!("{line}");
    }
    let status = runner.args(args).status().context("could not start the test runner")?;
    // Said again at the end, where the runner's own lines have not scrolled it away.
    for line in &skipped {
        println!("{line}");
    }
    Ok(status.success())
}

/// `cargo nextest run`, or `cargo test` where nextest is not installed.
fn runner() -> anyhow::Result<Command> {
    let has_nextest = workspace::cargo()?
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut runner = workspace::cargo()?;
    if has_nextest {
        runner.args(["nextest", "run", "--workspace"]);
    } else {
        eprintln!("cargo-nextest is not installed, running `cargo test` instead");
        runner.args(["test", "--workspace"]);
    }
    Ok(runner)
}

fn provide(
    environment: &Environment,
    variable: &str,
    runner: &mut Command,
    skipped: &mut Vec<String>,
) -> anyhow::Result<()> {
    match python::provide(environment)? {
        Outcome::Ready(python) => {
            runner.env(variable, python);
        }
        Outcome::Skipped(line) => {
            runner.env_remove(variable);
            skipped.push(line);
        }
    }
    Ok(())
}

//! `cargo xtask shots`: the screenshots of README and docs, from the demonstration.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::python::{self, Outcome};
use crate::serving::Serving;
use crate::{Verdict, browser, workspace};

/// Serves the demonstration and takes a picture of each page that is shown somewhere.
pub(crate) fn take() -> Verdict {
    let python = match python::provide(&python::TESTS)? {
        Outcome::Ready(python) => python,
        Outcome::Skipped(line) => bail!("{line} (the browser is driven by it)"),
    };
    let chromium = browser::chromium().context("no chromium on PATH")?;
    let billhook = workspace::build_release()?;
    let home = workspace::cache()?.join("shots");
    let mut demo = Command::new(billhook);
    demo.arg("--home").arg(home).args(["demo", "--listen", "127.0.0.1:0"]);
    let serving = Serving::start(&mut demo)?;
    let root = workspace::root()?;
    let mut shots = Command::new(python);
    shots.arg("-B").arg(root.join("xtask/src/shots/shots.py"));
    shots.arg(chromium).arg(&serving.url).arg(root.join("docs/images"));
    workspace::succeed(&mut shots)?;
    Ok(true)
}

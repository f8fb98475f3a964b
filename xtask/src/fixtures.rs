//! `cargo xtask fixtures`: regenerate what is generated.
//!
//! The seam is one subcommand of the binary, which alone knows what it generates and from what:
//! `billhook docs` writes, `billhook docs --check` compares and exits 1 where a file is stale.

use anyhow::Context as _;

use crate::{Verdict, workspace};

/// Writes every generated file anew.
pub(crate) fn regenerate() -> Verdict {
    workspace::succeed(&mut workspace::billhook(&["docs"])?)?;
    Ok(true)
}

/// Whether every generated file is what would be generated now; the binary names the stale ones.
pub(crate) fn are_current() -> Verdict {
    let mut check = workspace::billhook(&["docs", "--check"])?;
    let status = check.status().context("could not run billhook docs --check")?;
    Ok(status.success())
}

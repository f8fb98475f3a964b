//! `cargo xtask tidy`: the rules of this repository, as code.
//!
//! A rule returns what breaks it, one line each, naming file and mend. Rules on the text of files
//! are in `sources`, those on `ARCHITECTURE.md` (rooms, dependency direction, invariants) in
//! `architecture`; whether generated files are current is the binary's to say (`fixtures`).

mod architecture;
mod sources;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::{Verdict, fixtures, workspace};

/// A text file of the repository.
struct SourceFile {
    /// Path from the workspace's root, with forward slashes.
    path: String,
    text: String,
}

impl SourceFile {
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// A file of nothing but tests: `tests.rs`, or anything in a `tests` folder.
    fn is_test_file(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// Checks every rule and prints what breaks one. Building the binary, which knows whether generated
/// files are current, is left out without `with_generated`.
pub(crate) fn run(with_generated: bool) -> Verdict {
    let root = workspace::root()?;
    let files = tracked_files(&root)?;
    let metadata = workspace::metadata()?;
    let mut broken = sources::check(&files);
    broken.extend(architecture::check(&files, &metadata)?);
    if with_generated && !fixtures::are_current()? {
        broken.push("generated files are stale: run `cargo xtask fixtures`".to_owned());
    }
    for line in &broken {
        println!("{line}");
    }
    let checked = files.len();
    println!("tidy: {checked} files, {} findings", broken.len());
    Ok(broken.is_empty())
}

/// Every file that git tracks or would track, as far as it is text.
fn tracked_files(root: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("could not run git ls-files")?;
    ensure!(
        output.status.success(),
        "git ls-files failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let listing = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let mut files = Vec::new();
    for path in listing.split('\0').filter(|path| !path.is_empty()) {
        // A file deleted but still in the index is no file, and one that is not text has no lines.
        let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(SourceFile { path: path.to_owned(), text });
        }
    }
    ensure!(!files.is_empty(), "git knows no files in {}", root.display());
    Ok(files)
}

//! A home that goes with the test, and the binary with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

/// A home that goes with the test.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// The binary with this home, and nothing of the machine's own set-up.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billhook"));
        command.arg("--home").arg(self.path("home"));
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("AWS_") || text.starts_with("BILLHOOK_") {
                command.env_remove(&name);
            }
        }
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env(variable, "/dev/null");
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// What a command prints that has to work.
    pub(crate) fn works(&self, args: &[&str]) -> String {
        let output = self.command().args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Every file below a folder of the test, with what is in it.
    pub(crate) fn files(&self, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut left = vec![self.path(below)];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    // What is in use may be gone meanwhile: the database's own files.
                    let bytes = fs::read(&path).unwrap_or_default();
                    found.insert(path, bytes);
                }
            }
        }
        found
    }

    /// The names of all files below a folder, but for those that the database makes as it needs.
    pub(crate) fn names(&self, below: &str) -> Vec<PathBuf> {
        let is_passing = |path: &Path| {
            let name = path.to_string_lossy();
            name.ends_with("-wal") || name.ends_with("-shm") || name.ends_with("-journal")
        };
        self.files(below).into_keys().filter(|path| !is_passing(path)).collect()
    }
}

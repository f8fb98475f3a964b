//! Measuring one process: wall time, CPU time, peak memory.
//!
//! The kernel tells a parent about a child through `wait4`, which Rust reaches through unsafe code
//! only; `measure.py` does it instead. What it starts first costs it a few milliseconds of Python,
//! none of which is in the figures, but its size at the fork (some 10 MiB) is the least peak seen.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::workspace;

/// What one process took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measurement {
    /// From start to end, micro-seconds.
    pub(super) wall_us: u64,
    /// User and system time of all its threads, micro-seconds.
    pub(super) cpu_us: u64,
    /// Largest resident size, KiB.
    pub(super) peak_kib: u64,
}

/// Starts processes and measures them.
pub(super) struct Meter {
    python: PathBuf,
    script: PathBuf,
}

impl Meter {
    /// A meter that runs on this interpreter.
    pub(super) fn new(python: &Path) -> anyhow::Result<Self> {
        let script = workspace::root()?.join("xtask/src/bench/measure.py");
        Ok(Self { python: python.to_path_buf(), script })
    }

    /// The interpreter.
    pub(super) fn python(&self) -> &Path {
        &self.python
    }

    /// Runs the command to its end, its standard output thrown away; its failure is an error.
    pub(super) fn run(&self, command: &Command) -> anyhow::Result<Measurement> {
        let shown = command.get_program().to_string_lossy().into_owned();
        let output = Command::new(&self.python)
            .arg(&self.script)
            .arg(command.get_program())
            .args(command.get_args())
            .output()
            .with_context(|| format!("could not measure {shown}"))?;
        ensure!(
            output.status.success(),
            "measuring {shown} failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let figures: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("could not read the figures of {shown}"))?;
        let figure = |name: &str| {
            figures[name].as_u64().with_context(|| format!("{shown}: no figure `{name}`"))
        };
        Ok(Measurement {
            wall_us: figure("wall_us")?,
            cpu_us: figure("cpu_us")?,
            peak_kib: figure("peak_kib")?,
        })
    }
}

/// The median of each figure by itself; of an even number, the upper one.
pub(super) fn median(all: &[&Measurement]) -> Measurement {
    let middle = |figure: fn(&Measurement) -> u64| {
        let mut figures: Vec<u64> = all.iter().map(|one| figure(one)).collect();
        figures.sort_unstable();
        figures.get(figures.len() / 2).copied().unwrap_or(0)
    };
    Measurement {
        wall_us: middle(|one| one.wall_us),
        cpu_us: middle(|one| one.cpu_us),
        peak_kib: middle(|one| one.peak_kib),
    }
}

/// `part / whole` with two decimals, cut off.
pub(super) fn decimal(part: u64, whole: u64) -> String {
    let whole = whole.max(1);
    let hundredths = u128::from(part) * 100 / u128::from(whole);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::{Measurement, decimal, median};

    #[test]
    fn figures_are_printed_with_two_decimals() {
        assert_eq!(decimal(3_510_000, 1_000_000), "3.51");
        assert_eq!(decimal(1, 100), "0.01");
        assert_eq!(decimal(5, 0), "5.00");
    }

    #[test]
    fn the_median_takes_each_figure_by_itself() {
        let of = |wall_us, cpu_us| Measurement { wall_us, cpu_us, peak_kib: 7 };
        assert_eq!(median(&[&of(3, 1), &of(1, 3), &of(2, 2)]), of(2, 2));
    }
}

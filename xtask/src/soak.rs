//! `cargo xtask soak`: what must hold however often processes are killed, tried for long.

mod events;

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};

use self::events::Soak;
use crate::{Verdict, workspace};

/// How long to soak, and with what chance.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    times: u32,
    seed: u64,
}

impl Options {
    /// Reads the arguments after `soak events`.
    pub(crate) fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is wrong")?;
        let mut options = Self { times: 200, seed: now.as_secs() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let value = args.next().with_context(|| format!("{arg} needs a number"))?;
            let wrong = || format!("{arg}: `{value}` is no number");
            match *arg {
                "--times" => options.times = value.parse().with_context(wrong)?,
                "--seed" => options.seed = value.parse().with_context(wrong)?,
                other => bail!("unknown argument `{other}`"),
            }
        }
        Ok(options)
    }
}

/// Kills Billhook and a receiver of its events at random moments, then compares.
pub(crate) fn events(options: &Options) -> Verdict {
    let billhook = workspace::build_release()?;
    let folder = workspace::cache()?.join("soak").join(format!("events-{}", std::process::id()));
    println!("seed {}, {} kills", options.seed, options.times);
    let soak = Soak { billhook, folder, times: options.times, seed: options.seed };
    println!("{}", soak.run()?);
    std::fs::remove_dir_all(&soak.folder)
        .with_context(|| format!("could not remove {}", soak.folder.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn arguments_are_read() {
        let options = Options::parse(&["--times", "5", "--seed", "7"]).unwrap();
        assert_eq!(options, Options { times: 5, seed: 7 });
        assert_eq!(Options::parse(&[]).unwrap().times, 200);
        for args in [&["--times"][..], &["--times", "x"], &["--fast", "1"]] {
            assert!(Options::parse(args).is_err(), "{args:?}");
        }
    }
}

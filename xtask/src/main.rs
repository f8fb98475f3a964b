//! The chores of this repository: `cargo xtask test | tidy | fixtures | bench | soak | shots`.
//!
//! One file per verb. Depends on nothing of the workspace, so that it builds in seconds; what needs
//! Billhook itself runs the binary (see `workspace::billhook`).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks this way")]

mod bench;
mod browser;
mod fixtures;
mod python;
mod serving;
mod shots;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask VERB

  test [ARGS...]          set up what the tests need (Python environments), then run all of them;
                          ARGS go to `cargo nextest run` (or `cargo test` where nextest is missing)
  tidy [--sources-only]   the rules of this repository; `--sources-only` builds nothing
  fixtures                regenerate what is generated (pages on mappings and findings under docs/)
  bench ingest [--rows N] [--chunk-rows N] [--single-chunk] [--fresh]
                          import a wide synthetic report and compare with gzip and DuckDB
  bench events            send the events of a synthetic month to a receiver
  soak events [--times N] [--seed S]
                          kill Billhook and a receiver of its events, and compare what came
  bench sources           import one synthetic month in every file format and compare their speed
  bench server [--times N] [--fresh]
                          time and size of every page over 10 million lines, and 200 clients at once
  shots                   take the screenshots of README and docs from the demonstration

exit codes: 0 done, 1 a check or step failed, 2 wrong usage";

/// What a verb ends with when nothing went wrong on the way: did the thing it checked hold?
type Verdict = anyhow::Result<bool>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let verdict = match words.as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["tidy"] => tidy::run(true),
        ["tidy", "--sources-only"] => tidy::run(false),
        ["fixtures"] => fixtures::regenerate(),
        ["bench", "ingest", rest @ ..] => match bench::Options::parse(rest) {
            Ok(options) => bench::ingest(&options),
            Err(error) => return wrong_usage(&format!("bench ingest: {error}")),
        },
        ["bench", "sources"] => bench::sources(),
        ["bench", "events"] => bench::events(),
        ["bench", "server", rest @ ..] => match bench::ServerOptions::parse(rest) {
            Ok(options) => bench::server(&options),
            Err(error) => return wrong_usage(&format!("bench server: {error}")),
        },
        ["shots"] => shots::take(),
        ["soak", "events", rest @ ..] => match soak::Options::parse(rest) {
            Ok(options) => soak::events(&options),
            Err(error) => return wrong_usage(&format!("soak events: {error}")),
        },
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        [] => return wrong_usage("which verb?"),
        [verb, ..] => return wrong_usage(&format!("cannot do `{verb}` with these arguments")),
    };
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn wrong_usage(what: &str) -> ExitCode {
    eprintln!("error: {what}\n\n{USAGE}");
    ExitCode::from(2)
}

//! What `cargo xtask bench ingest` can be told.

use anyhow::{Context as _, bail, ensure};

/// Size and shape of the report to import.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Rows of the whole report.
    pub(crate) rows: u64,
    /// Rows of each chunk but the last.
    pub(crate) chunk_rows: u64,
    /// One chunk with all rows, whatever `chunk_rows` says.
    pub(crate) single_chunk: bool,
    /// Write the report anew though it is in the cache.
    pub(crate) fresh: bool,
}

impl Options {
    /// Reads the arguments after `bench ingest`.
    pub(crate) fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let mut options =
            Self { rows: 1_000_000, chunk_rows: 50_000, single_chunk: false, fresh: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--rows" => options.rows = number(arg, args.next())?,
                "--chunk-rows" => options.chunk_rows = number(arg, args.next())?,
                "--single-chunk" => options.single_chunk = true,
                "--fresh" => options.fresh = true,
                other => bail!("unknown argument `{other}`"),
            }
        }
        Ok(options)
    }

    /// Name of the folder with this report.
    pub(crate) fn name(&self) -> String {
        if self.single_chunk {
            format!("wide-{}-single", self.rows)
        } else {
            format!("wide-{}-by-{}", self.rows, self.chunk_rows)
        }
    }
}

fn number(option: &str, value: Option<&&str>) -> anyhow::Result<u64> {
    let value = value.with_context(|| format!("{option} needs a number"))?;
    let number: u64 = value
        .replace('_', "")
        .parse()
        .with_context(|| format!("{option}: `{value}` is no number"))?;
    ensure!(number > 0, "{option} must be at least 1");
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn arguments_are_read() {
        let options = Options::parse(&["--rows", "10_000", "--single-chunk"]).unwrap();
        assert_eq!((options.rows, options.single_chunk), (10_000, true));
        assert_eq!(options.name(), "wide-10000-single");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for args in [&["--rows"][..], &["--rows", "many"], &["--rows", "0"], &["--fast"]] {
            assert!(Options::parse(args).is_err(), "{args:?}");
        }
    }
}

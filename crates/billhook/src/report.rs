//! Placeholder until the report verb stands.
use std::io::Write;
/// Report costs
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}
pub(crate) async fn run(args: ReportArgs, _home: &billhook_engine::Home, out: &mut dyn Write, _width: usize, _t: bool) -> anyhow::Result<u8> {
    writeln!(out, "report {:?}", args.rest)?;
    Ok(0)
}

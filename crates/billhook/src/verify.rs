//! `billhook verify`.

use std::io::{self, Write};

use billhook_engine::verify::{self, Check, Finding, Severity, Subject, Verdict};
use billhook_engine::{EngineError, access, directory};
use billhook_registry::{Access, Health};
use billhook_sources::access::{KINDS, KindAccess};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::connections::{named, registry};
use crate::context::Context;
use crate::identity::IdentityArgs;
use crate::report::wrapped;

/// Check everything that a connection needs, without saving anything
///
/// Looks at every part in order and never stops at the first problem. For each it says what was
/// seen, what is expected, and what to do, ready to paste.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A saved connection
    #[arg(value_name = "NAME", conflicts_with_all = ["kind", "location"])]
    name: Option<String>,
    /// Or what a connection would be: its kind
    #[arg(long, value_name = "KIND", value_parser = kind_names(), required_unless_present = "name")]
    kind: Option<String>,
    /// And its place: `s3://bucket/prefix` or a folder
    #[arg(long, value_name = "PLACE")]
    location: Option<String>,
    /// Machine-readable
    #[arg(long)]
    json: bool,
    /// Make requests that AWS charges for, too: at most two, for 0.01 USD each
    #[arg(long)]
    paid: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// What takes the name of a kind.
pub(crate) fn kind_names() -> PossibleValuesParser {
    KINDS.iter().map(|kind| kind.kind).collect::<Vec<_>>().into()
}

pub(crate) async fn run(args: VerifyArgs, context: &Context) -> anyhow::Result<u8> {
    let (kind, location, access, regions) = if let Some(name) = &args.name {
        let registry = registry(context)?;
        let connection = named(&registry, name)?;
        let access = registry.access(&connection.id).map_err(EngineError::from)?;
        let regions = directory::regions(&connection.settings);
        (access::kind(&connection.kind)?, connection.location, access, regions)
    } else {
        let kind = access::kind(args.kind.as_deref().unwrap_or_default())?;
        (kind, args.location, args.identity.access(context)?, Vec::new())
    };
    let (location, s3) = (location.as_deref(), context.s3.clone());
    let subject = Subject { kind, location, access: &access, s3, may_pay: args.paid };
    let verdict = if args.json {
        let verdict = Box::pin(verify::verify_with_tags(&subject, &regions)).await?;
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&verdict)?)?;
        verdict
    } else {
        Box::pin(told(&subject, &regions, &mut io::stdout())).await?
    };
    Ok(u8::from(!matches!(verdict.health, Health::Healthy | Health::Waiting)))
}

/// Looks at everything, and writes each check as soon as it is done, and how it is in the end.
async fn told(
    subject: &Subject<'_>,
    regions: &[String],
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Verdict> {
    let mut written: io::Result<()> = Ok(());
    let mut hear = |check: &Check| {
        if written.is_ok() {
            written = writeln!(out, "{}", lines(check).join("\n"));
        }
    };
    let verdict = Box::pin(verify::verify_heard(subject, regions, &mut hear)).await?;
    written?;
    writeln!(out, "{}", verdict.health.as_str())?;
    Ok(verdict)
}

/// Looks at everything that a connection would need, and writes it to `out` as it comes.
pub(crate) async fn look(
    (kind, location): (&'static KindAccess, Option<&str>),
    access: &Access,
    may_pay: bool,
    context: &Context,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Verdict> {
    let s3 = context.s3.clone();
    told(&Subject { kind, location, access, s3, may_pay }, &[], out).await
}

/// A check as lines of text, broken to fit the terminal.
pub(crate) fn lines(check: &Check) -> Vec<String> {
    if check.findings.is_empty() {
        let mark = if check.is_skipped { "-" } else { "ok" };
        return prose(&format!("{mark:<5}"), &format!("{}: {}", check.title, check.seen));
    }
    check.findings.iter().flat_map(|finding| finding_lines(check.title, finding)).collect()
}

fn finding_lines(title: &str, finding: &Finding) -> Vec<String> {
    let mark = match finding.severity {
        Severity::Error => "FAIL",
        Severity::Warning => "warn",
        Severity::Waiting => "wait",
        Severity::Note => "note",
    };
    let seen = format!("{title}: {} ({})", finding.seen, finding.code);
    let mut lines = prose(&format!("{mark:<5}"), &seen);
    lines.extend(prose("       ", &format!("expected: {}", finding.expected)));
    let mut fix = finding.fix.trim_end().lines();
    let sentence = fix.next().unwrap_or_default();
    let text = fix.map(|line| format!("         {line}"));
    if finding.severity == Severity::Note && finding.fix.trim_end().contains('\n') {
        let sentence = format!("mend: {} (--json has it whole)", sentence.trim_end_matches(':'));
        lines.extend(prose("       ", &sentence));
    } else {
        lines.extend(prose("       ", &format!("mend: {sentence}")));
        lines.extend(text);
    }
    lines
}

/// A sentence behind a mark, in lines that are indented as far.
pub(crate) fn prose(mark: &str, sentence: &str) -> Vec<String> {
    let indent = " ".repeat(mark.len());
    let room = Context::prose_width().saturating_sub(mark.len());
    let lines = wrapped(sentence, room, "").into_iter().enumerate();
    lines.map(|(at, line)| format!("{}{line}", if at == 0 { mark } else { &indent })).collect()
}

//! What all subcommands share: the home, where S3 is, how errors are told.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use billhook_aws::S3Options;
pub(crate) use billhook_engine::error::causes;
use billhook_engine::{EngineError, Home};
use billhook_lake::LakeError;
use billhook_lake::spec::COST_AND_USAGE;
use clap::Args;

/// Options that every subcommand takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// Data directory
    #[arg(long, global = true, env = "BILLHOOK_HOME", default_value = ".billhook")]
    home: PathBuf,
    /// Where the lake lies, when not in the data directory: a path or `s3://bucket/prefix`
    #[arg(long, global = true, env = "BILLHOOK_LAKE", value_name = "PLACE")]
    lake: Option<String>,
    /// S3 endpoint, e.g. of a compatible store
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    endpoint: Option<String>,
    /// AWS region
    #[arg(long, global = true, hide_short_help = true)]
    region: Option<String>,
    /// Address buckets as `https://bucket.host/` instead of `https://host/bucket/`
    #[arg(long, global = true, hide_short_help = true)]
    virtual_hosted: bool,
    /// Do not sign S3 requests: for public buckets
    #[arg(long, global = true, hide_short_help = true)]
    anonymous: bool,
}

/// The shared options, understood.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    globals: Globals,
    /// How to reach S3.
    pub(crate) s3: S3Options,
}

impl Context {
    /// Understands the shared options.
    pub(crate) fn new(globals: Globals) -> anyhow::Result<Self> {
        if globals.home.as_os_str().is_empty() {
            bail!(EngineError::Usage("--home needs a directory".to_owned()));
        }
        let s3 = S3Options {
            endpoint: globals.endpoint.clone(),
            region: globals.region.clone(),
            virtual_hosted: globals.virtual_hosted,
            anonymous: globals.anonymous,
            session: None,
        };
        Ok(Self { globals, s3 })
    }

    /// The home, made when needed.
    pub(crate) fn home(&self) -> Result<Home, EngineError> {
        Home::open(&self.globals.home, self.globals.lake.as_deref(), &self.s3)
    }

    /// Another home, e.g. the demo's own.
    pub(crate) fn is_default_home(&self) -> bool {
        self.globals.home.as_os_str() == ".billhook"
    }

    /// The same options with another home.
    pub(crate) fn with_home(&self, home: PathBuf) -> Self {
        let mut context = self.clone();
        context.globals.home = home;
        context
    }

    /// The data directory.
    pub(crate) fn home_dir(&self) -> &std::path::Path {
        &self.globals.home
    }

    /// The home, which must hold a lake already.
    pub(crate) async fn existing_home(&self) -> anyhow::Result<Home> {
        let is_missing = self.globals.lake.is_none() && !self.globals.home.join("lake").is_dir();
        let nothing = || {
            let home = self.globals.home.display();
            EngineError::Nothing(format!(
                "{home} holds no lake yet: run `billhook import LOCATION` or `billhook demo` first, \
                 or give --home"
            ))
        };
        if is_missing {
            bail!(nothing());
        }
        let home = self.home()?;
        if !home.lake.exists(&COST_AND_USAGE).await? {
            bail!(nothing());
        }
        Ok(home)
    }

    /// Width of the terminal, 80 when there is none.
    pub(crate) fn width() -> usize {
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let width = || comfy_table::Table::new().width().map(usize::from);
        let width = columns.or_else(|| if Self::is_terminal() { width() } else { None });
        width.unwrap_or(80).clamp(40, 200)
    }

    /// Width of sentences: that of the terminal; without one they are never broken.
    pub(crate) fn prose_width() -> usize {
        if Self::is_terminal() { Self::width() } else { usize::MAX }
    }

    /// Is standard output a terminal?
    pub(crate) fn is_terminal() -> bool {
        std::io::stdout().is_terminal()
    }
}

/// Writes a line to standard error.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell when standard error is gone.
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Tells an error in words, with its causes and its mend, and gives the exit code.
pub(crate) fn complain(error: &anyhow::Error) -> ExitCode {
    let is_broken_pipe = error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    });
    if is_broken_pipe {
        return ExitCode::SUCCESS;
    }
    say(&format!("error: {}", causes(error.as_ref())));
    let engine = error.downcast_ref::<EngineError>();
    if let Some(fix) = engine.and_then(EngineError::fix) {
        say(&format!("  mend: {fix}"));
    }
    let code = match (engine, error.downcast_ref::<LakeError>()) {
        (Some(engine), _) => engine.exit_code(),
        (_, Some(LakeError::Query(_))) => 2,
        _ => 3,
    };
    ExitCode::from(code)
}

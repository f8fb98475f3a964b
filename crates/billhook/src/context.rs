//! What all subcommands share: the home, where S3 is, how errors are told.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use billhook_aws::S3Options;
pub(crate) use billhook_engine::error::causes;
use billhook_engine::{EngineError, Home};
use billhook_lake::LakeError;
use billhook_lake::spec::COST_AND_USAGE;
use clap::Args;

use crate::config::{self, Config, Setting, Source};

/// Options that every subcommand takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// Data directory (or `BILLHOOK_HOME`; default: `.billhook`)
    #[arg(long, global = true)]
    home: Option<String>,
    /// Where the lake lies, when not in the data directory: a path or `s3://bucket/prefix` (or
    /// `BILLHOOK_LAKE`)
    #[arg(long, global = true, value_name = "PLACE")]
    lake: Option<String>,
    /// Configuration file (or `BILLHOOK_CONFIG`; default: `billhook.toml` in the data directory)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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

impl Globals {
    /// The settings that are given.
    fn settings(&self) -> Vec<Setting> {
        let flag = |is_set: bool| is_set.then(|| "true".to_owned());
        [
            ("home", self.home.clone()),
            ("lake", self.lake.clone()),
            ("s3.endpoint", self.endpoint.clone()),
            ("s3.region", self.region.clone()),
            ("s3.virtual_hosted", flag(self.virtual_hosted)),
            ("s3.anonymous", flag(self.anonymous)),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .collect()
    }
}

/// The shared options, understood.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// All settings.
    pub(crate) config: Config,
    /// How to reach S3.
    pub(crate) s3: S3Options,
}

impl Context {
    /// Understands the shared options, the environment and the configuration file.
    ///
    /// # Errors
    /// When something in them is unknown, or cannot be used.
    pub(crate) fn new(globals: &Globals) -> Result<Self, EngineError> {
        let file = globals.config.as_deref();
        let config = Config::read(file, &globals.settings(), &config::environment())?;
        Ok(Self::of(config))
    }

    /// The same with more settings, as of the command line.
    ///
    /// # Errors
    /// When one cannot be used.
    pub(crate) fn with(&self, settings: &[Setting]) -> Result<Self, EngineError> {
        Ok(Self::of(self.config.with(settings)?))
    }

    fn of(config: Config) -> Self {
        let settings = &config.settings;
        let s3 = S3Options {
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
            virtual_hosted: settings.virtual_hosted,
            anonymous: settings.anonymous,
            session: None,
        };
        Self { config, s3 }
    }

    /// The home, made when needed.
    pub(crate) fn home(&self) -> Result<Home, EngineError> {
        let settings = &self.config.settings;
        Home::open(&settings.home, settings.lake.as_deref(), &self.s3)
    }

    /// Has nobody said where the home is?
    pub(crate) fn is_default_home(&self) -> bool {
        self.config.source("home") == Source::Default
    }

    /// The same options with a home for what is made up.
    pub(crate) fn with_own_home(&self, home: &Path) -> Self {
        Self::of(self.config.with_own_home(home))
    }

    /// The data directory.
    pub(crate) fn home_dir(&self) -> &Path {
        &self.config.settings.home
    }

    /// The home, which must hold a lake already.
    pub(crate) async fn existing_home(&self) -> anyhow::Result<Home> {
        let is_missing =
            self.config.settings.lake.is_none() && !self.home_dir().join("lake").is_dir();
        let nothing = || {
            let home = self.home_dir().display();
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

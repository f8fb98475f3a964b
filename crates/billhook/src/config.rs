//! The configuration: the command line, the environment, `billhook.toml` and the defaults, in this
//! order. Every setting is a line of [`keys::KEYS`]; what is not there is refused.

mod file;
mod keys;
mod openid;
mod page;
mod server;
mod settings;
mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use billhook_engine::{EngineError, report};
use billhook_registry::SecretString;
use billhook_server::config::Shown;

pub(crate) use page::page;
pub(crate) use server::is_loopback;
pub(crate) use settings::{LogFormat, LogLevel, Settings};

use keys::{Form, KEYS, Key};
use variables::{FILE_VARIABLE, OIDC_SECRET_VARIABLE, VARIABLES};

/// The configuration file of a home.
pub(crate) const FILE: &str = "billhook.toml";

/// What every variable of Billhook begins with.
const PREFIX: &str = "BILLHOOK_";

/// All settings, and who made them.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// What they say.
    pub(crate) settings: Settings,
    /// The file, when there is one.
    pub(crate) file: Option<PathBuf>,
    /// What was said of each of [`KEYS`], and where.
    said: Vec<(String, Source)>,
    /// Those of [`VARIABLES`] that are shown, and are set.
    secrets: Vec<&'static str>,
    /// The secret of the client at a provider of OpenID Connect, if a variable has it.
    oidc_secret: Option<SecretString>,
}

/// Who made a setting; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody.
    Default,
    /// The file.
    File,
    /// An environment variable.
    Environment,
    /// An option.
    CommandLine,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::CommandLine => "command line",
        }
    }
}

/// A setting that an option makes: its name, and its value.
pub(crate) type Setting = (&'static str, String);

/// An environment variable: its name, and its value.
pub(crate) type Variable = (String, OsString);

/// The variables of this process that are Billhook's.
pub(crate) fn environment() -> Vec<Variable> {
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    all.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

impl Config {
    /// Puts the configuration together. `file` is the one that `--config` names.
    ///
    /// # Errors
    /// When there is an unknown name or an unusable value anywhere, or a file that was named is not
    /// there.
    pub(crate) fn read(
        file: Option<&Path>,
        options: &[Setting],
        environment: &[Variable],
    ) -> Result<Self, EngineError> {
        check_names(environment)?;
        let mut config = Self {
            settings: Settings::blank(),
            file: None,
            said: KEYS.iter().map(|_| (String::new(), Source::Default)).collect(),
            secrets: shown_secrets(environment),
            oidc_secret: oidc_secret(environment)?,
        };
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            config.say(key, key.default.to_owned(), Source::Default, "a default")?;
        }
        let of_environment = of_environment(environment)?;
        let home = options.iter().chain(&of_environment).find(|one| one.0 == "home");
        let home = home.map(|(_, text)| PathBuf::from(text));
        config.read_file(file, environment, home.as_deref())?;
        for (name, text) in of_environment {
            let key = key(name)?;
            config.say(key, text, Source::Environment, key.variable)?;
        }
        for (name, text) in options {
            let key = key(name)?;
            config.say(key, text.clone(), Source::CommandLine, key.option)?;
        }
        Ok(config)
    }

    /// The same with more options, which win.
    ///
    /// # Errors
    /// When a value is unusable.
    pub(crate) fn with(&self, options: &[Setting]) -> Result<Self, EngineError> {
        let mut config = self.clone();
        for (name, text) in options {
            let key = key(name)?;
            config.say(key, text.clone(), Source::CommandLine, key.option)?;
        }
        Ok(config)
    }

    /// The same with a home for what is made up. What a file or a variable says of the lake and of
    /// where the server is, is about real bills, and does not count.
    pub(crate) fn with_own_home(&self, home: &Path) -> Self {
        let mut config = self.clone();
        config.settings.home = home.to_path_buf();
        config.note("home", home.display().to_string(), Source::CommandLine);
        for name in ["lake", "postgres.listen", "public_url"] {
            if self.source(name) == Source::CommandLine {
                continue;
            }
            match name {
                "lake" => config.settings.lake = None,
                "public_url" => config.settings.public_url = None,
                _ => config.settings.postgres = None,
            }
            config.note(name, String::new(), Source::Default);
        }
        config
    }

    /// Who made a setting.
    pub(crate) fn source(&self, name: &str) -> Source {
        let said = KEYS.iter().zip(&self.said).find(|(key, _)| key.name == name);
        said.map_or(Source::Default, |(_, said)| said.1)
    }

    /// Every setting, as it is shown; of a secret only whether it is set.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let keys = KEYS.iter().zip(&self.said).map(|(key, (value, source))| Shown {
            key: key.name,
            value: value.clone(),
            source: source.name(),
            meaning: key.meaning,
        });
        let secrets = VARIABLES.iter().filter(|variable| variable.is_shown).map(|variable| {
            let is_set = self.secrets.contains(&variable.name);
            let source = if is_set { Source::Environment } else { Source::Default };
            Shown {
                key: variable.name,
                value: if is_set { "set" } else { "not set" }.to_owned(),
                source: source.name(),
                meaning: variable.meaning,
            }
        });
        keys.chain(secrets).collect()
    }

    /// Reads the file that is named, or else the one of the home if it is there.
    fn read_file(
        &mut self,
        file: Option<&Path>,
        environment: &[Variable],
        home: Option<&Path>,
    ) -> Result<(), EngineError> {
        let by_variable = environment.iter().find(|(name, _)| name == FILE_VARIABLE);
        let by_variable =
            by_variable.filter(|(_, path)| !path.is_empty()).map(|(_, path)| PathBuf::from(path));
        let named = file.map(Path::to_path_buf).or(by_variable);
        let (path, is_named) = match named {
            Some(path) => (path, true),
            None => (home.unwrap_or(&self.settings.home).join(FILE), false),
        };
        if !is_named && !path.exists() {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        for file::Entry { key, text, line } in file::read(&path)? {
            let at = format!("{}, line {line}", path.display());
            if key.name == "home" && !is_named {
                let text = "a file in the home cannot move the home; give --home, or name the file \
                            with --config";
                return Err(EngineError::Usage(format!("{at}: {text}")));
            }
            let is_relative = key.form == Form::Path && !text.is_empty() && !text.contains("://");
            let text = if is_relative {
                let full = folder.join(text).into_os_string().into_string();
                full.map_err(|_| EngineError::Usage(format!("{at}: the path is not UTF-8")))?
            } else {
                text
            };
            self.say(key, text, Source::File, &at)?;
        }
        self.file = Some(path);
        Ok(())
    }

    /// Makes a setting; `at` says where it was made.
    fn say(
        &mut self,
        key: &'static Key,
        text: String,
        source: Source,
        at: &str,
    ) -> Result<(), EngineError> {
        if (key.set)(&mut self.settings, &text).is_none() {
            let name = if source == Source::File { key.name } else { "" };
            let value = quoted(&text);
            let what = [at, name].into_iter().filter(|part| !part.is_empty());
            let what = what.collect::<Vec<_>>().join(": ");
            let text = format!("{what}: {value} cannot be used: write {}", key.allowed);
            return Err(EngineError::Usage(text));
        }
        self.note(key.name, text, source);
        Ok(())
    }

    /// Remembers who said what.
    fn note(&mut self, name: &str, text: String, source: Source) {
        let said = KEYS.iter().zip(&mut self.said).find(|(key, _)| key.name == name);
        if let Some((_, said)) = said {
            *said = (text, source);
        }
    }
}

/// A value as it is told. One that may hold a password is not.
fn quoted(text: &str) -> String {
    if text.contains('@') { "its value".to_owned() } else { format!("{text:?}") }
}

fn key(name: &str) -> Result<&'static Key, EngineError> {
    let found = KEYS.iter().find(|key| key.name == name);
    found.ok_or_else(|| EngineError::Usage(format!("there is no setting {name}")))
}

/// The settings that variables make. One that is empty says nothing.
fn of_environment(environment: &[Variable]) -> Result<Vec<Setting>, EngineError> {
    let mut said = Vec::new();
    for key in KEYS {
        let Some((name, value)) = environment.iter().find(|(name, _)| name == key.variable) else {
            continue;
        };
        let Some(text) = value.to_str() else {
            return Err(EngineError::Usage(format!("{name} is not UTF-8: write {}", key.allowed)));
        };
        if !text.is_empty() {
            said.push((key.name, text.to_owned()));
        }
    }
    Ok(said)
}

/// The secret of the client at a provider of OpenID Connect.
fn oidc_secret(environment: &[Variable]) -> Result<Option<SecretString>, EngineError> {
    let said = environment.iter().find(|(name, _)| name == OIDC_SECRET_VARIABLE);
    let Some((name, value)) = said.filter(|(_, value)| !value.is_empty()) else { return Ok(None) };
    match value.to_str() {
        Some(text) => Ok(Some(SecretString::from(text))),
        None => Err(EngineError::Usage(format!("{name} is not UTF-8"))),
    }
}

fn shown_secrets(environment: &[Variable]) -> Vec<&'static str> {
    let is_set =
        |name: &str| environment.iter().any(|(own, value)| own == name && !value.is_empty());
    let shown = VARIABLES.iter().filter(|variable| variable.is_shown);
    shown.map(|variable| variable.name).filter(|name| is_set(name)).collect()
}

/// An error when a variable has Billhook's prefix and is none of its.
fn check_names(environment: &[Variable]) -> Result<(), EngineError> {
    for (name, _) in environment {
        let is_key = KEYS.iter().any(|key| key.variable == name);
        if is_key || variables::is_known(name) || variables::is_of_kubernetes(name) {
            continue;
        }
        let keys = KEYS.iter().map(|key| key.variable);
        let others = VARIABLES.iter().map(|variable| variable.name);
        let known: Vec<String> =
            keys.chain(others).filter(|one| !one.ends_with('*')).map(str::to_owned).collect();
        let near = near(name, &known);
        return Err(EngineError::Usage(format!(
            "the environment variable {name} is none of Billhook's{near}"
        )));
    }
    Ok(())
}

/// `: did you mean listen? …`, of names that are known.
fn near(name: &str, known: &[String]) -> String {
    let nearest = report::nearest(name, known);
    let meant = nearest.first().map(|one| format!(": did you mean {one}?"));
    format!("{} docs/configuration.md has all of them", meant.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &[(&str, &str)]) -> Vec<Variable> {
        all.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
    }

    fn read(file: Option<&Path>, options: &[Setting], all: &[(&str, &str)]) -> Config {
        Config::read(file, options, &variables(all)).unwrap()
    }

    fn refused(file: Option<&Path>, options: &[Setting], all: &[(&str, &str)]) -> String {
        Config::read(file, options, &variables(all)).unwrap_err().to_string()
    }

    fn written(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        folder
    }

    #[test]
    fn options_win_over_variables_these_over_the_file_and_it_over_defaults() {
        let folder =
            written("listen = \"127.0.0.1:1\"\n[limits]\nclients = 1\nbody_bytes = 5000\n");
        let home = ("home", folder.path().to_str().unwrap().to_owned());
        let listen = ("listen", "127.0.0.1:3".to_owned());
        let said = [("BILLHOOK_LISTEN", "127.0.0.1:2"), ("BILLHOOK_LIMITS_CLIENTS", "2")];
        let config = read(None, &[home, listen], &said);
        assert_eq!(config.settings.listen.port(), 3);
        assert_eq!(config.settings.clients, 2);
        assert_eq!(config.settings.body_bytes, 5_000);
        assert_eq!(config.settings.request_seconds, 60);
        assert_eq!(config.source("listen"), Source::CommandLine);
        assert_eq!(config.source("limits.clients"), Source::Environment);
        assert_eq!(config.source("limits.body_bytes"), Source::File);
        assert_eq!(config.source("limits.request_seconds"), Source::Default);
        let shown = config.shown();
        let shown = shown.iter().find(|one| one.key == "limits.body_bytes").unwrap();
        assert_eq!((shown.value.as_str(), shown.source), ("5000", "file"));
        let more = config.with(&[("limits.clients", "9".to_owned())]).unwrap();
        assert_eq!(more.settings.clients, 9);
    }

    #[test]
    fn a_home_for_what_is_made_up_has_a_lake_of_its_own() {
        let real =
            [("BILLHOOK_LAKE", "s3://real/lake"), ("BILLHOOK_POSTGRES_LISTEN", "0.0.0.0:5432")];
        let config = read(None, &[], &real).with_own_home(Path::new("demo"));
        assert_eq!(config.settings.home, Path::new("demo"));
        assert!(config.settings.lake.is_none() && config.settings.postgres.is_none());
        let given = [("lake", "s3://other/lake".to_owned())];
        let config = read(None, &given, &real).with_own_home(Path::new("demo"));
        assert_eq!(config.settings.lake.as_deref(), Some("s3://other/lake"));
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let config = read(None, &[], &[("BILLHOOK_LISTEN", ""), ("BILLHOOK_CONFIG", "")]);
        assert_eq!(config.source("listen"), Source::Default);
    }

    #[test]
    fn paths_of_a_file_begin_at_its_folder() {
        let folder = written("home = \"data\"\nlake = \"s3://lake/billhook\"\n");
        let file = folder.path().join(FILE);
        let config = read(Some(&file), &[], &[]);
        assert_eq!(config.settings.home, folder.path().join("data"));
        assert_eq!(config.settings.lake.as_deref(), Some("s3://lake/billhook"));
        let by_variable = read(None, &[], &[("BILLHOOK_CONFIG", file.to_str().unwrap())]);
        assert_eq!(by_variable.settings.home, config.settings.home);
        // The file of a home cannot move it.
        let home = ("home", folder.path().to_str().unwrap().to_owned());
        assert!(refused(None, &[home], &[]).contains("line 1: a file in the home"));
        let gone = folder.path().join("gone.toml");
        let error = Config::read(Some(&gone), &[], &[]).unwrap_err();
        assert!(error.to_string().contains("gone.toml"), "{error}");
    }

    #[test]
    fn wrong_values_are_told_with_where_they_are() {
        let text = refused(None, &[], &[("BILLHOOK_LISTEN", "8080")]);
        assert!(text.starts_with("BILLHOOK_LISTEN: \"8080\" cannot be used: write an address"));
        let text = refused(None, &[("listen", "x".to_owned())], &[]);
        assert!(text.starts_with("--listen: \"x\" cannot be used"), "{text}");
        let folder = written("\n[limits]\nclients = 0\n");
        let file = folder.path().join(FILE);
        let text = refused(Some(&file), &[], &[]);
        assert!(text.contains("line 3: limits.clients: \"0\" cannot be used"), "{text}");
    }

    #[test]
    fn unknown_variables_are_refused_but_those_of_kubernetes() {
        let text = refused(None, &[], &[("BILLHOOK_LISTN", "127.0.0.1:80")]);
        assert!(text.contains("did you mean BILLHOOK_LISTEN?"), "{text}");
        let allowed = [("BILLHOOK_PORT", "tcp://10.0.0.1:80"), ("BILLHOOK_TEST_PYTHON", "/x")];
        read(None, &[], &allowed);
    }

    #[test]
    fn inv_sec_no_secret_is_shown() {
        let secret = "hunter2hunter2";
        let config = read(None, &[], &[("BILLHOOK_KEY", secret)]);
        let shown = config.shown();
        let key = shown.iter().find(|one| one.key == "BILLHOOK_KEY").unwrap();
        assert_eq!((key.value.as_str(), key.source), ("set", "environment"));
        assert!(!format!("{config:?}{shown:?}").contains(secret));
        let config = read(None, &[], &[("BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET", secret)]);
        let shown = config.shown();
        assert!(shown.iter().any(|one| one.key == OIDC_SECRET_VARIABLE && one.value == "set"));
        assert!(!format!("{config:?}{shown:?}").contains(secret));
        let url = format!("https://someone:{secret}@example.com");
        assert!(!refused(None, &[], &[("BILLHOOK_PUBLIC_URL", &url)]).contains(secret));
    }
}

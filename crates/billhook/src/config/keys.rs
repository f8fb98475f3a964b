//! Every setting: its name, its variable, its default, what it means, and how it is understood.

use std::path::PathBuf;

use billhook_server::config::Issuer;

use super::settings::{
    LogFormat, LogLevel, Settings, address, addresses, header, number, page_url, public_url,
    scopes, some, texts,
};

/// A setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in `billhook.toml`.
    pub(crate) name: &'static str,
    /// The environment variable that says the same.
    pub(crate) variable: &'static str,
    /// The option of the command line that says the same; empty when there is none.
    pub(crate) option: &'static str,
    /// What counts when nothing is said, as it would be written; empty for nothing.
    pub(crate) default: &'static str,
    /// What may be written, after "write".
    pub(crate) allowed: &'static str,
    /// What it does, in a sentence.
    pub(crate) meaning: &'static str,
    /// What its text is.
    pub(crate) form: Form,
    /// Understands a text; `None` when it cannot be used.
    pub(crate) set: fn(&mut Settings, &str) -> Option<()>,
}

/// What the text of a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text or a number.
    One,
    /// A path, which in a file begins at the file's folder.
    Path,
    /// Several: an array in the file, with commas between them elsewhere.
    List,
}

const ADDRESS: &str = "an address with its port, such as 127.0.0.1:8080 or [::1]:8080";
const YES_NO: &str = "true or false";
const PEM: &str = "the path of a PEM file";
const ISSUER: &str = "an https URL without query, user and password, such as \
                      https://login.example.com/realms/acme";
const BACK: &str = "/sign-in/oidc/callback";
const BACK_URL: &str = "a URL with the path /sign-in/oidc/callback, such as \
                        https://billhook.example.com/sign-in/oidc/callback";

/// All of them, in the order in which they are described.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "home",
        variable: "BILLHOOK_HOME",
        option: "--home",
        default: ".billhook",
        allowed: "a directory",
        meaning: "The data directory. The file `billhook.toml` in it cannot move it.",
        form: Form::Path,
        set: |settings, text| {
            settings.home = PathBuf::from(some(text)?);
            Some(())
        },
    },
    Key {
        name: "lake",
        variable: "BILLHOOK_LAKE",
        option: "--lake",
        default: "",
        allowed: "a path, or s3://bucket/prefix",
        meaning: "Where the lake lies; by default `lake` in the data directory.",
        form: Form::Path,
        set: |settings, text| {
            settings.lake = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "s3.endpoint",
        variable: "BILLHOOK_S3_ENDPOINT",
        option: "--endpoint",
        default: "",
        allowed: "a URL, such as https://s3.example.com",
        meaning: "The S3 endpoint of a compatible store, for reports and for the lake.",
        form: Form::One,
        set: |settings, text| {
            settings.endpoint = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "s3.region",
        variable: "BILLHOOK_S3_REGION",
        option: "--region",
        default: "",
        allowed: "a region, such as eu-central-1",
        meaning: "The AWS region; by default what AWS's own variables say.",
        form: Form::One,
        set: |settings, text| {
            settings.region = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "s3.virtual_hosted",
        variable: "BILLHOOK_S3_VIRTUAL_HOSTED",
        option: "--virtual-hosted",
        default: "false",
        allowed: YES_NO,
        meaning: "Address buckets as `https://bucket.host/` instead of `https://host/bucket/`?",
        form: Form::One,
        set: |settings, text| {
            settings.virtual_hosted = text.parse().ok()?;
            Some(())
        },
    },
    Key {
        name: "s3.anonymous",
        variable: "BILLHOOK_S3_ANONYMOUS",
        option: "--anonymous",
        default: "false",
        allowed: YES_NO,
        meaning: "Leave S3 requests unsigned, for public buckets?",
        form: Form::One,
        set: |settings, text| {
            settings.anonymous = text.parse().ok()?;
            Some(())
        },
    },
    Key {
        name: "load.workers",
        variable: "BILLHOOK_LOAD_WORKERS",
        option: "--workers",
        default: "",
        allowed: "a whole number from 1 to 256",
        meaning: "Files read at the same time; by default the number of processors, at most 4.",
        form: Form::One,
        set: |settings, text| {
            settings.workers = Some(number(text, 1, 256)?);
            Some(())
        },
    },
    Key {
        name: "listen",
        variable: "BILLHOOK_LISTEN",
        option: "--listen",
        default: "127.0.0.1:8080",
        allowed: ADDRESS,
        meaning: "Where pages and the API are. Port 0 takes any free port.",
        form: Form::One,
        set: |settings, text| {
            settings.listen = address(text)?;
            Some(())
        },
    },
    Key {
        name: "public_url",
        variable: "BILLHOOK_PUBLIC_URL",
        option: "",
        default: "",
        allowed: "a URL without path, user and password, such as https://billhook.example.com",
        meaning: "What browsers call the server. With https, cookies are sent over https only.",
        form: Form::One,
        set: |settings, text| {
            settings.public_url = Some(public_url(text)?);
            Some(())
        },
    },
    Key {
        name: "postgres.listen",
        variable: "BILLHOOK_POSTGRES_LISTEN",
        option: "--postgres",
        default: "",
        allowed: "an address with its port, such as 127.0.0.1:5432",
        meaning: "Where the Postgres protocol is; by default nowhere.",
        form: Form::One,
        set: |settings, text| {
            settings.postgres = Some(address(text)?);
            Some(())
        },
    },
    Key {
        name: "postgres.tls_certificate",
        variable: "BILLHOOK_POSTGRES_TLS_CERTIFICATE",
        option: "",
        default: "",
        allowed: PEM,
        meaning: "The certificate of the Postgres protocol, with those that vouch for it below.",
        form: Form::Path,
        set: |settings, text| {
            settings.certificate = Some(PathBuf::from(some(text)?));
            Some(())
        },
    },
    Key {
        name: "postgres.tls_key",
        variable: "BILLHOOK_POSTGRES_TLS_KEY",
        option: "",
        default: "",
        allowed: PEM,
        meaning: "The private key of that certificate.",
        form: Form::Path,
        set: |settings, text| {
            settings.key = Some(PathBuf::from(some(text)?));
            Some(())
        },
    },
    Key {
        name: "sign_in.required",
        variable: "BILLHOOK_SIGN_IN_REQUIRED",
        option: "--no-sign-in",
        default: "true",
        allowed: YES_NO,
        meaning: "Must people sign in? `false` only where nobody but this machine can connect.",
        form: Form::One,
        set: |settings, text| {
            settings.requires_sign_in = text.parse().ok()?;
            Some(())
        },
    },
    Key {
        name: "sign_in.session_hours",
        variable: "BILLHOOK_SIGN_IN_SESSION_HOURS",
        option: "",
        default: "168",
        allowed: "a whole number from 1 to 8760",
        meaning: "After so many hours people sign in anew.",
        form: Form::One,
        set: |settings, text| {
            settings.session_hours = number(text, 1, 8_760)?;
            Some(())
        },
    },
    Key {
        name: "sign_in.proxy_header",
        variable: "BILLHOOK_SIGN_IN_PROXY_HEADER",
        option: "",
        default: "",
        allowed: "the name of a header, such as X-Forwarded-User",
        meaning: "The header in which a proxy in front names who has signed in there.",
        form: Form::One,
        set: |settings, text| {
            settings.proxy_header = Some(header(text)?);
            Some(())
        },
    },
    Key {
        name: "sign_in.proxy_from",
        variable: "BILLHOOK_SIGN_IN_PROXY_FROM",
        option: "",
        default: "",
        allowed: "addresses without ports, such as 10.0.0.7",
        meaning: "The proxy's addresses. From any other, that header is not believed.",
        form: Form::List,
        set: |settings, text| {
            settings.proxy_from = addresses(text)?;
            Some(())
        },
    },
    Key {
        name: "sign_in.proxy_role",
        variable: "BILLHOOK_SIGN_IN_PROXY_ROLE",
        option: "",
        default: "viewer",
        allowed: "viewer or admin",
        meaning: "The role of somebody whom the proxy names for the first time.",
        form: Form::One,
        set: |settings, text| {
            settings.proxy_role = text.parse().ok()?;
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_issuer",
        variable: "BILLHOOK_SIGN_IN_OIDC_ISSUER",
        option: "",
        default: "",
        allowed: ISSUER,
        meaning: "The provider of OpenID Connect that people can sign in by, exactly as it calls \
                  itself.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_issuer = Some(Issuer::parse(text)?);
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_client_id",
        variable: "BILLHOOK_SIGN_IN_OIDC_CLIENT_ID",
        option: "",
        default: "",
        allowed: "the id of the client at the provider",
        meaning: "What the provider calls this server.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_client_id = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_client_secret_file",
        variable: "BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET_FILE",
        option: "",
        default: "",
        allowed: "the path of a file",
        meaning: "A file with the secret of that client, unless the variable \
                  `BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET` has it.",
        form: Form::Path,
        set: |settings, text| {
            settings.oidc_client_secret_file = Some(PathBuf::from(some(text)?));
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_scopes",
        variable: "BILLHOOK_SIGN_IN_OIDC_SCOPES",
        option: "",
        default: "profile,email",
        allowed: "scopes, such as profile and email",
        meaning: "What the provider is asked to tell, besides `openid`.",
        form: Form::List,
        set: |settings, text| {
            settings.oidc_scopes = scopes(text)?;
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_redirect_url",
        variable: "BILLHOOK_SIGN_IN_OIDC_REDIRECT_URL",
        option: "",
        default: "",
        allowed: BACK_URL,
        meaning: "Where the provider sends people back to; by default that page of `public_url`, \
                  or of what the browser calls the server.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_redirect_url = Some(page_url(text, BACK)?);
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_name_claim",
        variable: "BILLHOOK_SIGN_IN_OIDC_NAME_CLAIM",
        option: "",
        default: "",
        allowed: "the name of a claim",
        meaning: "The claim with the name of somebody new; by default `preferred_username`, else \
                  `email` if it is verified, else `sub`.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_name_claim = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_role",
        variable: "BILLHOOK_SIGN_IN_OIDC_ROLE",
        option: "",
        default: "viewer",
        allowed: "viewer or admin",
        meaning: "The role of somebody whom the provider signs in for the first time.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_role = text.parse().ok()?;
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_role_claim",
        variable: "BILLHOOK_SIGN_IN_OIDC_ROLE_CLAIM",
        option: "",
        default: "",
        allowed: "the name of a claim",
        meaning: "The claim that tells at every sign-in who is admin, such as `groups` or \
                  `realm_access.roles`.",
        form: Form::One,
        set: |settings, text| {
            settings.oidc_role_claim = Some(some(text)?.to_owned());
            Some(())
        },
    },
    Key {
        name: "sign_in.oidc_admin_values",
        variable: "BILLHOOK_SIGN_IN_OIDC_ADMIN_VALUES",
        option: "",
        default: "",
        allowed: "values of that claim",
        meaning: "Whoever has one of them in that claim is admin, everybody else a viewer.",
        form: Form::List,
        set: |settings, text| {
            settings.oidc_admin_values = texts(text)?;
            Some(())
        },
    },
    Key {
        name: "limits.clients",
        variable: "BILLHOOK_LIMITS_CLIENTS",
        option: "",
        default: "512",
        allowed: "a whole number from 1 to 100000",
        meaning: "Connections of browsers and programs at the same time.",
        form: Form::One,
        set: |settings, text| {
            settings.clients = number(text, 1, 100_000)?;
            Some(())
        },
    },
    Key {
        name: "limits.body_bytes",
        variable: "BILLHOOK_LIMITS_BODY_BYTES",
        option: "",
        default: "1048576",
        allowed: "a whole number from 4096 to 1073741824",
        meaning: "The largest form, or body of a call, in bytes.",
        form: Form::One,
        set: |settings, text| {
            settings.body_bytes = number(text, 4_096, 1_073_741_824)?;
            Some(())
        },
    },
    Key {
        name: "limits.request_seconds",
        variable: "BILLHOOK_LIMITS_REQUEST_SECONDS",
        option: "",
        default: "60",
        allowed: "a whole number from 1 to 3600",
        meaning: "How long the answer to a request may take to begin.",
        form: Form::One,
        set: |settings, text| {
            settings.request_seconds = number(text, 1, 3_600)?;
            Some(())
        },
    },
    Key {
        name: "limits.page_seconds",
        variable: "BILLHOOK_LIMITS_PAGE_SECONDS",
        option: "",
        default: "3",
        allowed: "a whole number from 0 to 3600",
        meaning: "How long a page waits for costs, lines or rows before the question becomes a run \
                  with a page of its own.",
        form: Form::One,
        set: |settings, text| {
            settings.page_seconds = number(text, 0, 3_600)?;
            Some(())
        },
    },
    Key {
        name: "limits.statement_seconds",
        variable: "BILLHOOK_LIMITS_STATEMENT_SECONDS",
        option: "",
        default: "300",
        allowed: "a whole number from 1 to 86400",
        meaning: "How long a run of a page, or a statement of the Postgres protocol, may take.",
        form: Form::One,
        set: |settings, text| {
            settings.statement_seconds = number(text, 1, 86_400)?;
            Some(())
        },
    },
    Key {
        name: "limits.query_memory_mib",
        variable: "BILLHOOK_LIMITS_QUERY_MEMORY_MIB",
        option: "",
        default: "512",
        allowed: "a whole number from 16 to 1048576",
        meaning: "Memory that one SQL statement may use for sorting and grouping, in MiB.",
        form: Form::One,
        set: |settings, text| {
            settings.query_memory_mib = number(text, 16, 1_048_576)?;
            Some(())
        },
    },
    Key {
        name: "limits.postgres_clients",
        variable: "BILLHOOK_LIMITS_POSTGRES_CLIENTS",
        option: "",
        default: "64",
        allowed: "a whole number from 1 to 10000",
        meaning: "Clients of the Postgres protocol at the same time.",
        form: Form::One,
        set: |settings, text| {
            settings.postgres_clients = number(text, 1, 10_000)?;
            Some(())
        },
    },
    Key {
        name: "log.format",
        variable: "BILLHOOK_LOG_FORMAT",
        option: "",
        default: "text",
        allowed: "text or json",
        meaning: "How `serve` writes its log to standard error: for people, or an object a line.",
        form: Form::One,
        set: |settings, text| {
            settings.log_format = match text {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return None,
            };
            Some(())
        },
    },
    Key {
        name: "log.level",
        variable: "BILLHOOK_LOG_LEVEL",
        option: "",
        default: "info",
        allowed: "error, warn, info, debug or trace",
        meaning: "What `serve` logs of Billhook itself; of its libraries only warnings.",
        form: Form::One,
        set: |settings, text| {
            settings.log_level = match text {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "info" => LogLevel::Info,
                "debug" => LogLevel::Debug,
                "trace" => LogLevel::Trace,
                _ => return None,
            };
            Some(())
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_variables_are_one_to_one() {
        for key in KEYS {
            let words = key.name.replace('.', "_").to_ascii_uppercase();
            assert_eq!(key.variable, format!("BILLHOOK_{words}"));
            assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1);
            assert!(key.meaning.ends_with(['.', '?']), "{}", key.name);
        }
    }

    #[test]
    fn every_default_is_a_value() {
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            assert!((key.set)(&mut Settings::blank(), key.default).is_some(), "{}", key.name);
        }
    }

    #[test]
    fn what_makes_no_sense_is_no_value() {
        for (name, wrong) in [
            ("listen", "8080"),
            ("listen", "example.com:80"),
            ("listen", ""),
            ("home", ""),
            ("limits.clients", "0"),
            ("limits.clients", "many"),
            ("limits.body_bytes", "-1"),
            ("sign_in.required", "yes"),
            ("sign_in.proxy_role", "owner"),
            ("sign_in.proxy_from", ""),
            ("sign_in.proxy_from", "10.0.0.0/8"),
            ("sign_in.proxy_header", "X User"),
            ("sign_in.oidc_issuer", "http://login.example.com"),
            ("sign_in.oidc_issuer", "login.example.com"),
            ("sign_in.oidc_scopes", "two words"),
            ("sign_in.oidc_redirect_url", "https://billhook.example.com/elsewhere"),
            ("sign_in.oidc_role", "owner"),
            ("sign_in.oidc_admin_values", " , "),
            ("public_url", "billhook.example.com"),
            ("public_url", "https://someone:secret@billhook.example.com"),
            ("public_url", "https://example.com/billhook"),
            ("log.format", "xml"),
            ("log.level", "INFO"),
        ] {
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            assert!((key.set)(&mut Settings::blank(), wrong).is_none(), "{name} = {wrong}");
        }
    }
}

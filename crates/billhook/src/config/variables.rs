//! The environment variables of Billhook that are no settings.

use billhook_registry::KEY_VARIABLE;

/// The variable with the secret of the client at a provider of OpenID Connect.
pub(super) const OIDC_SECRET_VARIABLE: &str = "BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET";

/// The variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "BILLHOOK_CONFIG";

/// An environment variable that is no setting of the file.
#[derive(Debug)]
pub(crate) struct Variable {
    /// Its name; `*` at the end stands for anything.
    pub(crate) name: &'static str,
    /// What it does, in a sentence.
    pub(crate) meaning: &'static str,
    /// Is it shown among the settings, as set or not set?
    pub(crate) is_shown: bool,
}

/// All of them that Billhook reads.
pub(crate) const VARIABLES: &[Variable] = &[
    Variable {
        name: FILE_VARIABLE,
        meaning: "The configuration file, as `--config`.",
        is_shown: false,
    },
    Variable {
        name: KEY_VARIABLE,
        meaning: "The key that seals secrets: 32 bytes as 64 hexadecimal digits or base64. By \
                  default it is in the file `billhook.key` of the data directory.",
        is_shown: true,
    },
    Variable {
        name: OIDC_SECRET_VARIABLE,
        meaning: "The secret of the client `sign_in.oidc_client_id` at the provider; or \
                  `sign_in.oidc_client_secret_file` names a file with it.",
        is_shown: true,
    },
    Variable {
        name: "BILLHOOK_SECRET_ACCESS_KEY",
        meaning: "The secret of `--access-key-id`.",
        is_shown: false,
    },
    Variable {
        name: "BILLHOOK_SESSION_TOKEN",
        meaning: "The session token of `--access-key-id`.",
        is_shown: false,
    },
    Variable {
        name: "BILLHOOK_SINK_SECRET",
        meaning: "The secret of a sink that has only one.",
        is_shown: false,
    },
    Variable {
        name: "BILLHOOK_SINK_SECRET_*",
        meaning: "A secret of a sink by its name, such as `BILLHOOK_SINK_SECRET_PASSWORD`.",
        is_shown: false,
    },
    Variable { name: "BILLHOOK_TEST_*", meaning: "For tests of Billhook itself.", is_shown: false },
    Variable { name: "BILLHOOK_SHARED", meaning: "For tests of Billhook itself.", is_shown: false },
    Variable {
        name: "BILLHOOK_TERRAFORM_PROVIDERS",
        meaning: "For tests of Billhook itself.",
        is_shown: false,
    },
];

/// Is it one of Billhook's, by its name?
pub(super) fn is_known(name: &str) -> bool {
    VARIABLES.iter().any(|variable| match variable.name.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == variable.name,
    })
}

/// Kubernetes tells every container where the services of its namespace are, in variables that
/// begin with their names: of a service `billhook` in `BILLHOOK_PORT` and others.
pub(super) fn is_of_kubernetes(name: &str) -> bool {
    let is_port = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        rest.split('_').next().is_some_and(|part| part.parse::<u16>().is_ok())
    });
    let is_service = name.contains("_SERVICE_PORT") || name.ends_with("_SERVICE_HOST");
    is_port || is_service || name.ends_with("_PORT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_known() {
        for name in ["BILLHOOK_KEY", "BILLHOOK_SINK_SECRET_PASSWORD", "BILLHOOK_TEST_PYTHON"] {
            assert!(is_known(name), "{name}");
        }
        assert!(!is_known("BILLHOOK_KEYS") && !is_known("BILLHOOK_SECRET"));
    }

    #[test]
    fn kubernetes_may_name_its_services() {
        for name in [
            "BILLHOOK_PORT",
            "BILLHOOK_SERVICE_HOST",
            "BILLHOOK_SERVICE_PORT",
            "BILLHOOK_SERVICE_PORT_PAGES",
            "BILLHOOK_PORT_8080_TCP_ADDR",
            "BILLHOOK_POSTGRES_PORT_5432_TCP",
        ] {
            assert!(is_of_kubernetes(name), "{name}");
        }
        assert!(!is_of_kubernetes("BILLHOOK_LISTEN") && !is_of_kubernetes("BILLHOOK_PORTS"));
    }
}

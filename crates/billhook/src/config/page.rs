//! `docs/configuration.md`, made from the table of settings.

use std::fmt::Write as _;

use super::keys::KEYS;
use super::variables::VARIABLES;

const HEAD: &str = "# Configuration\n\n\
    Generated from `crates/billhook/src/config/keys.rs` by `cargo xtask fixtures`.\n\n\
    A setting is taken from the command line, else from its environment variable, else from the \
    file, else it is the default. The file is the one that `--config` or `BILLHOOK_CONFIG` names, \
    or `billhook.toml` in the data directory when it is there. All commands read it; what is about \
    a server counts for `billhook serve`. A variable that is set and empty says nothing. Unknown \
    names and values that cannot be used are refused, with where they stand.\n\n\
    ```toml\n\
    listen = \"0.0.0.0:8080\"\n\
    public_url = \"https://billhook.example.com\"\n\n\
    [postgres]\n\
    listen = \"0.0.0.0:5432\"\n\
    tls_certificate = \"tls/server.crt\"      # relative paths begin at the file's folder\n\
    tls_key = \"tls/server.key\"\n\n\
    [sign_in]\n\
    proxy_header = \"X-Forwarded-User\"\n\
    proxy_from = [\"10.0.0.7\"]\n\
    oidc_issuer = \"https://login.example.com/realms/acme\"\n\
    oidc_client_id = \"billhook\"             # its secret: BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET\n\
    ```\n\n\
    `billhook doctor` shows what was said and by whom, as does Settings, Instance in the pages.\n";

/// The page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Settings\n\n| setting | default | what it does |\n|---|---|---|\n");
    for key in KEYS {
        let default = match key.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        // Writing to a string cannot fail.
        writeln!(page, "| `{}` | {default} | {} |", key.name, key.meaning).ok();
    }
    page.push_str(
        "\n## How they are written\n\n| setting | variable | option | what may be written |\n\
         |---|---|---|---|\n",
    );
    for key in KEYS {
        let option = match key.option {
            "" => String::new(),
            option => format!("`{option}`"),
        };
        writeln!(page, "| `{}` | `{}` | {option} | {} |", key.name, key.variable, key.allowed).ok();
    }
    page.push_str(
        "\n## Other variables\n\nThey are no settings of the file. Secrets are given in variables \
         or typed, never in a file that is read by others or on the command line.\n\n\
         | variable | what it does |\n|---|---|\n",
    );
    for variable in VARIABLES {
        writeln!(page, "| `{}` | {} |", variable.name, variable.meaning).ok();
    }
    page.push_str(
        "\nAny other variable that begins with `BILLHOOK_` is refused, but for those in which \
         Kubernetes names services. AWS's own variables (`AWS_ACCESS_KEY_ID` and others) count \
         too.\n",
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_in_both_tables() {
        let page = page();
        for key in KEYS {
            assert_eq!(page.matches(&format!("\n| `{}` |", key.name)).count(), 2, "{}", key.name);
            assert!(page.contains(key.variable));
        }
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            assert!(matches!(row.matches('|').count(), 3..=5), "{row}");
        }
    }
}

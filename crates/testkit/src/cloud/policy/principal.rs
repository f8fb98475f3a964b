//! Who asks, and whom a policy means by `Principal`.

use serde_json::Value;

use super::PolicyError;
use super::parse::texts;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A request without signature.
    Nobody,
    /// A service of AWS, such as `billingreports.amazonaws.com`.
    Service(String),
    /// A user.
    User {
        /// Its account, 12 digits.
        account: String,
        /// `arn:aws:iam::<account>:user/<name>`
        arn: String,
    },
    /// Somebody who has assumed a role.
    Session {
        /// The role's account, 12 digits.
        account: String,
        /// `arn:aws:sts::<account>:assumed-role/<name>/<session>`
        arn: String,
        /// `arn:aws:iam::<account>:role/<name>`
        role: String,
    },
}

impl Principal {
    /// The account, of users and sessions.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::Service(_) => None,
            Self::User { account, .. } | Self::Session { account, .. } => Some(account),
        }
    }

    /// The ARN, the name of a service, or `anonymous`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Nobody => "anonymous",
            Self::Service(name) => name,
            Self::User { arn, .. } | Self::Session { arn, .. } => arn,
        }
    }

    /// `aws:PrincipalArn`: of a session it is the role's.
    #[must_use]
    pub fn principal_arn(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::Service(_) => None,
            Self::User { arn, .. } => Some(arn),
            Self::Session { role, .. } => Some(role),
        }
    }
}

/// How a statement means a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// By the account, which may hand out the right.
    Account,
    /// As such.
    Caller,
}

/// The element `Principal`.
#[derive(Clone, Debug, Default)]
pub(super) struct Trusted {
    anyone: bool,
    /// Accounts, 12 digits.
    accounts: Vec<String>,
    /// Users, roles and sessions.
    arns: Vec<String>,
    services: Vec<String>,
}

impl Trusted {
    pub(super) fn parse(value: &Value) -> Result<Self, PolicyError> {
        let mut trusted = Self::default();
        if value == "*" {
            trusted.anyone = true;
            return Ok(trusted);
        }
        let fields = value.as_object().filter(|fields| !fields.is_empty());
        let fields = fields.ok_or_else(|| invalid(value))?;
        for (kind, names) in fields {
            for name in texts("Principal", names)? {
                match kind.as_str() {
                    "AWS" => trusted.add(&name)?,
                    "Service" if name.contains(".amazonaws.com") => trusted.services.push(name),
                    _ => return Err(invalid(value)),
                }
            }
        }
        Ok(trusted)
    }

    fn add(&mut self, name: &str) -> Result<(), PolicyError> {
        if name == "*" {
            self.anyone = true;
            return Ok(());
        }
        if is_account(name) {
            self.accounts.push(name.to_owned());
            return Ok(());
        }
        let refused = || invalid(&Value::from(name));
        let parts: Vec<&str> = name.splitn(6, ':').collect();
        let ["arn", _, service, "", account, what] = parts.as_slice() else {
            return Err(refused());
        };
        if !is_account(account) || name.contains(['*', '?']) {
            return Err(refused());
        }
        match *service {
            "iam" if *what == "root" => self.accounts.push((*account).to_owned()),
            "iam" if what.starts_with("user/") || what.starts_with("role/") => {
                self.arns.push(name.to_owned());
            }
            "sts" if what.starts_with("assumed-role/") => self.arns.push(name.to_owned()),
            _ => return Err(refused()),
        }
        Ok(())
    }

    /// Does it mean `principal`, and how?
    pub(super) fn reach(&self, principal: &Principal) -> Option<Reach> {
        let named = match principal {
            Principal::Nobody => false,
            Principal::Service(name) => {
                return self.services.contains(name).then_some(Reach::Caller);
            }
            Principal::User { arn, .. } => self.arns.contains(arn),
            Principal::Session { arn, role, .. } => {
                self.arns.contains(arn) || self.arns.contains(role)
            }
        };
        if self.anyone || named {
            return Some(Reach::Caller);
        }
        let account = principal.account()?;
        self.accounts.iter().any(|own| own == account).then_some(Reach::Account)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid(value: &Value) -> PolicyError {
    PolicyError(format!("Invalid principal in policy: {value}"))
}

//! IAM's policy language: as much as billing set-ups use, read strictly and evaluated as AWS does.
//!
//! [`Policy::identity`], [`Policy::resource`] and [`Policy::trust`] read a document and refuse what
//! AWS refuses, and what is not understood here (`NotPrincipal`, set operators, other condition
//! operators): a policy that is read is judged in full. [`decide`] weighs what all sides say.
//!
//! Not done: policy variables (`${aws:username}`), permissions boundaries, session policies, and
//! service control policies.

mod condition;
mod parse;
mod pattern;
mod principal;

use std::error::Error;
use std::fmt;

use condition::Condition;
use principal::{Reach, Trusted};

pub use condition::Context;
pub use pattern::{arn_fits, fits};
pub use principal::Principal;

/// Why a document is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(pub(super) String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PolicyError {}

/// What a policy is attached to. It says which elements a statement must and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user or role: no `Principal`.
    Identity,
    /// A bucket or key: `Principal` and `Resource`.
    Resource,
    /// A role, saying who may assume it: `Principal`, no `Resource`, actions of STS only.
    Trust,
}

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    denies: bool,
    trusted: Option<Trusted>,
    actions: Names,
    resources: Option<Names>,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug)]
struct Names {
    patterns: Vec<String>,
    inverted: bool,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Such as `s3:GetObject`.
    pub action: &'a str,
    /// An ARN, or `*` for an action that no resource can be named for.
    pub resource: &'a str,
    /// Condition keys.
    pub context: &'a Context,
}

/// What the policies of one side say, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Say {
    Nothing,
    /// The caller's account may hand out the right.
    AllowsAccount,
    AllowsCaller,
    Denies,
}

/// Who asks, and all that has a say in it.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The policies of the user or role.
    pub identity: &'a [Policy],
    /// Account of the resource; of the caller, where nothing is shared between accounts.
    pub owner: &'a str,
    /// The policy of the resource: a bucket's, a key's, or the trust policy of a role.
    pub resource: Option<&'a Policy>,
    /// Must the resource's policy allow it even to callers of the same account? Those of roles and
    /// keys must.
    pub must_agree: bool,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A policy of the caller denies it.
    ExplicitIdentity,
    /// The policy of the resource denies it.
    ExplicitResource,
    /// No policy of the caller allows it.
    NoIdentity,
    /// The policy of the resource does not allow it.
    NoResource,
}

/// May it be done? A denial outweighs all; within an account one side is enough unless the resource
/// must agree; between accounts both sides must allow it.
///
/// # Errors
/// Why not.
pub fn decide(ask: &Ask<'_>, grounds: &Grounds<'_>) -> Result<(), Denial> {
    let principal = grounds.principal;
    let identity = grounds.identity.iter().map(|policy| policy.say(ask, principal)).max();
    let identity = identity.unwrap_or(Say::Nothing);
    let resource = grounds.resource.map_or(Say::Nothing, |policy| policy.say(ask, principal));
    if identity == Say::Denies {
        return Err(Denial::ExplicitIdentity);
    }
    if resource == Say::Denies {
        return Err(Denial::ExplicitResource);
    }
    let Some(account) = principal.account() else {
        // Without an account there are no policies of one's own.
        let allowed = resource == Say::AllowsCaller;
        return if allowed { Ok(()) } else { Err(Denial::NoResource) };
    };
    let same_account = account == grounds.owner;
    if same_account && resource == Say::AllowsCaller {
        return Ok(());
    }
    if identity == Say::Nothing {
        return Err(Denial::NoIdentity);
    }
    let resource_suffices = match resource {
        Say::Nothing => same_account && !grounds.must_agree,
        _ => true,
    };
    if resource_suffices { Ok(()) } else { Err(Denial::NoResource) }
}

impl Policy {
    /// Reads a policy of a user or role.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn identity(text: &str) -> Result<Self, PolicyError> {
        parse::policy(Kind::Identity, text)
    }

    /// Reads a policy of a bucket or key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn resource(text: &str) -> Result<Self, PolicyError> {
        parse::policy(Kind::Resource, text)
    }

    /// Reads a role's trust policy.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn trust(text: &str) -> Result<Self, PolicyError> {
        parse::policy(Kind::Trust, text)
    }

    /// The document as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands under `Resource` and `NotResource`.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let names = self.statements.iter().filter_map(|statement| statement.resources.as_ref());
        names.flat_map(|names| names.patterns.iter().map(String::as_str))
    }

    fn say(&self, ask: &Ask<'_>, principal: &Principal) -> Say {
        let said = self.statements.iter().map(|statement| statement.say(ask, principal));
        said.max().unwrap_or(Say::Nothing)
    }
}

impl Statement {
    fn say(&self, ask: &Ask<'_>, principal: &Principal) -> Say {
        let reach = match &self.trusted {
            None => Some(Reach::Caller),
            Some(trusted) => trusted.reach(principal),
        };
        let Some(reach) = reach else { return Say::Nothing };
        let action = ask.action.to_ascii_lowercase();
        let names_action = self.actions.name(|pattern| fits(pattern, &action));
        let names_resource = self.resources.as_ref().is_none_or(|resources| {
            resources.name(|pattern| pattern == "*" || arn_fits(pattern, ask.resource))
        });
        let applies = names_action
            && names_resource
            && self.conditions.iter().all(|condition| condition.holds(ask.context));
        match (applies, self.denies, reach) {
            (false, ..) => Say::Nothing,
            (true, true, _) => Say::Denies,
            (true, false, Reach::Account) => Say::AllowsAccount,
            (true, false, Reach::Caller) => Say::AllowsCaller,
        }
    }
}

impl Names {
    fn name(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| fits(pattern)) != self.inverted
    }
}

#[cfg(test)]
mod tests;

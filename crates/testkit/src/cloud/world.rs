//! What exists: accounts' users and roles, buckets, and what the services are told to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::data_exports::Export;
use super::fault::Fault;
use super::policy::{Ask, Context, Denial, Grounds, Policy, PolicyError, Principal, decide, fits};
use super::time::Time;
use crate::random::{UPPER, hash, text};
use crate::render::cost_explorer::{ApiError, CostExplorer};

/// Answers an operation of Cost Explorer, given its name and body.
pub type CostAnswers = dyn Fn(&str, &Value) -> Result<Value, ApiError> + Send + Sync;

/// A long-term key.
#[derive(Clone, Debug, Default)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// The secret.
    pub secret: String,
    /// A token that requests must carry.
    pub session_token: Option<String>,
    /// Has it been deactivated?
    pub disabled: bool,
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Its account, 12 digits.
    pub account: String,
    /// Its name, with a path before it if it has one.
    pub name: String,
    /// Its keys.
    pub keys: Vec<AccessKey>,
    /// Its policies.
    pub policies: Vec<Policy>,
}

impl User {
    /// A user without keys and policies.
    #[must_use]
    pub fn new(account: &str, name: &str) -> Self {
        let (account, name) = (account.to_owned(), name.to_owned());
        Self { account, name, keys: Vec::new(), policies: Vec::new() }
    }

    /// The same with a key.
    #[must_use]
    pub fn with_key(mut self, id: &str, secret: &str) -> Self {
        let (id, secret) = (id.to_owned(), secret.to_owned());
        self.keys.push(AccessKey { id, secret, ..AccessKey::default() });
        self
    }

    /// The same with a policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policies.push(policy);
        self
    }

    /// `arn:aws:iam::<account>:user/<name>`
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.name)
    }

    fn principal(&self) -> Principal {
        Principal::User { account: self.account.clone(), arn: self.arn() }
    }
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its account, 12 digits.
    pub account: String,
    /// Its name, with a path before it if it has one.
    pub name: String,
    /// Who may assume it.
    pub trust: Policy,
    /// Its policies.
    pub policies: Vec<Policy>,
    /// `MaxSessionDuration`
    pub max_session_seconds: i64,
}

impl Role {
    /// A role without policies, for sessions of an hour.
    #[must_use]
    pub fn new(account: &str, name: &str, trust: Policy) -> Self {
        let (account, name) = (account.to_owned(), name.to_owned());
        Self { account, name, trust, policies: Vec::new(), max_session_seconds: 3_600 }
    }

    /// The same with a policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policies.push(policy);
        self
    }

    /// `arn:aws:iam::<account>:role/<name>`
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{}", self.account, self.name)
    }
}

/// A bucket. Its objects lie in the emulator.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The account that it belongs to, 12 digits.
    pub owner: String,
    /// Where it lies.
    pub region: String,
    /// Its policy.
    pub policy: Option<Policy>,
    /// ARN of the key that its objects are encrypted with.
    pub kms_key: Option<String>,
    /// Do those pay who read it?
    pub requester_pays: bool,
}

impl Bucket {
    /// A bucket without policy and key.
    #[must_use]
    pub fn new(owner: &str, region: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            region: region.to_owned(),
            policy: None,
            kms_key: None,
            requester_pays: false,
        }
    }

    /// The same with a policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The same with a key, of `arn:aws:kms:<region>:<account>:key/<id>`.
    #[must_use]
    pub fn with_kms_key(self, arn: &str) -> Self {
        Self { kms_key: Some(arn.to_owned()), ..self }
    }
}

/// How far Cost Explorer has been turned on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostExplorerState {
    /// Not at all.
    NotEnabled,
    /// Without hours.
    #[default]
    Daily,
    /// With hours.
    Hourly,
}

/// What a request wanted to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Such as `s3:GetObject`.
    pub action: String,
    /// An ARN or `*`; empty when the caller was not known.
    pub resource: String,
    /// ARN; the id of a key that was not accepted; `anonymous`.
    pub caller: String,
    /// Was it let through?
    pub allowed: bool,
}

/// All that exists. Tests change it while the server runs.
#[derive(Default)]
pub struct World {
    /// Users of all accounts.
    pub users: Vec<User>,
    /// Roles of all accounts.
    pub roles: Vec<Role>,
    /// Buckets of all accounts by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// Policies of keys by ARN. A key without one lets its account decide.
    pub key_policies: BTreeMap<String, Policy>,
    /// Actions that no identity policy allows, whatever it says: to take one away and try again.
    pub withdrawn: BTreeSet<String>,
    /// Actions, such as `ce:*`, of which so many more are answered with too many requests.
    pub throttled: Vec<(String, usize)>,
    /// How many seconds AWS's clock is ahead of the callers'.
    pub clock_ahead_seconds: i64,
    /// Seconds that have passed for sessions beyond what clocks say.
    pub session_age_seconds: i64,
    /// How far Cost Explorer is on.
    pub cost_explorer: CostExplorerState,
    /// Who answers for Cost Explorer, by account; for others the emulator does.
    pub cost_answers: BTreeMap<String, Arc<CostAnswers>>,
    /// Regions where STS is off.
    pub sts_off: BTreeSet<String>,
    /// Management account of the organisation that all accounts are in; none: no organisation.
    pub management_account: Option<String>,
    /// Definitions of Cost and Usage Reports by account.
    pub reports: BTreeMap<String, Vec<Value>>,
    /// Data Exports by account.
    pub exports: BTreeMap<String, Vec<Export>>,
    /// What has been asked, in order.
    pub log: Vec<Entry>,
    pub(super) sessions: BTreeMap<String, Session>,
    /// How many ids have been given out.
    pub(super) issued: usize,
}

/// Somebody's assumed role.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) principal: Principal,
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) expires: Time,
}

/// Whose key it is, and what must come with it.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) principal: Principal,
    pub(super) secret: String,
    pub(super) token: Option<String>,
    pub(super) expires: Option<Time>,
}

/// What a policy must allow.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) on: On,
}

/// Whose policy has a say besides the caller's.
#[derive(Clone, Debug)]
pub(super) enum On {
    Account,
    Bucket(String),
    Key,
    Role,
}

impl Need {
    /// Something within the caller's account.
    pub(super) fn own(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), on: On::Account }
    }
}

impl World {
    /// An empty world; [`World::default`] by another name.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cost Explorer answers callers of `account` from a ledger.
    pub fn serve_costs(&mut self, account: &str, explorer: CostExplorer) {
        let answer = move |operation: &str, body: &Value| match operation {
            "GetCostAndUsage" => explorer.answer(body),
            _ => Err(ApiError::new("UnknownOperationException", operation)),
        };
        self.cost_answers.insert(account.to_owned(), Arc::new(answer));
    }

    /// Takes `action` away from all users and roles.
    pub fn withdraw(&mut self, action: &str) {
        self.withdrawn.insert(action.to_ascii_lowercase());
    }

    /// Gives back what has been taken away.
    pub fn restore(&mut self) {
        self.withdrawn.clear();
    }

    /// The next `times` requests for `actions` (such as `s3:*`) are one too many.
    pub fn throttle(&mut self, actions: &str, times: usize) {
        self.throttled.push((actions.to_ascii_lowercase(), times));
    }

    /// The key of that id, of whatever user.
    pub fn key_mut(&mut self, id: &str) -> Option<&mut AccessKey> {
        self.users.iter_mut().flat_map(|user| &mut user.keys).find(|key| key.id == id)
    }

    /// The role of that ARN.
    pub fn role_mut(&mut self, arn: &str) -> Option<&mut Role> {
        self.roles.iter_mut().find(|role| role.arn() == arn)
    }

    /// May the service `name` of AWS do `action` to `resource`, a bucket or an object, on behalf of
    /// `account`'s `source`, an ARN? So a bucket's policy meets those who deliver reports.
    #[must_use]
    pub fn service_may(
        &self,
        name: &str,
        action: &str,
        resource: &str,
        account: &str,
        source: &str,
    ) -> bool {
        let context =
            Context::new().with("aws:SourceAccount", account).with("aws:SourceArn", source);
        let bucket = resource.strip_prefix("arn:aws:s3:::").unwrap_or_default();
        let bucket = bucket.split('/').next().unwrap_or_default().to_owned();
        let known = self.buckets.contains_key(&bucket);
        let (action, resource) = (action.to_owned(), resource.to_owned());
        let need = Need { action, resource, on: On::Bucket(bucket) };
        known && self.judge(&Principal::Service(name.to_owned()), &need, &context).is_ok()
    }

    /// Whose key it is; none for an unknown or deactivated one.
    pub(super) fn holder(&self, id: &str) -> Option<Holder> {
        if let Some(session) = self.sessions.get(id) {
            return Some(Holder {
                principal: session.principal.clone(),
                secret: session.secret.clone(),
                token: Some(session.token.clone()),
                expires: Some(session.expires.plus(-self.session_age_seconds)),
            });
        }
        self.users.iter().find_map(|user| {
            let key = user.keys.iter().find(|key| key.id == id && !key.disabled)?;
            Some(Holder {
                principal: user.principal(),
                secret: key.secret.clone(),
                token: key.session_token.clone(),
                expires: None,
            })
        })
    }

    /// Lets `caller` do all of `needs`, or says why not; either way it is logged.
    pub(super) fn admit(
        &mut self,
        caller: &Principal,
        needs: &[Need],
        context: &Context,
    ) -> Result<(), Fault> {
        for (number, need) in needs.iter().enumerate() {
            let too_many = number == 0 && self.is_throttled(&need.action);
            let verdict = if too_many {
                let organizations = need.action.starts_with("organizations:");
                Err(Fault::Throttled { organizations })
            } else {
                let verdict = self.judge(caller, need, context);
                verdict.map_err(|denial| Fault::Denied(self.denial(caller, need, denial)))
            };
            self.log.push(Entry {
                action: need.action.clone(),
                resource: need.resource.clone(),
                caller: caller.name().to_owned(),
                allowed: verdict.is_ok(),
            });
            verdict?;
        }
        Ok(())
    }

    fn is_throttled(&mut self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let mut left = self.throttled.iter_mut().filter(|(_, times)| *times > 0);
        let Some((_, times)) = left.find(|(pattern, _)| fits(pattern, &action)) else {
            return false;
        };
        *times -= 1;
        true
    }

    /// Do the policies let `caller` do it?
    pub(super) fn judge(
        &self,
        caller: &Principal,
        need: &Need,
        context: &Context,
    ) -> Result<(), Denial> {
        let withdrawn = self.withdrawn.contains(&need.action.to_ascii_lowercase());
        let identity: &[Policy] = if withdrawn { &[] } else { self.policies(caller) };
        let own = caller.account().unwrap_or_default();
        let by_account = default_key_policy(account_of(&need.resource));
        let (owner, resource, must_agree) = match &need.on {
            On::Account => (own, None, false),
            On::Bucket(name) => {
                let bucket = self.buckets.get(name);
                let policy = bucket.and_then(|bucket| bucket.policy.as_ref());
                (bucket.map_or(own, |bucket| bucket.owner.as_str()), policy, false)
            }
            On::Key => {
                let policy = self.key_policies.get(&need.resource).or(by_account.as_ref());
                (account_of(&need.resource), policy, true)
            }
            On::Role => {
                let role = self.roles.iter().find(|role| role.arn() == need.resource);
                (account_of(&need.resource), role.map(|role| &role.trust), true)
            }
        };
        let mut context = context.clone().with("aws:SecureTransport", "true");
        if let (Some(account), Some(arn)) = (caller.account(), caller.principal_arn()) {
            context = context.with("aws:PrincipalAccount", account).with("aws:PrincipalArn", arn);
        }
        let context = context.with("aws:ResourceAccount", owner);
        let ask = Ask { action: &need.action, resource: &need.resource, context: &context };
        decide(&ask, &Grounds { principal: caller, identity, owner, resource, must_agree })
    }

    fn policies(&self, caller: &Principal) -> &[Policy] {
        let user = |arn: &str| {
            let user = self.users.iter().find(|user| user.arn() == arn);
            user.map(|user| user.policies.as_slice())
        };
        let role = |arn: &str| {
            let role = self.roles.iter().find(|role| role.arn() == arn);
            role.map(|role| role.policies.as_slice())
        };
        let found = match caller {
            Principal::Nobody | Principal::Service(_) => None,
            Principal::User { arn, .. } => user(arn),
            Principal::Session { role: arn, .. } => role(arn),
        };
        found.unwrap_or_default()
    }

    /// AWS's sentence. To callers of other accounts S3 gives no reason.
    pub(super) fn denial(&self, caller: &Principal, need: &Need, denial: Denial) -> String {
        let Need { action, resource, on } = need;
        let name = caller.name();
        let resource = match on {
            On::Bucket(bucket) => {
                let owner = self.buckets.get(bucket).map(|bucket| bucket.owner.as_str());
                if caller.account().is_none() || caller.account() != owner {
                    return "Access Denied".to_owned();
                }
                format!("\"{resource}\"")
            }
            On::Account | On::Key | On::Role => resource.clone(),
        };
        let what =
            format!("User: {name} is not authorized to perform: {action} on resource: {resource}");
        match (on, denial) {
            // STS gives no reason either.
            (On::Role, _) => what,
            (_, Denial::NoIdentity) => {
                format!("{what} because no identity-based policy allows the {action} action")
            }
            (_, Denial::NoResource) => {
                format!("{what} because no resource-based policy allows the {action} action")
            }
            (_, Denial::ExplicitIdentity) => {
                format!("{what} with an explicit deny in an identity-based policy")
            }
            (_, Denial::ExplicitResource) => {
                format!("{what} with an explicit deny in a resource-based policy")
            }
        }
    }

    /// `length` characters that have not been given out before.
    pub(super) fn issue(&mut self, length: usize) -> String {
        self.issued += 1;
        id("issued", &self.issued.to_string(), length)
    }

    /// Puts a policy on a bucket that exists.
    ///
    /// # Errors
    /// What is wrong with it, also when it names other buckets.
    pub fn set_bucket_policy(&mut self, bucket: &str, text: &str) -> Result<(), PolicyError> {
        let policy = Policy::resource(text)?;
        let arn = format!("arn:aws:s3:::{bucket}");
        let is_own = |resource: &str| {
            resource.strip_prefix(&arn).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !policy.resources().all(is_own) {
            return Err(PolicyError("Policy has invalid resource".to_owned()));
        }
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.policy = Some(policy);
        }
        Ok(())
    }
}

/// An id of `length` characters, the same for the same `name`.
pub(super) fn id(kind: &str, name: &str, length: usize) -> String {
    text(hash(0, &format!("{kind} {name}")), UPPER, length)
}

/// The account that an ARN names; empty for none.
pub(super) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// What a key has unless told otherwise: its account decides.
fn default_key_policy(account: &str) -> Option<Policy> {
    let text = format!(
        "{{\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\
         \"arn:aws:iam::{account}:root\"}},\"Action\":\"kms:*\",\"Resource\":\"*\"}}}}"
    );
    Policy::resource(&text).ok()
}

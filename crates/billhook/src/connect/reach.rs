//! How AWS is reached: who Billhook is.

use billhook_aws::session::Identity;
use billhook_engine::{connections as opening, onboarding, verify};
use billhook_registry::{Access, AccessKey, Credentials, SecretString};

use super::find::Target;
use super::role;
use super::talk::{Question, Talk};
use super::what::Wish;
use crate::context::Context;
use crate::identity::{IdentityArgs, key_with};
use crate::verify::lines;

/// How AWS is reached, and what was learnt on the way.
#[derive(Debug)]
pub(super) struct Reached {
    /// Credentials, region and endpoint.
    pub(super) access: Access,
    /// Are the credentials good?
    pub(super) is_working: bool,
    /// Is there no AWS at all: are the files in a folder?
    pub(super) is_local: bool,
    /// Reports that were picked already.
    pub(super) targets: Vec<Target>,
    /// A place that was told already.
    pub(super) location: Option<String>,
}

impl Reached {
    fn new(access: Access, is_working: bool) -> Self {
        Self { access, is_working, is_local: false, targets: Vec::new(), location: None }
    }
}

/// What came of trying credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// They are good.
    Works,
    /// Try once more.
    Again,
    /// Something else is to be given.
    Other,
    /// They are to be saved as they are.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Machine,
    Role,
    Key,
    Profile,
    Folder,
}

const HELP: &str = "\
1 whatever this machine offers: environment variables, a container's or instance's role
2 a role that is made for Billhook alone: nothing lasting has to be kept, and nobody else gets in
3 a key of a user that is made for Billhook; its secret is sealed before it is stored
4 a profile by its name, as other tools of AWS use it
5 files that were copied to this machine";

const HELP_TRIED: &str = "what failed stands above, with its mend; a new role or key works a few \
                          seconds after it was made";

/// Asks, unless options say it, and tries it.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    wish: &Wish,
    identity: &IdentityArgs,
    context: &Context,
) -> anyhow::Result<Reached> {
    let place = wish.place.as_ref().map(|place| place.location.as_str());
    let is_local = place.is_some_and(|place| opening::bucket_of(place).is_none());
    if is_local {
        return Ok(Reached { is_local, ..Reached::new(identity.access(context)?, true) });
    }
    if identity.is_given() || context.s3.anonymous {
        let access = identity.access(context)?;
        let tried = tried(talk, &access, &[Tried::Later]).await?;
        return Ok(Reached::new(access, tried == Tried::Works));
    }
    let ambient = access(Credentials::Ambient, context);
    let me = onboarding::who(&ambient).await;
    loop {
        let credentials = match way(talk, wish, me.as_ref())? {
            Way::Folder => {
                return Ok(Reached { is_local: true, ..Reached::new(ambient, true) });
            }
            Way::Role => match role::ask(talk, wish, me.as_ref(), context).await? {
                Some(reached) => return Ok(reached),
                None => continue,
            },
            Way::Machine => Credentials::Ambient,
            Way::Key => Credentials::AccessKey(key(talk)?),
            Way::Profile => Credentials::Profile { name: profile(talk)? },
        };
        let access = access(credentials, context);
        match tried(talk, &access, &[Tried::Other, Tried::Later]).await? {
            Tried::Works => return Ok(Reached::new(access, true)),
            Tried::Later => return Ok(Reached::new(access, false)),
            Tried::Again | Tried::Other => {}
        }
    }
}

/// These credentials, with the region and endpoint of the command line.
pub(super) fn access(credentials: Credentials, context: &Context) -> Access {
    let (region, endpoint) = (context.s3.region.clone(), context.s3.endpoint.clone());
    Access { credentials, region, endpoint }
}

/// Tries credentials until they are good, or one of `others` is chosen.
pub(super) async fn tried(
    talk: &mut Talk<'_>,
    access: &Access,
    others: &[Tried],
) -> anyhow::Result<Tried> {
    loop {
        talk.say("")?;
        let verdict = verify::credentials(access).await;
        for line in verdict.checks.iter().flat_map(lines) {
            talk.say(&line)?;
        }
        if verdict.is_usable() {
            return Ok(Tried::Works);
        }
        let labels = [
            ("try again", Tried::Again),
            ("give something else", Tried::Other),
            ("go on, and save it although it does not work yet", Tried::Later),
        ];
        let is_offered = |(_, own): &(&str, Tried)| *own == Tried::Again || others.contains(own);
        let options: Vec<_> = labels.into_iter().filter(is_offered).collect();
        match talk.choose("That does not work. What now?", &options, 1, HELP_TRIED)? {
            Tried::Again => {}
            chosen => return Ok(chosen),
        }
    }
}

fn way(talk: &mut Talk<'_>, wish: &Wish, me: Option<&Identity>) -> anyhow::Result<Way> {
    let machine = match me {
        Some(me) => format!("as this machine: {}", me.arn),
        None => "as this machine, which has no credentials of AWS now".to_owned(),
    };
    let mut options = vec![
        (machine, Way::Machine),
        ("with a role in the account of the bill (recommended)".to_owned(), Way::Role),
        ("with an access key".to_owned(), Way::Key),
        ("with a profile of AWS's configuration files".to_owned(), Way::Profile),
    ];
    if wish.place.is_none() && wish.kind.is_none_or(|kind| kind.reads_bucket) {
        let label = "not at all: the files are in a folder of this machine".to_owned();
        options.push((label, Way::Folder));
    }
    talk.choose("How is AWS reached?", &options, 2, HELP)
}

/// Asks for an access key.
pub(super) fn key(talk: &mut Talk<'_>) -> anyhow::Result<AccessKey> {
    let help = "AKIA and 16 capital letters and digits; it is no secret";
    let question = Question { text: "Access key id", default: None, help };
    let id = talk.ask(&question, |answer| Ok(answer.to_owned()))?;
    let help = "40 characters, which AWS shows once, when the key is made; nothing shows them here";
    let mut key = key_with(&id, || talk.secret("Its secret access key", help))?;
    if id.starts_with("ASIA") && key.session_token.is_none() {
        let help = "keys that begin with ASIA end after hours, and come with a session token";
        key.session_token = Some(SecretString::from(talk.secret("Its session token", help)?));
    }
    Ok(key)
}

/// Asks for a profile.
pub(super) fn profile(talk: &mut Talk<'_>) -> anyhow::Result<String> {
    let help = "a heading of ~/.aws/config, such as payer for [profile payer]";
    let question = Question { text: "Name of the profile", default: Some("default"), help };
    talk.ask(&question, |answer| Ok(answer.to_owned()))
}

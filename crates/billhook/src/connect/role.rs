//! A role for Billhook: how to make it, and whether it can be assumed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use billhook_aws::session::{Identity, Session};
use billhook_engine::access::{self, Form, Partition, Reader, Setup};
use billhook_engine::onboarding::ROLE_NAME;
use billhook_engine::onboarding::place::{role_arn, s3_location};
use billhook_engine::{connections as opening, onboarding, verify};
use billhook_registry::{Access, AssumedRole, Base, Credentials, new_external_id};
use billhook_sources::access::{KindAccess, Purpose};

use super::find::{self, Place, Target};
use super::reach::{self, Reached, Tried};
use super::talk::{Question, Talk};
use super::what::Wish;
use crate::context::Context;

/// Name of the file with the set-up, without its end.
const STEM: &str = "billhook-role";

/// Answer that has reports looked for.
const FIND: &str = "find";

const HELP_FORM: &str = "\
1 to 4 make the same role: it may read the files, see what reports are defined, and see the names of
accounts, and nothing else; 5 when somebody made it already";

const HELP_FIND: &str = "\
s3://BUCKET/PREFIX as Billing, Data Exports shows it: the role may read what is below, and nothing
else; find asks AWS for the reports of this machine's own account";

const HELP_KEY: &str = "\
the key's ARN, as KMS shows it, when the bucket is encrypted with a key of your own; else none";

const HELP_ARN: &str = "\
the ARN of the role: CloudFormation and Terraform show it as output, IAM on the role's page";

const HELP_ID: &str = "what the role's trust policy asks for as sts:ExternalId";

/// The form that the role is wanted in.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    forms: &'static [Form],
    /// End of the file's name; none for what is pasted.
    extension: Option<&'static str>,
    /// What to do with it, where `FILE` stands for the file.
    apply: &'static str,
}

const FORMS: [(&str, Option<Wanted>); 5] = [
    (
        "a CloudFormation template (recommended)",
        Some(Wanted {
            forms: &[Form::CloudFormation],
            extension: Some("json"),
            apply: "aws cloudformation deploy --stack-name billhook --template-file FILE \\\n    \
                    --capabilities CAPABILITY_NAMED_IAM",
        }),
    ),
    (
        "Terraform",
        Some(Wanted {
            forms: &[Form::Terraform],
            extension: Some("tf"),
            apply: "terraform apply, where FILE is",
        }),
    ),
    (
        "commands of the AWS CLI",
        Some(Wanted { forms: &[Form::Cli], extension: Some("sh"), apply: "sh FILE" }),
    ),
    (
        "two documents to paste into the console",
        Some(Wanted {
            forms: &[Form::Trust, Form::Policy],
            extension: None,
            apply: "IAM, Roles, Create role, Custom trust policy: paste the first, name it \
                    billhook,\n  then add the second as an inline policy",
        }),
    ),
    ("nothing: there is a role already", None),
];

/// Who assumes a role.
#[derive(Debug, Clone, Copy)]
enum Who {
    Key,
    Profile,
    Nobody,
}

/// What the role is to read.
struct Needed {
    kind: &'static KindAccess,
    /// Bucket and prefix, for kinds that read one.
    place: Option<(String, String)>,
    /// The same as it was written.
    location: Option<String>,
    /// Reports that were picked.
    targets: Vec<Target>,
    /// The account of the bill, when it is known.
    account: Option<String>,
}

/// Helps to make a role, and tries it. `None` when another way is wanted.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    wish: &Wish,
    me: Option<&Identity>,
    context: &Context,
) -> anyhow::Result<Option<Reached>> {
    let Some((base, me)) = base(talk, me, context).await? else { return Ok(None) };
    let wanted = talk.choose("How do you want to make the role?", &FORMS, 1, HELP_FORM)?;
    let mut external_id = None;
    let mut reached = Reached {
        access: reach::access(Credentials::Ambient, context),
        is_working: false,
        is_local: false,
        targets: Vec::new(),
        location: None,
    };
    let mut account = None;
    if let Some(wanted) = wanted {
        let caller = reach::access(credentials(&base), context);
        let needed = needed(talk, wish, &caller, &me).await?;
        let new_id = new_external_id()?;
        make(talk, &wanted, &needed, &me, &new_id)?;
        external_id = Some(new_id);
        (reached.targets, reached.location) = (needed.targets, needed.location);
        account = needed.account;
    }
    let partition = partition(&me);
    let likely = account.map(|account| format!("arn:{partition}:iam::{account}:role/{ROLE_NAME}"));
    loop {
        let question =
            Question { text: "ARN of the role", default: likely.as_deref(), help: HELP_ARN };
        let arn = talk.ask(&question, role_arn)?;
        let external_id = match &external_id {
            Some(id) => id.clone(),
            None => talk.ask(
                &Question { text: "External ID of the role", default: None, help: HELP_ID },
                |answer| Ok(answer.to_owned()),
            )?,
        };
        let role = AssumedRole { arn, external_id, session_name: None, base: base.clone() };
        reached.access = reach::access(Credentials::Role(role), context);
        let tried = reach::tried(talk, &reached.access, &[Tried::Other, Tried::Later]).await?;
        reached.is_working = tried == Tried::Works;
        if matches!(tried, Tried::Works | Tried::Later) {
            return Ok(Some(reached));
        }
    }
}

/// Who assumes the role: this machine as it is, or somebody whose credentials are given.
async fn base(
    talk: &mut Talk<'_>,
    me: Option<&Identity>,
    context: &Context,
) -> anyhow::Result<Option<(Base, Identity)>> {
    if let Some(me) = me {
        talk.say(&format!("  The role is assumed by {}.", me.arn))?;
        return Ok(Some((Base::Ambient, me.clone())));
    }
    let options = [
        ("somebody with an access key", Who::Key),
        ("a profile of AWS's configuration files", Who::Profile),
        ("nobody: reach AWS in another way", Who::Nobody),
    ];
    let help = "a role is assumed by somebody, and this machine has no credentials of its own";
    loop {
        let base = match talk.choose("Who assumes the role?", &options, 1, help)? {
            Who::Key => Base::AccessKey(reach::key(talk)?),
            Who::Profile => Base::Profile { name: reach::profile(talk)? },
            Who::Nobody => return Ok(None),
        };
        let access = reach::access(credentials(&base), context);
        if reach::tried(talk, &access, &[Tried::Other]).await? == Tried::Works
            && let Some(me) = onboarding::who(&access).await
        {
            return Ok(Some((base, me)));
        }
    }
}

fn credentials(base: &Base) -> Credentials {
    match base {
        Base::Ambient => Credentials::Ambient,
        Base::Profile { name } => Credentials::Profile { name: name.clone() },
        Base::AccessKey(key) => Credentials::AccessKey(key.clone()),
    }
}

/// Asks what the role is to read, as far as it is not known.
async fn needed(
    talk: &mut Talk<'_>,
    wish: &Wish,
    caller: &Access,
    me: &Identity,
) -> anyhow::Result<Needed> {
    let nothing =
        |kind| Needed { kind, place: None, location: None, targets: Vec::new(), account: None };
    if let Some(kind) = wish.kind
        && !kind.reads_bucket
    {
        return Ok(nothing(kind));
    }
    if let Some(Place { location, .. }) = &wish.place {
        let kind = known_kind(talk, wish)?;
        return Ok(Needed { place: split(location), ..nothing(kind) });
    }
    let can_find = wish.kind.is_none_or(|kind| kind.serves(Purpose::Definitions));
    let text = if can_find {
        "Where are the files, as s3://bucket/prefix, or find?"
    } else {
        "Where are the files, as s3://bucket/prefix?"
    };
    let default = (can_find && wish.kind.is_none()).then_some(FIND);
    let question = Question { text, default, help: HELP_FIND };
    loop {
        let answer = talk.ask(&question, |answer| match answer {
            FIND if can_find => Ok(None),
            answer => s3_location(answer).map(Some),
        })?;
        if let Some(location) = answer {
            let kind = known_kind(talk, wish)?;
            let place = split(&location);
            return Ok(Needed { place, location: Some(location), ..nothing(kind) });
        }
        let Some(session) = opening::session(caller).await? else { continue };
        if let Some((kind, place, targets)) = found(talk, &session, wish).await? {
            let (place, account) = (Some(place), Some(me.account.clone()));
            return Ok(Needed { place, targets, account, ..nothing(kind) });
        }
        talk.say("  Tell the bucket and prefix then.")?;
    }
}

fn known_kind(talk: &mut Talk<'_>, wish: &Wish) -> anyhow::Result<&'static KindAccess> {
    wish.kind.map_or_else(|| find::choose_kind(talk), Ok)
}

/// Kind, bucket and prefix of what is picked.
type Picked = (&'static KindAccess, (String, String), Vec<Target>);

/// Lets reports be picked of those that the caller may see. A role is for one bucket.
async fn found(
    talk: &mut Talk<'_>,
    session: &Session,
    wish: &Wish,
) -> anyhow::Result<Option<Picked>> {
    let mut targets = find::defined(talk, session, wish.kind).await?;
    let count = targets.len();
    let place = |target: &Target| target.place.as_ref().and_then(|place| split(&place.location));
    let Some((first, (bucket, _))) = targets.first().and_then(|one| Some((one.kind, place(one)?)))
    else {
        return Ok(None);
    };
    targets.retain(|target| place(target).is_some_and(|(own, _)| own == bucket));
    if targets.len() < count {
        talk.say(&format!(
            "  They are in several buckets. This role is for {bucket}; run `billhook connect` \
             again for the others."
        ))?;
    }
    let prefixes: Vec<String> =
        targets.iter().filter_map(|target| place(target).map(|(_, prefix)| prefix)).collect();
    Ok(Some((first, (bucket, common(&prefixes)), targets)))
}

fn split(location: &str) -> Option<(String, String)> {
    opening::bucket_of(location).map(|(bucket, prefix)| (bucket.to_owned(), prefix.to_owned()))
}

/// The folder that all prefixes are in, or that is all of them.
fn common(prefixes: &[String]) -> String {
    let Some((first, others)) = prefixes.split_first() else { return String::new() };
    let mut shared: Vec<&str> = first.split('/').collect();
    for other in others {
        let same = shared.iter().zip(other.split('/')).take_while(|(own, part)| *own == part);
        let same = same.count();
        shared.truncate(same);
    }
    shared.join("/")
}

/// Says how to make the role, and waits until that is done.
fn make(
    talk: &mut Talk<'_>,
    wanted: &Wanted,
    needed: &Needed,
    me: &Identity,
    external_id: &str,
) -> anyhow::Result<()> {
    let (bucket, prefix) = needed.place.clone().unzip();
    let mut setup = Setup {
        kind: needed.kind,
        partition: partition(me),
        bucket,
        prefix: prefix.unwrap_or_default(),
        key: None,
        account: needed.account.clone(),
        reader: Reader::Role {
            name: ROLE_NAME.to_owned(),
            trusted: verify::principal(&me.arn),
            external_id: external_id.to_owned(),
        },
        with: Purpose::USUAL.to_vec(),
    };
    if needed.place.is_some() {
        let text = "Key that the bucket is encrypted with";
        let question = Question { text, default: Some("none"), help: HELP_KEY };
        setup.key = talk.ask(&question, |answer| key(&setup, answer))?;
    }
    talk.say(&format!("\nThe role's external ID is {external_id}. The set-up:\n"))?;
    let forms = wanted.forms.iter().map(|form| access::render(&setup, *form));
    let text = forms.collect::<Result<Vec<_>, _>>()?.join("\n");
    talk.say(&text)?;
    let file = match wanted.extension {
        Some(extension) => {
            let file = file(talk, &text, extension)?;
            file.unwrap_or_else(|| format!("{STEM}.{extension}"))
        }
        None => String::new(),
    };
    talk.head("In the account of the bill:")?;
    talk.say(&format!("  {}", wanted.apply.replace("FILE", &file)))?;
    talk.say(&format!(
        "When that is another account than {}, {} must be allowed sts:AssumeRole on it, too.",
        me.account,
        verify::principal(&me.arn)
    ))?;
    talk.pause("Press Enter when the role is there", HELP_FORM)
}

/// The key of a bucket; `None` for none.
fn key(setup: &Setup, answer: &str) -> Result<Option<String>, String> {
    if answer == "none" {
        return Ok(None);
    }
    let with_key = Setup { key: Some(answer.to_owned()), ..setup.clone() };
    match access::render(&with_key, Form::Policy) {
        Ok(_) => Ok(Some(answer.to_owned())),
        Err(error) => Err(error.to_string().trim_start_matches("--").to_owned()),
    }
}

/// Writes the set-up to a file, if that is wanted, and never over another one; gives its name.
fn file(talk: &mut Talk<'_>, text: &str, extension: &str) -> anyhow::Result<Option<String>> {
    let default = free(Path::new("."), extension);
    let help = "a file that does not exist yet, in the current directory or elsewhere; - for none";
    let question =
        Question { text: "Write it to the file (- for none)", default: Some(&default), help };
    talk.ask(&question, |answer| {
        if answer == "-" {
            return Ok(None);
        }
        write_new(Path::new(answer), text)
            .map(|()| Some(answer.to_owned()))
            .map_err(|error| format!("{answer}: {error}"))
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// The first name for a file that is not taken.
fn free(folder: &Path, extension: &str) -> String {
    let name = |number: u32| match number {
        1 => format!("{STEM}.{extension}"),
        number => format!("{STEM}-{number}.{extension}"),
    };
    let is_free = |name: &String| !folder.join(name).exists();
    (1..=u32::MAX).map(name).find(is_free).unwrap_or_default()
}

fn partition(me: &Identity) -> Partition {
    let name = me.arn.split(':').nth(1).unwrap_or_default();
    name.parse().unwrap_or(Partition::Aws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_share_a_folder() {
        for (prefixes, expected) in [
            (&["cur/hourly"][..], "cur/hourly"),
            (&["cur/hourly", "cur/daily"], "cur"),
            (&["cur/hourly", "cur/hourly2"], "cur"),
            (&["cur/a/b", "cur/a"], "cur/a"),
            (&["cur/hourly", "exports/x"], ""),
            (&[], ""),
        ] {
            let prefixes: Vec<String> = prefixes.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(common(&prefixes), expected, "{prefixes:?}");
        }
    }

    #[test]
    fn a_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = free(folder.path(), "json");
        assert_eq!(first, "billhook-role.json");
        write_new(&folder.path().join(&first), "mine").unwrap();
        assert!(write_new(&folder.path().join(&first), "yours").is_err());
        assert_eq!(free(folder.path(), "json"), "billhook-role-2.json");
        assert_eq!(std::fs::read_to_string(folder.path().join(&first)).unwrap(), "mine");
    }
}

//! What is to be connected exactly: reports that AWS tells of, or a place that is typed.

use billhook_aws::session::Session;
use billhook_engine::definitions::{self, Definition, Found};
use billhook_engine::onboarding::look;
use billhook_engine::onboarding::place::{folder, s3_location, suggested_name};
use billhook_engine::{access, connections as opening, contents};
use billhook_sources::access::{KINDS, KindAccess, Purpose};
use billhook_sources::delivery::connection_name;

use super::reach::Reached;
use super::talk::{Question, Talk, several};
use super::what::Wish;
use crate::context::{Context, causes};

/// Where files are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `s3://bucket/prefix` or a folder.
    pub(super) location: String,
    /// Region of the bucket, when it is known.
    pub(super) region: Option<String>,
}

/// What becomes a connection.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its kind.
    pub(super) kind: &'static KindAccess,
    /// Where its files are; `None` for kinds without.
    pub(super) place: Option<Place>,
    /// A name for it.
    pub(super) name: String,
}

/// Why nothing is known of a place.
type Wrong = String;

const HELP: &str = "\
the folder of the report or export: s3://BUCKET/PREFIX/NAME, with bucket, prefix and name as
Billing, Data Exports shows them; or a whole bucket that holds nothing else";

const HELP_FOLDER: &str = "a folder of this machine with the files, such as /data/bills";

const HELP_WHICH: &str = "\
1 takes the first one, 1,2 the first two, all takes all: each becomes a connection
of its own; 0 asks for a bucket and a prefix instead";

/// Finds out, and asks for what cannot be found out.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    wish: &Wish,
    reached: &Reached,
    context: &Context,
) -> anyhow::Result<Vec<Target>> {
    if !reached.targets.is_empty() {
        return Ok(reached.targets.clone());
    }
    if let Some(kind) = wish.kind
        && !kind.reads_bucket
    {
        return Ok(vec![Target { kind, place: None, name: connection_name(kind.kind) }]);
    }
    let is_asked = reached.is_working && !reached.is_local;
    let session = if is_asked { opening::session(&reached.access).await? } else { None };
    let looker = Looker { wish, reached, session: session.as_ref(), context };
    if let Some(place) = &wish.place {
        match looker.target(talk, place.clone()).await? {
            Ok(target) => return Ok(vec![target]),
            Err(wrong) => talk.say(&format!("  {wrong}"))?,
        }
    } else if let Some(session) = &session
        && wish.kind.is_none_or(|kind| kind.serves(Purpose::Definitions))
    {
        let targets = defined(talk, session, wish.kind).await?;
        if !targets.is_empty() {
            return Ok(targets);
        }
    }
    loop {
        let place = looker.place(talk)?;
        match looker.target(talk, place).await? {
            Ok(target) => return Ok(vec![target]),
            Err(wrong) => talk.say(&format!("  {wrong}"))?,
        }
    }
}

/// Lists what AWS is told to deliver, and lets some be picked; nothing when nothing is.
pub(super) async fn defined(
    talk: &mut Talk<'_>,
    session: &Session,
    kind: Option<&KindAccess>,
) -> anyhow::Result<Vec<Target>> {
    let found = match definitions::found(session, kind.map(|kind| kind.kind)).await {
        Ok(found) => found,
        Err(error) => {
            talk.head(&format!("AWS does not tell of reports: {}", causes(&error)))?;
            return Ok(Vec::new());
        }
    };
    for denied in &found.denied {
        talk.head(&format!("{} may not be asked: {}", denied.action, denied.error))?;
    }
    let costs = with_costs(&found);
    if costs.is_empty() {
        if found.denied.is_empty() {
            talk.head("AWS is told to deliver no reports of this account.")?;
        }
        return Ok(Vec::new());
    }
    talk.head("These are delivered:")?;
    for (number, own) in (1_usize..).zip(&costs) {
        talk.say(&shown(number, own))?;
    }
    let question = Question { text: "Which of them?", default: Some("1"), help: HELP_WHICH };
    let picked = talk.ask(&question, |answer| several(answer, costs.len()))?;
    let picked = picked.into_iter().filter_map(|at| costs.get(at));
    picked.map(|own| target_of(own)).collect()
}

fn with_costs(found: &Found) -> Vec<&Definition> {
    found.definitions.iter().filter(|own| own.table.has_costs()).collect()
}

/// A definition as two lines.
fn shown(number: usize, own: &Definition) -> String {
    let last = match (&own.failure, &own.last_delivery) {
        (Some(failure), _) => format!("not delivered: {failure}"),
        (None, Some(time)) => format!("last delivery {time}"),
        (None, None) => "no delivery yet".to_owned(),
    };
    format!(
        "{number:>3}  {} ({}): {}\n     {} in {}; {last}",
        own.name,
        own.table,
        own.words(),
        own.location,
        own.region
    )
}

fn target_of(own: &Definition) -> anyhow::Result<Target> {
    let place = Place { location: own.location.clone(), region: Some(own.region.clone()) };
    let kind = access::kind(own.kind)?;
    Ok(Target { kind, place: Some(place), name: connection_name(&own.name) })
}

/// Somebody who looks at places.
struct Looker<'a> {
    wish: &'a Wish,
    reached: &'a Reached,
    session: Option<&'a Session>,
    context: &'a Context,
}

impl Looker<'_> {
    /// Asks for a place.
    fn place(&self, talk: &mut Talk<'_>) -> anyhow::Result<Place> {
        let location = if self.reached.is_local {
            let question = Question { text: "Which folder?", default: None, help: HELP_FOLDER };
            talk.ask(&question, folder)?
        } else {
            let text = "Where are the files, as s3://bucket/prefix?";
            let default = self.reached.location.as_deref();
            talk.ask(&Question { text, default, help: HELP }, s3_location)?
        };
        Ok(Place { location, region: None })
    }

    /// What is in a place.
    async fn target(
        &self,
        talk: &mut Talk<'_>,
        mut place: Place,
    ) -> anyhow::Result<Result<Target, Wrong>> {
        if let Err(wrong) = self.find_region(&mut place).await {
            return Ok(Err(wrong));
        }
        let kind = match self.wish.kind {
            Some(kind) => kind,
            None => match self.kind(talk, &place).await? {
                Ok(kind) => kind,
                Err(wrong) => return Ok(Err(wrong)),
            },
        };
        let name = suggested_name(&place.location, kind);
        Ok(Ok(Target { kind, place: Some(place), name }))
    }

    /// Asks S3 for the region of a bucket, unless somebody says it.
    async fn find_region(&self, place: &mut Place) -> Result<(), Wrong> {
        if place.region.is_none() {
            let (access, s3) = (&self.reached.access, &self.context.s3);
            place.region = look::region(&place.location, access, s3, self.session).await?;
        }
        Ok(())
    }

    /// Looks what kind of files there are, and asks when there are several kinds.
    async fn kind(
        &self,
        talk: &mut Talk<'_>,
        place: &Place,
    ) -> anyhow::Result<Result<&'static KindAccess, Wrong>> {
        if self.session.is_none() && opening::bucket_of(&place.location).is_some() {
            return Ok(Ok(choose_kind(talk)?));
        }
        let mut access = self.reached.access.clone();
        access.region = access.region.or_else(|| place.region.clone());
        let opened = opening::place(&place.location, &self.context.s3, &access, self.session);
        let looked = match opened {
            Ok(location) => contents::contents(&location).await,
            Err(error) => Err(error),
        };
        let found = match looked {
            Ok(found) => found,
            Err(error) => return Ok(Err(causes(&error))),
        };
        if found.is_empty() {
            return Ok(Err("no billing files that can be loaded; give another place".to_owned()));
        }
        let mut options: Vec<(String, &'static KindAccess)> = Vec::new();
        talk.head(&format!("In {} there are:", place.location))?;
        for content in &found {
            let kind = access::kind(content.kind)?;
            let months = if content.months == 1 { "month" } else { "months" };
            let text = format!("{}: {}, {} {months}", content.report, kind.title, content.months);
            talk.say(&format!("     {text}"))?;
            if options.iter().all(|(_, own)| own.kind != kind.kind) {
                options.push((kind.title.to_owned(), kind));
            }
        }
        if let [(_, only)] = options.as_slice() {
            return Ok(Ok(*only));
        }
        let help = "a connection reads one kind; connect the others afterwards";
        Ok(Ok(talk.choose("Which of these kinds?", &options, 1, help)?))
    }
}

/// Asks for the kind of what lies in a bucket.
pub(super) fn choose_kind(talk: &mut Talk<'_>) -> anyhow::Result<&'static KindAccess> {
    let kinds = KINDS.iter().filter(|kind| kind.reads_bucket);
    let options: Vec<(&str, &'static KindAccess)> = kinds.map(|kind| (kind.title, kind)).collect();
    talk.choose("What is in it?", &options, 1, "what the files are that a connection is to read")
}

#[cfg(test)]
mod tests {
    use billhook_aws::reports::ReportDefinition;

    use super::*;

    #[test]
    fn a_definition_is_shown_and_becomes_a_target() {
        let report = ReportDefinition {
            name: "Hourly".to_owned(),
            time_unit: "HOURLY".to_owned(),
            bucket: "bills".to_owned(),
            region: "eu-central-1".to_owned(),
            last_status: Some("ERROR_PERMISSIONS".to_owned()),
            ..ReportDefinition::default()
        };
        let own = Definition::of_report(&report);
        let text = shown(2, &own);
        for words in ["  2  Hourly (CUR): hourly", "s3://bills/Hourly in", "ERROR_PERMISSIONS"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let target = target_of(&own).unwrap();
        assert_eq!((target.name.as_str(), target.kind.kind), ("hourly", "cur"));
        assert_eq!(target.place.unwrap().region.as_deref(), Some("eu-central-1"));
        let other = Definition { failure: None, ..own };
        assert!(shown(1, &other).contains("no delivery yet"));
    }
}

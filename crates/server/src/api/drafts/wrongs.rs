//! What cannot be used of the answers of a step, by their fields.

use billhook_engine::access::Partition;
use billhook_engine::onboarding::{self, place};
use billhook_registry::ConnectionName;

use super::Step;
use super::answers::{Answers, Product, SECRET, Way};
use crate::api::Wrong;
use crate::fail::Fail;

/// Names that addresses of pages begin with.
const TAKEN_BY_PAGES: [&str; 2] = ["new", "drafts"];

/// Longest external texts: AWS takes no longer ones, and pages show them.
const LONGEST: usize = 1_024;

/// What is wrong for programs: all of it in one sentence.
pub(crate) fn fail(wrongs: &[Wrong]) -> Fail {
    let texts: Vec<String> =
        wrongs.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.text)).collect();
    Fail::unusable(texts.join("; "))
}

/// What is wrong with a step. `kept` are the fields whose secrets are kept; `taken` the names of
/// connections that there are.
pub(crate) fn of(step: Step, answers: &Answers, kept: &[String], taken: &[String]) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    match step {
        Step::Place => of_place(answers, taken, &mut wrongs),
        Step::Access => of_access(answers, kept, &mut wrongs),
        Step::Report => of_report(answers, &mut wrongs),
        Step::Check => {}
        Step::Save => of_schedule(answers, &mut wrongs),
    }
    wrongs
}

fn of_place(answers: &Answers, taken: &[String], wrongs: &mut Vec<Wrong>) {
    let mut wrong = |field, text: String| wrongs.push(Wrong { field, text });
    let name = &answers.name;
    if name.is_empty() {
        wrong("name", "Give it a name, such as acme-payer.".to_owned());
    } else if let Err(error) = name.parse::<ConnectionName>() {
        wrong("name", error.to_string());
    } else if taken.contains(name) {
        wrong("name", format!("There is a connection {name} already."));
    } else if TAKEN_BY_PAGES.contains(&name.as_str()) {
        wrong("name", format!("{name} is the name of a page: choose another one."));
    }
    match &answers.payer {
        Some(payer) => match place::account(payer) {
            Ok(digits) if digits == *payer => {}
            Ok(digits) => wrong("payer", format!("Write it as {digits}.")),
            Err(text) => wrong("payer", text),
        },
        None if answers.makes_report() => {
            wrong("payer", "Give the account that the bill is of.".to_owned());
        }
        None => {}
    }
    if !answers.partition.is_empty()
        && let Err(error) = answers.partition.parse::<Partition>()
    {
        wrong("partition", onboarding::words(&error));
    }
    if answers.product == Product::CostExplorer {
        if answers.request_budget == Some(0) {
            wrong("request_budget", "Allow at least one request a day.".to_owned());
        }
        return;
    }
    if answers.is_local() {
        match answers.folder.as_deref().map(place::folder) {
            Some(Ok(_)) => {}
            Some(Err(text)) => wrong("folder", text),
            None => wrong("folder", "Give the folder of the files.".to_owned()),
        }
        return;
    }
    match answers.typed() {
        Some(location) => {
            if let Err(text) = place::s3_location(&location) {
                let field = if text.starts_with("prefix") { "prefix" } else { "bucket" };
                wrong(field, text);
            }
        }
        None if answers.can_find() => {}
        None => wrong("bucket", "Give the bucket.".to_owned()),
    }
    if let Some(key) = &answers.key
        && let Err(text) = place::key_arn(key, answers.partition())
    {
        wrong("key", text);
    }
    if answers.makes_report() && answers.region.is_none() {
        wrong("region", "Give the region of the bucket, such as eu-central-1.".to_owned());
    }
}

fn of_access(answers: &Answers, kept: &[String], wrongs: &mut Vec<Wrong>) {
    if answers.is_local() {
        return;
    }
    if answers.way == Way::Role {
        match answers.role_arn.as_deref().map(place::role_arn) {
            Some(Ok(_)) => {}
            Some(Err(text)) => wrongs.push(Wrong::new("role_arn", text)),
            None => wrongs.push(Wrong::new(
                "role_arn",
                "Give the ARN of the role, as CloudFormation, Terraform or IAM show it.",
            )),
        }
    }
    of_key(answers, kept, wrongs);
}

/// What is wrong with a key or profile.
fn of_key(answers: &Answers, kept: &[String], wrongs: &mut Vec<Wrong>) {
    if answers.needs_key() {
        if answers.key_id.is_none() {
            wrongs.push(Wrong::new("key_id", "Give the id of the access key."));
        }
        if !kept.iter().any(|field| field == SECRET) {
            wrongs.push(Wrong::new(SECRET, "Type the secret access key (again)."));
        }
    }
    let profile = answers.profile.as_deref().unwrap_or_default();
    if profile.len() > LONGEST {
        wrongs.push(Wrong::new("profile", "This name is too long."));
    }
}

fn of_report(answers: &Answers, wrongs: &mut Vec<Wrong>) {
    if answers.makes_report() {
        if let Err(error) = answers.wanted().check() {
            wrongs.push(Wrong::new("report", onboarding::words(&error)));
        }
        return;
    }
    if !answers.has_files() || answers.is_local() {
        return;
    }
    match answers.place().map(|location| place::s3_location(&location)) {
        Some(Ok(_)) => {}
        Some(Err(text)) => wrongs.push(Wrong::new("location", text)),
        None => wrongs.push(Wrong::new(
            "location",
            "Choose a report, or give its place as s3://bucket/prefix.",
        )),
    }
}

fn of_schedule(answers: &Answers, wrongs: &mut Vec<Wrong>) {
    if let Some(text) = &answers.schedule
        && let Err(error) = onboarding::schedule(text)
    {
        wrongs.push(Wrong::new("schedule", onboarding::words(&error)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(step: Step, answers: &Answers, kept: &[&str]) -> Vec<&'static str> {
        let kept: Vec<String> = kept.iter().map(|&field| field.to_owned()).collect();
        let taken = ["acme".to_owned()];
        of(step, answers, &kept, &taken).into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn a_name_is_free_and_a_name() {
        for (name, wrong) in
            [("labs", false), ("acme", true), ("Labs", true), ("drafts", true), ("", true)]
        {
            let answers =
                Answers { name: name.to_owned(), ..Answers::new(Product::Cur, String::new()) };
            assert_eq!(fields(Step::Place, &answers, &[]).contains(&"name"), wrong, "{name}");
        }
    }

    #[test]
    fn what_is_needed_depends_on_the_product() {
        let named = |product| Answers {
            name: "labs".to_owned(),
            ..Answers::new(product, "billhook-1".to_owned())
        };
        assert!(fields(Step::Place, &named(Product::Cur), &[]).is_empty());
        assert_eq!(fields(Step::Place, &named(Product::Dbr), &[]), ["bucket"]);
        let new = fields(Step::Place, &named(Product::CurNew), &[]);
        assert_eq!(new, ["payer", "bucket", "region"]);
        assert!(fields(Step::Place, &named(Product::CostExplorer), &[]).is_empty());
        assert_eq!(fields(Step::Report, &named(Product::Cur), &[]), ["location"]);
    }

    #[test]
    fn a_role_needs_its_arn_and_a_key_its_secret() {
        let role = Answers::new(Product::Cur, "billhook-1".to_owned());
        let wrong = Answers { role_arn: Some("billhook".to_owned()), ..role.clone() };
        assert_eq!(fields(Step::Access, &wrong, &[]), ["role_arn"]);
        let key = Answers { way: Way::Key, ..role };
        assert_eq!(fields(Step::Access, &key, &[]), ["key_id", "secret"]);
        let key = Answers { key_id: Some("AKIA".to_owned()), ..key };
        assert!(fields(Step::Access, &key, &["secret"]).is_empty());
    }
}

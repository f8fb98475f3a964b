//! What somebody applies in AWS, filled in with their own bucket, prefix and account.

use billhook_engine::access::{self, Form};
use billhook_engine::create_report::{OwnForm, yourself};
use billhook_engine::onboarding;

use super::answers::{Answers, Way};
use crate::fail::Fail;

/// What stands before the forms in which a report is made.
const REPORT: &str = "report-";

/// A text to be pasted or saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetUp {
    /// What it is.
    pub(crate) label: String,
    /// The text, or why there is none.
    pub(crate) text: Result<String, String>,
    /// Its name in addresses.
    pub(crate) format: String,
    /// The name of its file.
    pub(crate) file: String,
}

/// What somebody applies, by its name in addresses: `cloudformation`, `terraform`, `cli`, `policy`,
/// `trust`, `bucket-policy`; and for a new report `report-` and `console`, `cli`, `cloudformation`,
/// `terraform` or `billhook`.
///
/// # Errors
/// When there is no such form.
pub(crate) fn set_up(answers: &Answers, format: &str) -> Result<SetUp, Fail> {
    if let Some(own) = format.strip_prefix(REPORT) {
        let form = OwnForm::ALL.into_iter().find(|(name, _)| *name == own);
        let (_, form) = form.ok_or_else(|| unknown(format))?;
        return Ok(report(answers, format, form));
    }
    let form = Form::ALL.into_iter().find(|(name, _)| *name == format);
    let (_, form) = form.ok_or_else(|| unknown(format))?;
    let text = answers.setup().and_then(|setup| access::render(&setup, form));
    let whose = if answers.way == Way::Role { "role" } else { "user" };
    let (label, end) = match form {
        Form::Policy => (format!("What the {whose} may do, as an IAM policy"), "policy.json"),
        Form::Trust => ("Who may assume the role, as its trust policy".to_owned(), "trust.json"),
        Form::BucketPolicy => {
            ("What lets AWS deliver, as the bucket's policy".to_owned(), "bucket-policy.json")
        }
        Form::CloudFormation => (format!("The {whose} as a CloudFormation template"), "json"),
        Form::Terraform => (format!("The {whose} in Terraform"), "tf"),
        Form::Cli => (format!("The {whose} as commands of the AWS CLI"), "sh"),
    };
    Ok(SetUp {
        label,
        text: text.map_err(|error| onboarding::words(&error)),
        format: format.to_owned(),
        file: file(whose, end),
    })
}

fn report(answers: &Answers, format: &str, form: OwnForm) -> SetUp {
    let account = answers.payer.clone().unwrap_or_default();
    let text = yourself(&answers.wanted(), &account, answers.partition(), form);
    let (label, end) = match form {
        OwnForm::Console => ("Steps in the console", "txt"),
        OwnForm::Cli => ("Commands of the AWS CLI", "sh"),
        OwnForm::CloudFormation => ("A CloudFormation template", "json"),
        OwnForm::Terraform => ("Terraform", "tf"),
        OwnForm::Billhook => ("A command of Billhook, on any machine", "sh"),
    };
    SetUp {
        label: label.to_owned(),
        text: text.map_err(|error| onboarding::words(&error)),
        format: format.to_owned(),
        file: file("report", end),
    }
}

fn file(what: &str, end: &str) -> String {
    if end.contains('.') { format!("billhook-{end}") } else { format!("billhook-{what}.{end}") }
}

fn unknown(format: &str) -> Fail {
    let names: Vec<&str> = Form::ALL.iter().map(|(name, _)| *name).collect();
    let why = format!("There is no form {}.", crate::format::visible(format));
    Fail::missing(why, format!("There are {}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::drafts::answers::Product;

    #[test]
    fn every_form_has_a_text_of_the_users_own_bucket() {
        let answers = Answers {
            bucket: Some("acme-billing".to_owned()),
            payer: Some("111122223333".to_owned()),
            region: Some("us-east-1".to_owned()),
            trusted: Some("arn:aws:iam::999988887777:role/billhook".to_owned()),
            ..Answers::new(Product::CurNew, "billhook-1".to_owned())
        };
        for format in ["policy", "cloudformation", "terraform", "cli", "bucket-policy"] {
            let set_up = set_up(&answers, format).unwrap();
            assert!(set_up.text.unwrap().contains("acme-billing"), "{format}");
        }
        assert!(set_up(&answers, "trust").unwrap().text.unwrap().contains("billhook-1"));
        for (name, _) in OwnForm::ALL {
            let set_up = set_up(&answers, &format!("report-{name}")).unwrap();
            assert!(set_up.text.unwrap().contains("acme-billing"), "{name}");
        }
        assert!(set_up(&answers, "yaml").is_err());
        let unknown = Answers { bucket: None, ..answers };
        assert!(set_up(&unknown, "policy").unwrap().text.is_err());
    }
}

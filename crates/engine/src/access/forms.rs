//! The policies as CloudFormation, Terraform and commands.

use serde_json::{Value, json};

use super::{Reader, Setup, policies};
use crate::EngineError;

/// Name of the policy in the role or user.
const POLICY: &str = "billhook-read-billing";

/// A flat template in JSON, fit for a stack or a stack set.
pub(super) fn cloudformation(setup: &Setup) -> Result<String, EngineError> {
    let policies = json!([{
        "PolicyName": POLICY,
        "PolicyDocument": policies::reading(setup)?,
    }]);
    let (resource, outputs) = match &setup.reader {
        Reader::Role { name, .. } => (
            json!({
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": name,
                    "Description": description(setup),
                    "AssumeRolePolicyDocument": policies::trust(setup)?,
                    "Policies": policies,
                },
            }),
            json!({
                "RoleArn": {
                    "Description": "Give this to billhook connect as --role-arn",
                    "Value": { "Fn::GetAtt": ["Billhook", "Arn"] },
                },
            }),
        ),
        Reader::User { name } => (
            json!({
                "Type": "AWS::IAM::User",
                "Properties": { "UserName": name, "Policies": policies },
            }),
            json!({
                "UserArn": {
                    "Description": "Make an access key for this user in the console",
                    "Value": { "Fn::GetAtt": ["Billhook", "Arn"] },
                },
            }),
        ),
    };
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description(setup),
        "Resources": { "Billhook": resource },
        "Outputs": outputs,
    });
    Ok(format!("{template:#}\n"))
}

fn description(setup: &Setup) -> String {
    format!("Lets Billhook read {}; nothing is ever written", setup.kind.title)
}

/// A role or user with its policy, for the AWS provider.
pub(super) fn terraform(setup: &Setup) -> Result<String, EngineError> {
    let policy = encoded(&policies::reading(setup)?);
    Ok(match &setup.reader {
        Reader::Role { name, .. } => format!(
            "resource \"aws_iam_role\" \"billhook\" {{\n  \
               name        = \"{name}\"\n  \
               description = \"{}\"\n\n  \
               assume_role_policy = {}\n\
             }}\n\n\
             resource \"aws_iam_role_policy\" \"billhook\" {{\n  \
               name = \"{POLICY}\"\n  \
               role = aws_iam_role.billhook.id\n\n  \
               policy = {policy}\n\
             }}\n\n\
             output \"role_arn\" {{\n  \
               description = \"Give this to billhook connect as --role-arn\"\n  \
               value       = aws_iam_role.billhook.arn\n\
             }}\n",
            description(setup),
            encoded(&policies::trust(setup)?),
        ),
        Reader::User { name } => format!(
            "resource \"aws_iam_user\" \"billhook\" {{\n  name = \"{name}\"\n}}\n\n\
             resource \"aws_iam_user_policy\" \"billhook\" {{\n  \
               name = \"{POLICY}\"\n  \
               user = aws_iam_user.billhook.name\n\n  \
               policy = {policy}\n\
             }}\n\n\
             output \"user_arn\" {{\n  \
               description = \"Make an access key for this user in the console\"\n  \
               value       = aws_iam_user.billhook.arn\n\
             }}\n",
        ),
    })
}

/// A document as an expression, two spaces further in, as `terraform fmt` writes it.
fn encoded(document: &Value) -> String {
    format!("jsonencode({})", expression(document, 1))
}

/// A document as `terraform fmt` writes it, its later lines so many steps further in.
pub(crate) fn expression(document: &Value, steps: usize) -> String {
    let text = format!("{document:#}");
    let lines: Vec<String> = text.lines().map(|line| line.replacen("\": ", "\" : ", 1)).collect();
    lines.join(&format!("\n{}", "  ".repeat(steps)))
}

/// Commands for a POSIX shell.
pub(super) fn cli(setup: &Setup) -> Result<String, EngineError> {
    let policy = quoted(&policies::reading(setup)?);
    Ok(match &setup.reader {
        Reader::Role { name, .. } => format!(
            "aws iam create-role --role-name {name} \\\n  \
               --description '{}' \\\n  \
               --assume-role-policy-document {}\n\
             aws iam put-role-policy --role-name {name} --policy-name {POLICY} \\\n  \
               --policy-document {policy}\n\
             aws iam get-role --role-name {name} --query Role.Arn --output text\n",
            description(setup),
            quoted(&policies::trust(setup)?),
        ),
        Reader::User { name } => format!(
            "aws iam create-user --user-name {name}\n\
             aws iam put-user-policy --user-name {name} --policy-name {POLICY} \\\n  \
               --policy-document {policy}\n\
             aws iam create-access-key --user-name {name}\n",
        ),
    })
}

/// A document as one word of a shell.
pub(crate) fn quoted(document: &Value) -> String {
    format!("'{}'", document.to_string().replace('\'', "'\\''"))
}

//! How somebody has a report made without Billhook: as text to be pasted. Nothing is asked of AWS.

use serde_json::{Value, json};

use super::{Product, Wanted, delivering, product};
use crate::EngineError;
use crate::access::Partition;
use crate::access::forms::{expression, quoted};

/// A form of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnForm {
    /// A command of Billhook, for somebody else's terminal.
    Billhook,
    /// Commands of the AWS CLI.
    Cli,
    /// A CloudFormation template.
    CloudFormation,
    /// The same in Terraform.
    Terraform,
    /// Steps in the console.
    Console,
}

impl OwnForm {
    /// All, by their names in addresses.
    pub const ALL: [(&'static str, Self); 5] = [
        ("console", Self::Console),
        ("cli", Self::Cli),
        ("cloudformation", Self::CloudFormation),
        ("terraform", Self::Terraform),
        ("billhook", Self::Billhook),
    ];
}

/// The text in a form, for the account of the bill.
///
/// # Errors
/// [`EngineError::Usage`] when AWS has no such report, or the form cannot say it.
pub fn yourself(
    wanted: &Wanted,
    account: &str,
    partition: Partition,
    form: OwnForm,
) -> Result<String, EngineError> {
    product::check(wanted)?;
    let policy = delivering(wanted, account, partition)?;
    Ok(match form {
        OwnForm::Billhook => billhook(wanted),
        OwnForm::Cli => cli(wanted, &policy, partition),
        OwnForm::CloudFormation => cloudformation(wanted, &policy, partition)?,
        OwnForm::Terraform => terraform(wanted, &policy, partition),
        OwnForm::Console => console(wanted, &policy),
    })
}

/// Where AWS's billing lies.
const fn billing_region(partition: Partition) -> &'static str {
    match partition {
        Partition::China => "cn-northwest-1",
        Partition::Aws | Partition::GovCloud => "us-east-1",
    }
}

fn billhook(wanted: &Wanted) -> String {
    let kind = Product::ALL.iter().find(|(_, own)| *own == wanted.product);
    let kind = kind.map_or("cur", |(name, _)| name);
    let create = if wanted.create_bucket { " --create-bucket" } else { "" };
    let format = if wanted.packing == super::Packing::Parquet { " --format parquet" } else { "" };
    format!(
        "billhook create-report {} --kind {kind}{format} \\\n  --bucket {} --prefix {} \\\n  \
         --bucket-region {}{create}\n",
        wanted.name, wanted.bucket, wanted.prefix, wanted.region
    )
}

fn cli(wanted: &Wanted, policy: &Value, partition: Partition) -> String {
    let Wanted { bucket, region, .. } = wanted;
    let mut lines = Vec::new();
    if wanted.create_bucket {
        // The first region takes no constraint.
        let place = if region == "us-east-1" {
            String::new()
        } else {
            format!(" \\\n  --create-bucket-configuration LocationConstraint={region}")
        };
        lines.push(format!("aws s3api create-bucket --bucket {bucket} --region {region}{place}"));
    } else {
        lines.push("# This replaces the policy of the bucket: if it has one, add the".to_owned());
        lines.push("# statements to it instead.".to_owned());
    }
    let (policy, billing) = (quoted(policy), billing_region(partition));
    lines.push(format!("aws s3api put-bucket-policy --bucket {bucket} --policy {policy}"));
    let report = quoted(&definition(wanted));
    let (call, option) = match wanted.product {
        Product::Cur => ("cur put-report-definition", "report-definition"),
        Product::Cur2 | Product::Focus => ("bcm-data-exports create-export", "export"),
    };
    lines.push(format!("aws {call} --region {billing} \\\n  --{option} {report}"));
    lines.join("\n") + "\n"
}

/// The report or export in the words of AWS's API, which are those of CloudFormation, too.
fn definition(wanted: &Wanted) -> Value {
    if wanted.product == Product::Cur {
        let own = product::report(wanted);
        return json!({
            "ReportName": own.name,
            "TimeUnit": own.time_unit,
            "Format": own.format,
            "Compression": own.compression,
            "AdditionalSchemaElements": own.schema_elements,
            "S3Bucket": own.bucket,
            "S3Prefix": own.prefix,
            "S3Region": own.region,
            "AdditionalArtifacts": own.artifacts,
            "RefreshClosedReports": own.refreshes_closed.unwrap_or(true),
            "ReportVersioning": own.versioning,
        });
    }
    let own = product::export(wanted);
    json!({
        "Name": own.name,
        "Description": "Read by Billhook",
        "DataQuery": {
            "QueryStatement": own.query,
            "TableConfigurations": own.properties,
        },
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": own.bucket,
                "S3Prefix": own.prefix,
                "S3Region": own.region,
                "S3OutputConfigurations": {
                    "OutputType": "CUSTOM",
                    "Format": own.format,
                    "Compression": own.compression,
                    "Overwrite": own.overwrite,
                },
            },
        },
        "RefreshCadence": { "Frequency": "SYNCHRONOUS" },
    })
}

/// A template is made in one region: that of the bills.
fn cloudformation(
    wanted: &Wanted,
    policy: &Value,
    partition: Partition,
) -> Result<String, EngineError> {
    let billing = billing_region(partition);
    if wanted.region != billing {
        return Err(EngineError::Usage(format!(
            "reports are made in {billing}, and a template makes everything in one region: for a \
             bucket in {}, take the commands of the AWS CLI or Terraform",
            wanted.region
        )));
    }
    let mut resources = json!({
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": { "Bucket": wanted.bucket, "PolicyDocument": policy },
        },
    });
    if wanted.create_bucket {
        resources["Bucket"] = json!({
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": { "BucketName": wanted.bucket },
        });
        resources["Policy"]["Properties"]["Bucket"] = json!({ "Ref": "Bucket" });
    }
    let definition = definition(wanted);
    // AWS looks whether it may deliver before it takes a definition.
    resources["Report"] = if wanted.product == Product::Cur {
        json!({
            "Type": "AWS::CUR::ReportDefinition",
            "DependsOn": "Policy",
            "Properties": definition,
        })
    } else {
        json!({
            "Type": "AWS::BCMDataExports::Export",
            "DependsOn": "Policy",
            "Properties": { "Export": definition },
        })
    };
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Has AWS deliver {} to {}", wanted.name, wanted.location()),
        "Resources": resources,
    });
    Ok(format!("{template:#}\n"))
}

fn terraform(wanted: &Wanted, policy: &Value, partition: Partition) -> String {
    let Wanted { bucket, region, .. } = wanted;
    let billing = billing_region(partition);
    let providers = format!(
        "provider \"aws\" {{\n  region = \"{region}\"\n}}\n\n\
         provider \"aws\" {{\n  alias  = \"billing\"\n  region = \"{billing}\"\n}}\n\n"
    );
    let (made, name) = if wanted.create_bucket {
        let made =
            format!("resource \"aws_s3_bucket\" \"billing\" {{\n  bucket = \"{bucket}\"\n}}\n\n");
        (made, "aws_s3_bucket.billing.id".to_owned())
    } else {
        (String::new(), format!("\"{bucket}\""))
    };
    let policy = expression(policy, 1);
    let policy = format!(
        "resource \"aws_s3_bucket_policy\" \"billing\" {{\n  bucket = {name}\n  policy = \
         jsonencode({policy})\n}}\n\n"
    );
    let mut text = providers + &made + &policy;
    text.push_str(&match wanted.product {
        Product::Cur => terraform_report(wanted),
        Product::Cur2 | Product::Focus => terraform_export(wanted),
    });
    text
}

fn terraform_report(wanted: &Wanted) -> String {
    let own = product::report(wanted);
    let versioning = own.versioning.unwrap_or_default();
    format!(
        "resource \"aws_cur_report_definition\" \"billing\" {{\n  \
           provider   = aws.billing\n  \
           depends_on = [aws_s3_bucket_policy.billing]\n\n  \
           report_name                = \"{}\"\n  \
           time_unit                  = \"{}\"\n  \
           format                     = \"{}\"\n  \
           compression                = \"{}\"\n  \
           additional_schema_elements = {}\n  \
           s3_bucket                  = \"{}\"\n  \
           s3_prefix                  = \"{}\"\n  \
           s3_region                  = \"{}\"\n  \
           additional_artifacts       = {}\n  \
           refresh_closed_reports     = {}\n  \
           report_versioning          = \"{versioning}\"\n\
         }}\n",
        own.name,
        own.time_unit,
        own.format,
        own.compression,
        json!(own.schema_elements),
        own.bucket,
        own.prefix,
        own.region,
        json!(own.artifacts),
        own.refreshes_closed.unwrap_or(true),
    )
}

fn terraform_export(wanted: &Wanted) -> String {
    let own = product::export(wanted);
    format!(
        "resource \"aws_bcmdataexports_export\" \"billing\" {{\n  \
           provider   = aws.billing\n  \
           depends_on = [aws_s3_bucket_policy.billing]\n\n  \
           export {{\n    \
             name        = \"{}\"\n    \
             description = \"Read by Billhook\"\n\n    \
             data_query {{\n      \
               query_statement      = \"{}\"\n      \
               table_configurations = {}\n    \
             }}\n\n    \
             destination_configurations {{\n      \
               s3_destination {{\n        \
                 s3_bucket = \"{}\"\n        \
                 s3_prefix = \"{}\"\n        \
                 s3_region = \"{}\"\n\n        \
                 s3_output_configurations {{\n          \
                   overwrite   = \"{}\"\n          \
                   format      = \"{}\"\n          \
                   compression = \"{}\"\n          \
                   output_type = \"CUSTOM\"\n        \
                 }}\n      \
               }}\n    \
             }}\n\n    \
             refresh_cadence {{\n      \
               frequency = \"SYNCHRONOUS\"\n    \
             }}\n  \
           }}\n\
         }}\n",
        own.name,
        own.query,
        expression(&json!(own.properties), 3),
        own.bucket,
        own.prefix,
        own.region,
        own.overwrite,
        own.format,
        own.compression,
    )
}

fn console(wanted: &Wanted, policy: &Value) -> String {
    let Wanted { name, bucket, prefix, region, .. } = wanted;
    let mut steps = Vec::new();
    if wanted.create_bucket {
        steps.push(format!("S3, Create bucket: {bucket} in {region}, everything else as it is."));
    }
    steps.push(format!(
        "S3, {bucket}, Permissions, Bucket policy: paste the policy below (or add its statements \
         to the one that is there)."
    ));
    let what = match wanted.product {
        Product::Cur => "Legacy CUR export",
        Product::Cur2 => "Standard data export, CUR 2.0",
        Product::Focus => "Standard data export, FOCUS 1.2",
    };
    steps.push(format!(
        "Billing and Cost Management, Data Exports, Create: {what}, named {name}, hourly, with \
         resource IDs, replacing the files of the delivery before, to the bucket {bucket} with \
         the prefix {prefix}."
    ));
    let numbered = (1_usize..).zip(&steps).map(|(number, step)| format!("{number}. {step}"));
    let numbered: Vec<String> = numbered.collect();
    format!("{}\n\n{policy:#}\n", numbered.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create_report::{Packing, Versioning};

    fn wanted(product: Product) -> Wanted {
        Wanted {
            name: "hourly".to_owned(),
            product,
            bucket: "acme-billing".to_owned(),
            prefix: "billhook".to_owned(),
            region: "us-east-1".to_owned(),
            create_bucket: true,
            packing: Packing::Csv,
            versioning: Versioning::Overwrite,
            with_split: false,
        }
    }

    #[test]
    fn every_form_names_bucket_prefix_and_report() {
        for (_, product) in Product::ALL {
            for (name, form) in OwnForm::ALL {
                let text =
                    yourself(&wanted(product), "111122223333", Partition::Aws, form).unwrap();
                for word in ["acme-billing", "billhook", "hourly"] {
                    assert!(text.contains(word), "{name}: {word}");
                }
            }
        }
    }

    #[test]
    fn a_template_is_of_one_region() {
        let make = |wanted: &Wanted| {
            yourself(wanted, "111122223333", Partition::Aws, OwnForm::CloudFormation)
        };
        let template: Value = serde_json::from_str(&make(&wanted(Product::Cur)).unwrap()).unwrap();
        assert_eq!(template["Resources"]["Report"]["Type"], "AWS::CUR::ReportDefinition");
        assert_eq!(template["Resources"]["Policy"]["Properties"]["Bucket"]["Ref"], "Bucket");
        let region = "eu-central-1".to_owned();
        let elsewhere = Wanted { region, ..wanted(Product::Cur2) };
        assert!(make(&elsewhere).unwrap_err().to_string().contains("AWS CLI"));
    }

    #[test]
    fn a_bucket_that_is_there_keeps_what_others_said() {
        let own = Wanted { create_bucket: false, ..wanted(Product::Focus) };
        let text = yourself(&own, "111122223333", Partition::Aws, OwnForm::Cli).unwrap();
        assert!(text.contains("# This replaces") && !text.contains("create-bucket "));
        assert!(text.contains("bcm-data-exports create-export --region us-east-1"));
    }
}

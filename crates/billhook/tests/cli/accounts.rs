//! Names, organisational units and tags, from moto's organisation behind the gate that enforces
//! policies: they stand in `costs` and in reports, and nothing breaks where they may not be read.

use std::fs;
use std::path::Path;
use std::process::Command;

use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, Cloud, User, World};
use serde_json::Value;

use crate::s3::Moto;
use crate::support::{Home, Ran, python, row, tiny};

/// The account that is billed, and manages the organisation.
const PAYER: &str = "111122223333";
/// An account that Organizations knows nothing of.
const STRANGER: &str = "444455556666";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Action":["organizations:*","tag:GetResources","s3:ListBucket","s3:GetObject"],
    "Resource":"*"}]}"#;

/// Makes an organisation with an account in a unit, and tags that account and a bucket.
const ORGANISATION: &str = "
import boto3, sys
def client(name):
    return boto3.client(name, endpoint_url=sys.argv[1], region_name='us-east-1',
                        aws_access_key_id='k', aws_secret_access_key='s')
organizations = client('organizations')
organizations.create_organization(FeatureSet='ALL')
root = organizations.list_roots()['Roots'][0]['Id']
unit = organizations.create_organizational_unit(ParentId=root, Name='Web')['OrganizationalUnit']
made = organizations.create_account(AccountName='shop', Email='shop@example.com',
                                    Tags=[{'Key': 'team', 'Value': 'blue'}])
shop = made['CreateAccountStatus']['AccountId']
organizations.move_account(AccountId=shop, SourceParentId=root, DestinationParentId=unit['Id'])
client('s3').put_bucket_tagging(Bucket='bills',
                                Tagging={'TagSet': [{'Key': 'stage', 'Value': 'live'}]})
print(shop)
";

struct Organised {
    home: Home,
    cloud: Cloud,
    /// Id of the account that is called `shop`.
    shop: String,
    _moto: Moto,
}

impl Organised {
    fn start() -> Option<Self> {
        let python = python("BILLHOOK_TEST_PYTHON")?;
        let home = Home::new();
        fs::create_dir_all(home.path("bucket")).unwrap();
        let line = row("Usage", "USD", "1.5", "x,bills");
        fs::write(home.path("bucket/bill.csv"), tiny(&[&line])).unwrap();
        let moto = Moto::start(&python, &home.path("bucket"));
        let shop = organise(&python, &moto.endpoint);
        let cloud = Cloud::start(&moto.endpoint, World::new()).unwrap();
        cloud.world(|world| {
            world.management_account = Some(PAYER.to_owned());
            let user = User::new(PAYER, "payer").with_key(KEY, SECRET);
            world.users = vec![user.with_policy(Policy::identity(POLICY).unwrap())];
            world.buckets.insert("bills".to_owned(), Bucket::new(PAYER, "us-east-1"));
        });
        fs::create_dir_all(home.path("files")).unwrap();
        let bill = tiny(&[&line.replace(STRANGER, &shop), &line]);
        let bill = bill.replacen("resourceTags/user:Team", "lineItem/ResourceId", 1);
        fs::write(home.path("files/bill.csv"), bill).unwrap();
        Some(Self { home, cloud, shop, _moto: moto })
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.home.command();
        command.args(["--endpoint", &self.cloud.endpoint(), "--region", "us-east-1"]).args(args);
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env(variable, "/dev/null");
        }
        Ran::of(command.output().unwrap())
    }

    /// As [`Self::run`], when it has to work.
    fn must(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        ran
    }

    fn names(&self) -> Vec<String> {
        let sql = "SELECT DISTINCT SubAccountId, x_AccountName, x_OrganizationalUnit FROM costs \
                   ORDER BY x_OrganizationalUnit NULLS LAST, SubAccountId";
        let ran = self.must(&["sql", sql, "--format", "csv"]);
        ran.out.lines().skip(1).map(str::to_owned).collect()
    }
}

/// Makes the organisation in moto, and gives the id of its account.
pub(crate) fn organise(python: &Path, endpoint: &str) -> String {
    let output = Command::new(python).args(["-c", ORGANISATION, endpoint]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn accounts_have_names_units_and_tags() {
    let Some(aws) = Organised::start() else { return };
    let place = aws.home.path("files");
    let connect = ["connect", "acme", "--kind", "cur", "--force", "--location"];
    aws.must(&[&connect[..], &[place.to_str().unwrap()]].concat());
    // What may not be read is told, and the bill is loaded all the same.
    aws.cloud.world(|world| world.withdraw("organizations:ListAccounts"));
    aws.must(&["sync", "acme"]);
    let ran = aws.must(&["accounts", "refresh", "acme"]);
    assert!(ran.err.contains("mend: ") && ran.err.contains("organizations:ListAccounts"));
    let bare = |id: &str| format!("{id},{id},");
    let mut unknown = vec![bare(&aws.shop), bare(STRANGER)];
    unknown.sort();
    assert_eq!(aws.names(), unknown);
    let ran = aws.must(&["accounts"]);
    assert!(ran.err.contains("billhook accounts refresh"), "{}", ran.err);

    aws.cloud.world(World::restore);
    aws.must(&["accounts", "resource-tags", "acme", "us-east-1"]);
    let ran = aws.must(&["accounts", "refresh", "acme"]);
    assert!(ran.err.contains("acme: 2 accounts"), "{}", ran.err);
    assert_eq!(aws.names(), [format!("{},shop,Root/Web", aws.shop), bare(STRANGER)]);
    let ask = |sql: &str| aws.home.ask(sql);
    let of_shop = |column: &str| {
        ask(&format!("SELECT {column} FROM costs WHERE SubAccountId = '{}'", aws.shop))
    };
    assert_eq!(of_shop("x_AccountTags['team']"), "blue");
    assert_eq!(of_shop("x_ResourceTags['stage']"), "live");
    assert_eq!(ask("SELECT COUNT(*) FROM costs WHERE x_AccountName = 'shop'"), "1");
    reports(&aws);
    listed(&aws);

    // Asked again, nothing is written; without an organisation, what is known stays.
    let recorded = ask("SELECT MAX(x_RecordedAt) FROM accounts");
    aws.must(&["accounts", "refresh", "acme"]);
    aws.cloud.world(|world| world.management_account = None);
    let ran = aws.must(&["accounts", "refresh", "acme"]);
    assert!(ran.err.contains("accounts cannot be read"), "{}", ran.err);
    assert_eq!(ask("SELECT MAX(x_RecordedAt) FROM accounts"), recorded);
    assert_eq!(of_shop("x_AccountName"), "shop");
}

fn reports(aws: &Organised) {
    for (by, value) in [
        ("account-name", "shop"),
        ("ou", "Root/Web"),
        ("account-tag:team", "blue"),
        ("resource-tag:stage", "live"),
    ] {
        for scope in ["consolidated", "all"] {
            let period = ["--period", "2026-09", "--format", "csv", "--scope", scope];
            let filter = format!("{by}={value}");
            let args = [&["report", "--by", by, "--filter", &filter][..], &period].concat();
            let ran = aws.must(&args);
            assert!(ran.out.contains(value), "{by} {scope}: {}", ran.out);
        }
    }
}

fn listed(aws: &Organised) {
    let ran = aws.must(&["accounts"]);
    assert!(ran.out.contains("shop") && ran.out.contains("Root/Web"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    let ran = aws.must(&["accounts", "--json"]);
    let accounts: Value = serde_json::from_str(&ran.out).unwrap();
    let accounts = accounts.as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    let shop = accounts.iter().find(|account| account["AccountId"] == aws.shop.as_str()).unwrap();
    assert_eq!(shop["Email"], "shop@example.com");
    assert_eq!(shop["Tags"]["team"], "blue");
    assert_eq!(shop["x_Connection"], "acme");
}

#[test]
fn sync_asks_for_them_once_a_day() {
    let Some(aws) = Organised::start() else { return };
    aws.must(&["connect", "acme", "--kind", "cur", "--location", "s3://bills"]);
    let asked = || aws.cloud.count("organizations:ListAccounts");
    let before = asked();
    aws.must(&["sync", "acme"]);
    assert_eq!(asked(), before + 1);
    listed(&aws);
    aws.must(&["sync", "acme"]);
    assert_eq!(asked(), before + 1);
}

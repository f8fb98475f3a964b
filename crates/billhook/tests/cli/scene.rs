//! Where faults are brought about: AWS as it should be, to which every fault returns, and folders
//! of files that somebody has damaged.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use billhook_testkit::calendar::Month;
use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, CostExplorerState, Export, Role, User, World};
use billhook_testkit::forms::Form;
use billhook_testkit::render::cost_explorer::CostExplorer;
use billhook_testkit::render::cur::{
    Compression, CurReport, Layout, write_delivery as write_report,
};
use billhook_testkit::render::data_export::{
    ExportReport, Packing, Table, column_names, write_delivery,
};
use serde_json::Value;

use crate::accounts::organise;
use crate::connections::{Aws, BY_ROLE, EXTERNAL_ID, KEY, KMS, PAYER, ROLE, SECRET, verify};
use crate::definitions;
use crate::support::{Ran, deliver, organisation, python, report, today};

/// The report that is as it should be.
pub(crate) const PLACE: &str = "s3://bills/bills/hourly";

/// The export that is as it should be.
pub(crate) const EXPORT: &str = "s3://bills/exports/cur2-csv";

/// The month that is delivered.
pub(crate) const MONTH: Month = Month::new(2026, 8);

const ASSEMBLY: &str = "20260907T031500Z";

/// Moves data files to Glacier.
const ARCHIVE: &str = "
import boto3, sys
s3 = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1',
                  aws_access_key_id='k', aws_secret_access_key='s')
for found in s3.list_objects_v2(Bucket='bills', Prefix=sys.argv[2])['Contents']:
    if found['Key'].endswith('.gz'):
        s3.copy_object(Bucket='bills', Key=found['Key'], StorageClass='GLACIER',
                       CopySource={'Bucket': 'bills', 'Key': found['Key']})
";

/// Assumes the role, and tells the credentials.
const ASSUME: &str = "
import boto3, sys
sts = boto3.client('sts', endpoint_url=sys.argv[1], region_name='us-east-1',
                   aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
made = sts.assume_role(RoleArn=sys.argv[4], ExternalId=sys.argv[5], RoleSessionName='test')
made = made['Credentials']
print(made['AccessKeyId'], made['SecretAccessKey'], made['SessionToken'])
";

/// AWS, and how it should be.
pub(crate) struct Scene {
    pub(crate) aws: Aws,
    python: PathBuf,
    users: Vec<User>,
    roles: Vec<Role>,
    buckets: BTreeMap<String, Bucket>,
    /// What reading an export takes.
    exporting: Policy,
    /// What asking Cost Explorer takes.
    asking: Policy,
    /// Folders made so far.
    folders: Cell<usize>,
}

impl Scene {
    pub(crate) fn start() -> Option<Self> {
        let python = python("BILLHOOK_TEST_PYTHON")?;
        let aws = Aws::start_with(|files| {
            let archived = CurReport { report_name: "archived".to_owned(), ..gzip_report() };
            deliver(files, &archived, MONTH, ASSEMBLY);
            write(files, Form::Export(Table::Cur2, Packing::CsvGz));
        })?;
        run(&python, &[ARCHIVE, &aws.moto.endpoint, "bills/archived/"]);
        organise(&python, &aws.moto.endpoint);
        let printed = |args: &[&str]| Policy::identity(&aws.printed(args)).unwrap();
        let place = ["--bucket", "bills", "--prefix", "bills", "--key", KMS];
        let reading = printed(&[&["access", "cur"][..], &place].concat());
        let exporting = printed(&["access", "data_export", "--bucket", "s3://bills/exports"]);
        let asking = printed(&["access", "cost_explorer"]);
        let (users, roles, buckets) = aws.cloud.world(|world| {
            world.role_mut(ROLE).unwrap().policies = vec![reading];
            (world.users.clone(), world.roles.clone(), world.buckets.clone())
        });
        let folders = Cell::new(0);
        Some(Self { aws, python, users, roles, buckets, exporting, asking, folders })
    }

    /// Everything is as it should be again.
    pub(crate) fn reset(&self) {
        let mut well = World::new();
        well.users.clone_from(&self.users);
        well.roles.clone_from(&self.roles);
        well.buckets = self.buckets.clone();
        well.management_account = Some(PAYER.to_owned());
        well.reports.insert(PAYER.to_owned(), vec![definitions::report()]);
        well.exports.insert(PAYER.to_owned(), vec![export("cur2-csv", "2026-09-07T03:15:00Z")]);
        well.cost_explorer = CostExplorerState::Hourly;
        well.serve_costs(PAYER, CostExplorer::new(Vec::new(), &[], today()));
        self.aws.cloud.world(|world| *world = well);
    }

    /// Looks at the report, by the role.
    pub(crate) fn verify(&self) -> Ran {
        self.at("cur", PLACE)
    }

    /// Looks at another place, by the role.
    pub(crate) fn at(&self, kind: &str, location: &str) -> Ran {
        self.aws.run(&verify(kind, location, &BY_ROLE))
    }

    /// Changes AWS, and looks at the report.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut World)) -> Ran {
        self.aws.cloud.world(change);
        self.verify()
    }

    /// Changes the report's definition, and looks at it.
    pub(crate) fn defined(&self, changes: &Value) -> Ran {
        definitions::define(&self.aws, &[definitions::with(changes)]);
        self.verify()
    }

    /// Changes AWS, and looks at the export.
    pub(crate) fn exported(&self, change: impl FnOnce(&mut World)) -> Ran {
        self.allow(self.exporting.clone());
        self.aws.cloud.world(change);
        self.at("data_export", EXPORT)
    }

    /// Changes AWS, and asks Cost Explorer.
    pub(crate) fn asked(&self, change: impl FnOnce(&mut World)) -> Ran {
        self.allow(self.asking.clone());
        self.aws.cloud.world(change);
        let verify = ["verify", "--json", "--kind", "cost_explorer", "--paid"];
        self.aws.run(&[&verify[..], &BY_ROLE].concat())
    }

    /// Looks at the report by a role of that ARN and external ID.
    pub(crate) fn assuming(&self, arn: &str, external_id: &str) -> Ran {
        let role = ["--role-arn", arn, "--external-id", external_id];
        self.aws.run(&verify("cur", PLACE, &role))
    }

    /// The role may do this, and nothing else.
    pub(crate) fn allow(&self, policy: Policy) {
        self.aws.cloud.world(|world| world.role_mut(ROLE).unwrap().policies = vec![policy]);
    }

    /// Looks at the report with options and an environment of its own.
    pub(crate) fn with(&self, options: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = self.aws.command("us-east-1");
        look(&mut command, options, environment)
    }

    /// Looks at the report through another endpoint.
    pub(crate) fn through(&self, endpoint: &str) -> Ran {
        let mut command = self.aws.home.command();
        command.args(["--endpoint", endpoint, "--region", "us-east-1"]);
        let key = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        look(&mut command, &[], &key)
    }

    /// Key id, secret and session token of the role.
    pub(crate) fn session(&self) -> [String; 3] {
        let endpoint = self.aws.cloud.endpoint();
        let out = run(&self.python, &[ASSUME, &endpoint, KEY, SECRET, ROLE, EXTERNAL_ID]);
        let mut words = out.split_whitespace().map(str::to_owned);
        std::array::from_fn(|_| words.next().unwrap())
    }

    /// Looks at a folder of files.
    pub(crate) fn local(&self, kind: &str, fill: impl FnOnce(&Path)) -> Ran {
        self.folders.set(self.folders.get() + 1);
        let folder = self.aws.home.path(&format!("folder-{}", self.folders.get()));
        fs::create_dir_all(&folder).unwrap();
        fill(&folder);
        self.aws.home.run(&[
            "verify",
            "--json",
            "--kind",
            kind,
            "--location",
            folder.to_str().unwrap(),
        ])
    }

    /// Looks at a folder with a legacy report that somebody has been at. Gets the folder and the
    /// data files.
    pub(crate) fn delivered(&self, damage: impl FnOnce(&Path, &[PathBuf])) -> Ran {
        self.local("cur", |folder| {
            let files = deliver(folder, &gzip_report(), MONTH, ASSEMBLY);
            damage(folder, &files);
        })
    }

    /// Looks at a folder with a CUR 2.0 that lacks columns.
    pub(crate) fn selected(&self, lacks: impl Fn(&str) -> bool) -> Ran {
        self.local("data_export", |folder| {
            let own = gzip_report();
            let mut export = ExportReport::like(own, "few", Table::Cur2, Packing::CsvGz);
            let columns = column_names(&export).unwrap().into_iter();
            export.columns = columns.filter(|name| !lacks(name)).map(str::to_owned).collect();
            let organisation = organisation();
            let lines = organisation.ledger(&organisation.payers()[0], MONTH, 1);
            let (id, time) = ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-09-07T03:15:00.000Z");
            write_delivery(folder, &export, MONTH, id, time, &lines).unwrap();
        })
    }
}

/// Writes a legacy report of the first payer as that of some month.
pub(crate) fn deliver_as(folder: &Path, report: &CurReport, month: Month) {
    let organisation = organisation();
    let lines = organisation.ledger(&organisation.payers()[0], MONTH, 1);
    write_report(folder, report, month, ASSEMBLY, &lines).unwrap();
}

/// A legacy report as it should be.
pub(crate) fn gzip_report() -> CurReport {
    report(Layout::CreateNew, Compression::Gzip)
}

/// An export as it should be, made at a time.
pub(crate) fn export(name: &str, made_at: &str) -> Export {
    let table = "COST_AND_USAGE_REPORT";
    let definition = definitions::export(name, "exports", "line_item_resource_id", table);
    Export::new(PAYER, definition, made_at)
}

/// Writes a month of the first payer in a format.
pub(crate) fn write(folder: &Path, form: Form) {
    fs::create_dir_all(folder).unwrap();
    let organisation = organisation();
    let payer = &organisation.payers()[0];
    let lines = organisation.ledger(payer, MONTH, 1);
    form.write(folder, payer, MONTH, &lines, 900).unwrap();
}

/// All files below a folder whose names end so, in order.
pub(crate) fn ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let (mut left, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Leaves so many bytes of a file.
pub(crate) fn cut(path: &Path, bytes: usize) {
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..bytes]).unwrap();
}

/// Looks at the report, as nobody unless the environment says who.
fn look(command: &mut Command, options: &[&str], environment: &[(&str, &str)]) -> Ran {
    command.args(verify("cur", PLACE, options));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(environment.iter().copied());
    Ran::of(command.output().unwrap())
}

/// Runs a script with its arguments, and tells what it printed.
fn run(python: &Path, script: &[&str]) -> String {
    let output = Command::new(python).arg("-c").args(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

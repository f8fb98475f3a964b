//! Buckets, against moto: reading a report, keeping the lake, and what goes wrong.

use std::path::Path;
use std::process::Command;

use billhook_testkit::calendar::Month;
use billhook_testkit::emulator::Emulator;
use billhook_testkit::render::cur::{Compression, Layout};

use crate::support::{Home, Ran, deliver, python, report};

/// A moto server on a free port.
pub(crate) struct Moto {
    pub(crate) endpoint: String,
    _emulator: Emulator,
}

const UPLOAD: &str = "
import boto3, os, sys
endpoint, root = sys.argv[1], sys.argv[2]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1',
                  aws_access_key_id='k', aws_secret_access_key='s')
for bucket in ('bills', 'lake'):
    s3.create_bucket(Bucket=bucket)
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        s3.upload_file(path, 'bills', os.path.relpath(path, root))
";

impl Moto {
    pub(crate) fn start(python: &Path, files: &Path) -> Self {
        Self::start_for(python, files, "123456789012")
    }

    /// Everything in it belongs to one account.
    pub(crate) fn start_for(python: &Path, files: &Path, account: &str) -> Self {
        let emulator = Emulator::start(python, account).unwrap();
        let endpoint = emulator.endpoint.clone();
        let uploaded =
            Command::new(python).args(["-c", UPLOAD, &endpoint]).arg(files).output().unwrap();
        assert!(uploaded.status.success(), "{}", String::from_utf8_lossy(&uploaded.stderr));
        Self { endpoint, _emulator: emulator }
    }

    fn run(&self, home: &Home, args: &[&str]) -> Ran {
        let mut command = home.command();
        command.args(["--endpoint", &self.endpoint, "--region", "us-east-1"]).args(args);
        command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
        Ran::of(command.output().unwrap())
    }
}

#[test]
fn a_bucket_is_read_like_a_folder_and_may_hold_the_lake() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = Home::new();
    let definition = report(Layout::Overwrite, Compression::Gzip);
    deliver(&home.path("bucket"), &definition, Month::new(2026, 8), "20260907T031500Z");
    let moto = Moto::start(&python, &home.path("bucket"));
    let ran = moto.run(&home, &["import", "s3://bills/bills"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let remote = home.digest();
    let local = Home::new();
    assert_eq!(local.import(&home.path("bucket")).code, 0);
    assert_eq!(local.digest(), remote);
    let ran = moto.run(&home, &["import", "s3://bills"]);
    assert!(ran.err.contains("unchanged"), "{}", ran.err);

    let other = Home::new();
    let lake = ["--lake", "s3://lake/billhook"];
    let ran = moto.run(&other, &[&lake[..], &["import", "s3://bills/"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let sql = "SELECT COUNT(*) FROM costs";
    let ran = moto.run(&other, &[&lake[..], &["sql", sql, "--format", "csv"]].concat());
    assert_eq!(ran.out.lines().nth(1), Some(local.ask(sql).as_str()), "{}", ran.err);
    let ran = moto.run(&other, &[&lake[..], &["doctor"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);

    let ran = moto.run(&home, &["import", "s3://no-such-bucket/x"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("there is no such bucket"), "{}", ran.err);
}

//! Every fault of `docs/faults.md`, brought about: it leads to its finding, with a mend, and to no
//! other but those that follow from it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, SystemTime};

use billhook_engine::verify::FAULTS;
use billhook_testkit::calendar::Month;
use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, CostExplorerState, User, World};
use billhook_testkit::forms::Form;
use billhook_testkit::render::cur::{Compression, CurReport, Layout};
use billhook_testkit::render::data_export::{Packing, Table};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::connections::{BY_ROLE, EXTERNAL_ID, KEY, KMS, OURS, PAYER, ROLE, SECRET, verify};
use crate::definitions::{define, with};
use crate::scene::{MONTH, PLACE, Scene, cut, deliver_as, ending, export, gzip_report, write};
use crate::support::{Ran, report};

/// How a fault is brought about and looked at.
struct Case {
    /// The fault's name.
    name: &'static str,
    /// What follows from it.
    also: &'static [&'static str],
    provoke: fn(&Scene) -> Ran,
}

const fn case(name: &'static str, provoke: fn(&Scene) -> Ran) -> Case {
    Case { name, also: &[], provoke }
}

const fn also(
    name: &'static str,
    also: &'static [&'static str],
    provoke: fn(&Scene) -> Ran,
) -> Case {
    Case { name, also, provoke }
}

/// No report can deliver to a place that there is not.
const NONE_DELIVERS: &[&str] = &["definition-missing"];

const TEMPORARY: &str = "ASIAIOSFODNN7EXAMPLE";

/// The report has no discounts, which is no fault.
const ALWAYS: &str = "columns-absent";

const CREDENTIALS: &[Case] = &[
    case("no-key", |scene| scene.with(&[], &[])),
    case("profile-without-key", |scene| scene.with(&["--profile", "nobody"], &[])),
    case("key-cut-short", |scene| given(scene, "AKIAIOSFOD", SECRET)),
    case("secret-cut-short", |scene| given(scene, KEY, &SECRET[..20])),
    case("key-deleted", |scene| given(scene, "AKIAIOSFODNN7DELETED", SECRET)),
    case("key-switched-off", |scene| {
        scene.changed(|world| world.key_mut(KEY).unwrap().disabled = true)
    }),
    case("secret-of-another-key", |scene| {
        scene.aws.run_with(&verify("cur", PLACE, &BY_ROLE), "us-east-1", "another")
    }),
    case("token-forgotten", |scene| temporary(scene, None)),
    case("token-of-another-key", |scene| temporary(scene, Some("another"))),
    case("token-expired", |scene| {
        let [id, secret, token] = scene.session();
        scene.aws.cloud.world(|world| world.session_age_seconds = 7_200);
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        let [id, secret, token] = [(names[0], &id), (names[1], &secret), (names[2], &token)];
        let environment = [id, secret, token].map(|(name, value)| (name, value.as_str()));
        scene.with(&[], &environment)
    }),
];

const REACHING: &[Case] = &[
    case("clock-slow", |scene| scene.changed(|world| world.clock_ahead_seconds = 3_600)),
    case("clock-fast", |scene| scene.changed(|world| world.clock_ahead_seconds = -3_600)),
    case("network-down", |scene| scene.through("http://127.0.0.1:9")),
    case("host-misspelt", |scene| scene.through("http://no-such-host.invalid")),
    case("proxy-in-the-way", |scene| scene.through(&another_server())),
    case("sts-busy", |scene| scene.changed(|world| world.throttle("sts:AssumeRole", 50))),
    case("s3-busy", |scene| scene.changed(|world| world.throttle("s3:ListBucket", 50))),
    case("s3-busy-reading", |scene| scene.changed(|world| world.throttle("s3:GetObject", 50))),
    case("cost-explorer-busy", |scene| scene.asked(|world| world.throttle("ce:*", 50))),
];

const ROLES: &[Case] = &[
    case("external-id-wrong", |scene| scene.assuming(ROLE, "billhook-another")),
    case("role-missing", |scene| {
        scene.assuming("arn:aws:iam::111122223333:role/nobody", EXTERNAL_ID)
    }),
    case("trusts-another-account", |scene| {
        let other = json!({ "AWS": "arn:aws:iam::999999999999:root" });
        scene.changed(|world| trust(world, &other))
    }),
    case("caller-may-not-assume", |scene| scene.changed(|world| world.withdraw("sts:AssumeRole"))),
    case("role-of-china", |scene| {
        scene.assuming("arn:aws-cn:iam::111122223333:role/billhook", EXTERNAL_ID)
    }),
    case("arn-malformed", |scene| scene.assuming("billhook", EXTERNAL_ID)),
    case("arn-of-a-user", |scene| {
        scene.assuming("arn:aws:iam::111122223333:user/billhook", EXTERNAL_ID)
    }),
    case("sts-off", |scene| {
        scene.changed(|world| {
            world.sts_off.insert("us-east-1".to_owned());
        })
    }),
    case("external-id-ignored", |scene| {
        scene.changed(|world| trust(world, &json!({ "AWS": OURS })))
    }),
];

const PLACES: &[Case] = &[
    case("no-such-folder", |scene| scene.at("cur", "/no/such/folder")),
    case("another-cloud", |scene| scene.at("cur", "gs://bills/hourly")),
    also("bucket-misspelt", NONE_DELIVERS, |scene| scene.at("cur", "s3://bils/bills/hourly")),
    also("bucket-in-capitals", NONE_DELIVERS, |scene| scene.at("cur", "s3://Bills/bills/hourly")),
    case("region-wrong", |scene| {
        scene.aws.run_with(&verify("cur", PLACE, &BY_ROLE), "eu-west-1", SECRET)
    }),
    also("prefix-misspelt", NONE_DELIVERS, |scene| scene.at("cur", "s3://bills/bills/hurly")),
    case("folder-empty", |scene| scene.local("cur", |_| {})),
    case("other-files", |scene| {
        scene.local("cur", |folder| fs::write(folder.join("notes.csv"), "a,b\n1,2\n").unwrap())
    }),
    case("wrong-kind", |scene| {
        scene.local("dbr", |folder| deliver_as(folder, &gzip_report(), MONTH))
    }),
];

const PERMISSIONS: &[Case] = &[
    case("may-not-list", |scene| scene.changed(|world| world.withdraw("s3:ListBucket"))),
    case("another-prefix", |scene| {
        let printed = scene.aws.printed(&["access", "cur", "--bucket", "s3://bills/elsewhere"]);
        scene.allow(Policy::identity(&printed).unwrap());
        scene.verify()
    }),
    case("bucket-policy-denies", |scene| {
        scene.changed(|world| {
            let policy = statement("Deny", &json!("*"), "s3:ListBucket", "arn:aws:s3:::bills");
            world.set_bucket_policy("bills", &policy).unwrap();
        })
    }),
    case("bucket-of-another-account", |scene| {
        scene.changed(|world| {
            world.buckets.insert("bills".to_owned(), Bucket::new(OURS, "us-east-1"));
        })
    }),
    case("requester-pays", |scene| {
        scene.changed(|world| {
            let payer = json!({ "AWS": format!("arn:aws:iam::{PAYER}:root") });
            let policy = statement("Allow", &payer, "s3:*", "arn:aws:s3:::bills*");
            let bucket = Bucket::new(OURS, "us-east-1");
            let bucket = bucket.with_policy(Policy::resource(&policy).unwrap());
            let bucket = Bucket { requester_pays: true, ..bucket };
            world.buckets.insert("bills".to_owned(), bucket);
        })
    }),
    case("private-bucket", |scene| scene.with(&["--anonymous"], &[])),
    case("may-not-read", |scene| scene.changed(|world| world.withdraw("s3:GetObject"))),
    case("may-not-decrypt", |scene| {
        scene.changed(|world| {
            encrypt(world);
            world.withdraw("kms:Decrypt");
        })
    }),
    case("key-of-others", |scene| {
        scene.changed(|world| {
            encrypt(world);
            let other = json!({ "AWS": "arn:aws:iam::999999999999:root" });
            let policy = statement("Allow", &other, "kms:*", "*");
            world.key_policies.insert(KMS.to_owned(), Policy::resource(&policy).unwrap());
        })
    }),
    case("may-read-too-much", |scene| {
        let all = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "*", "Resource": "*",
        }] });
        scene.allow(Policy::identity(&all.to_string()).unwrap());
        scene.verify()
    }),
    case("may-not-describe", |scene| {
        scene.changed(|world| world.withdraw("cur:DescribeReportDefinitions"))
    }),
    case("may-not-see-exports", |scene| {
        scene.exported(|world| world.withdraw("bcm-data-exports:GetExport"))
    }),
    case("may-not-name-accounts", |scene| {
        scene.changed(|world| world.withdraw("organizations:DescribeOrganization"))
    }),
    case("may-not-see-units", |scene| {
        scene.changed(|world| world.withdraw("organizations:ListRoots"))
    }),
    case("may-not-see-tags", |scene| {
        let connect = ["connect", "tagged", "--kind", "cur", "--location", PLACE];
        for args in [
            &[&connect[..], &BY_ROLE].concat()[..],
            &["accounts", "resource-tags", "tagged", "us-east-1"],
        ] {
            let ran = scene.aws.run(args);
            assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        }
        scene.aws.run(&["verify", "--json", "tagged"])
    }),
];

const FILES: &[Case] = &[
    case("file-missing", |scene| {
        scene.delivered(|_, files| fs::remove_file(files.last().unwrap()).unwrap())
    }),
    case("manifest-names-nothing", |scene| {
        scene.delivered(|folder, _| {
            for path in ending(folder, "Manifest.json") {
                let mut manifest: Value =
                    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                manifest["reportKeys"] = json!([]);
                fs::write(path, manifest.to_string()).unwrap();
            }
        })
    }),
    case("manifest-cut-off", |scene| {
        scene.delivered(|folder, _| {
            for path in ending(folder, "Manifest.json") {
                cut(&path, 60);
            }
        })
    }),
    case("delivery-stopped", |scene| {
        scene.delivered(|folder, _| {
            let then = SystemTime::now() - Duration::from_hours(10 * 24);
            for path in ending(folder, "") {
                File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
            }
        })
    }),
    case("month-to-come", |scene| {
        scene.local("cur", |folder| deliver_as(folder, &gzip_report(), Month::new(2099, 1)))
    }),
    case("gzip-cut-off", |scene| scene.delivered(|_, files| cut(&files[0], 40))),
    case("zip-cut-off", |scene| {
        scene.local("cur", |folder| {
            deliver_as(folder, &report(Layout::CreateNew, Compression::Zip), MONTH);
            cut(&ending(folder, "00001.csv.zip")[0], 400);
        })
    }),
    case("parquet-cut-off", |scene| {
        scene.local("data_export", |folder| {
            write(folder, Form::Export(Table::Focus12, Packing::Parquet));
            cut(&ending(folder, "00001.snappy.parquet")[0], 400);
        })
    }),
    case("file-empty", |scene| scene.delivered(|_, files| cut(&files[0], 0))),
    case("file-archived", |scene| {
        define(&scene.aws, &[with(&json!({ "ReportName": "archived" }))]);
        scene.at("cur", "s3://bills/bills/archived")
    }),
    case("no-cost-column", |scene| scene.selected(|name| name == "line_item_unblended_cost")),
    case("no-resource-column", |scene| {
        scene.local("cur", |folder| {
            let bare = CurReport { with_resources: false, ..gzip_report() };
            deliver_as(folder, &bare, MONTH);
        })
    }),
    case("no-tag-columns", |scene| {
        scene.selected(|name| ["tags", "resource_tags"].contains(&name))
    }),
    case("dbr-alone", |scene| {
        scene.local("dbr", |folder| {
            write(folder, Form::DetailedBilling);
            for path in ending(folder, "") {
                if !path.to_str().unwrap().contains("with-resources") {
                    fs::remove_file(path).unwrap();
                }
            }
        })
    }),
];

const DEFINITIONS: &[Case] = &[
    case("report-deleted", |scene| scene.defined(&json!({ "S3Prefix": "elsewhere" }))),
    case("report-by-day", |scene| scene.defined(&json!({ "TimeUnit": "DAILY" }))),
    case("report-by-month", |scene| scene.defined(&json!({ "TimeUnit": "MONTHLY" }))),
    case("report-without-resources", |scene| {
        scene.defined(&json!({ "AdditionalSchemaElements": [] }))
    }),
    case("report-not-refreshed", |scene| scene.defined(&json!({ "RefreshClosedReports": false }))),
    case("report-in-zip", |scene| scene.defined(&json!({ "Compression": "ZIP" }))),
    case("report-not-delivered", |scene| scene.defined(&status("ERROR_PERMISSIONS"))),
    case("report-without-bucket", |scene| scene.defined(&status("ERROR_NO_BUCKET"))),
    case("export-not-delivered", |scene| unhealthy(scene, "INSUFFICIENT_PERMISSION")),
    case("export-left-behind", |scene| unhealthy(scene, "BILL_OWNER_CHANGED")),
    case("export-broken-at-aws", |scene| unhealthy(scene, "INTERNAL_FAILURE")),
    also("export-new", &["nothing-there"], |scene| {
        let made = (Utc::now() - TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        scene.exported(|world| {
            world.exports.insert(PAYER.to_owned(), vec![export("new", &made)]);
        });
        scene.at("data_export", "s3://bills/exports/new")
    }),
];

const COST_EXPLORER: &[Case] = &[
    case("may-not-ask", |scene| scene.asked(|world| world.withdraw("ce:GetCostAndUsage"))),
    case("cost-explorer-off", |scene| {
        scene.asked(|world| world.cost_explorer = CostExplorerState::NotEnabled)
    }),
    case("no-hours", |scene| scene.asked(|world| world.cost_explorer = CostExplorerState::Daily)),
];

const CASES: &[&[Case]] =
    &[CREDENTIALS, REACHING, ROLES, PLACES, PERMISSIONS, FILES, DEFINITIONS, COST_EXPLORER];

/// Looks at the report by a key that is given.
fn given(scene: &Scene, id: &str, secret: &str) -> Ran {
    scene.with(&["--access-key-id", id], &[("BILLHOOK_SECRET_ACCESS_KEY", secret)])
}

/// Looks at the report by a temporary key, with that session token.
fn temporary(scene: &Scene, token: Option<&str>) -> Ran {
    scene.aws.cloud.world(|world| {
        world.users.push(User::new(PAYER, "temporary").with_key(TEMPORARY, SECRET));
        world.key_mut(TEMPORARY).unwrap().session_token = Some("its-own".to_owned());
    });
    let key = [("AWS_ACCESS_KEY_ID", TEMPORARY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let token = token.map(|token| ("AWS_SESSION_TOKEN", token));
    scene.with(&[], &key.into_iter().chain(token).collect::<Vec<_>>())
}

/// A web server that knows nothing of AWS, for one request.
fn another_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert_ne!(stream.read(&mut head).unwrap(), 0);
        let page = "<html><body>Please log in</body></html>";
        let length = page.len();
        write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{page}"
        )
        .unwrap();
    });
    url
}

/// A policy of one statement, of a bucket or key.
fn statement(effect: &str, principal: &Value, action: &str, resource: &str) -> String {
    let statement = json!({
        "Effect": effect,
        "Principal": principal,
        "Action": action,
        "Resource": resource,
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// The role trusts somebody, whatever they say.
fn trust(world: &mut World, principal: &Value) {
    let statement =
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    world.role_mut(ROLE).unwrap().trust = Policy::trust(&policy.to_string()).unwrap();
}

/// The bucket gets a key of its own.
fn encrypt(world: &mut World) {
    let bucket = Bucket::new(PAYER, "us-east-1").with_kms_key(KMS);
    world.buckets.insert("bills".to_owned(), bucket);
}

/// The status of a report that AWS does not deliver any more.
fn status(failure: &str) -> Value {
    json!({ "ReportStatus": { "lastDelivery": "20260801T010101Z", "lastStatus": failure } })
}

/// Looks at an export that AWS does not deliver any more.
fn unhealthy(scene: &Scene, reason: &str) -> Ran {
    scene.exported(|world| {
        let export = export("cur2-csv", "2026-09-07T03:15:00Z").unhealthy(reason);
        world.exports.insert(PAYER.to_owned(), vec![export]);
    })
}

/// The findings of a verification, in order.
pub(crate) fn findings(ran: &Ran) -> Vec<Value> {
    assert!(ran.out.starts_with('{'), "{}{}", ran.out, ran.err);
    let verdict: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = verdict["checks"].as_array().unwrap();
    checks.iter().flat_map(|check| check["findings"].as_array().unwrap()).cloned().collect()
}

/// What is wrong with what was found, if anything is.
fn judge(case: &Case, expected: &str, ran: &Ran) -> Option<String> {
    let found = findings(ran);
    let codes: Vec<&str> = found.iter().map(|own| own["code"].as_str().unwrap()).collect();
    let told: BTreeSet<&str> =
        codes.iter().copied().filter(|code| *code != ALWAYS || expected == ALWAYS).collect();
    let meant: BTreeSet<&str> = case.also.iter().copied().chain([expected]).collect();
    let is_said = |own: &Value| ["seen", "expected", "fix"].iter().all(|key| own[*key] != "");
    let is_mendable = found.iter().all(is_said);
    let has = |severity: &str| found.iter().any(|own| own["severity"] == severity);
    // Who has to wait for AWS is well all the same.
    let is_bad = has("error") || (has("warning") && !has("waiting"));
    let is_told = ran.code == i32::from(is_bad);
    let is_well = told == meant && is_mendable && is_told;
    (!is_well)
        .then(|| format!("{}: {meant:?} and not {codes:?}: {}{}", case.name, ran.out, ran.err))
}

#[test]
fn every_fault_has_its_own_finding() {
    let Some(scene) = Scene::start() else { return };
    assert!(FAULTS.len() >= 36, "{}", FAULTS.len());
    scene.reset();
    let well = scene.verify();
    let codes: Vec<Value> = findings(&well).iter().map(|own| own["code"].clone()).collect();
    assert_eq!(codes, [ALWAYS], "{}", well.out);
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let case = CASES.iter().copied().flatten().find(|case| case.name == fault.name);
        let Some(case) = case else {
            wrong.push(format!("{}: nothing brings it about", fault.name));
            continue;
        };
        scene.reset();
        let ran = (case.provoke)(&scene);
        wrong.extend(judge(case, fault.code, &ran));
    }
    let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    for case in CASES.iter().copied().flatten() {
        assert!(names.contains(case.name), "{} stands in no row", case.name);
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// The page has a row for each fault, and leads to pages that there are.
#[test]
fn the_page_of_faults_leads_to_the_findings() {
    let docs = billhook_testkit::own_crate().join("../../docs");
    let page = fs::read_to_string(docs.join("faults.md")).unwrap();
    for fault in FAULTS {
        let link = format!("findings/{}.md", fault.code);
        let row = format!("| {} | [`{}`]({link}) |", fault.wrong, fault.code);
        assert!(page.contains(&row), "{row}");
        assert!(docs.join(&link).exists(), "{link}");
    }
}

//! The gate as its clients see it: signatures, roles, buckets, and reports.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use super::http::Request;
use super::policy::Policy;
use super::signature::sign;
use super::{Bucket, Cloud, CostExplorerState, Export, Role, User, World};
use crate::render::cost_explorer::ApiError;

const VENDOR: &str = "111122223333";
const PAYER: &str = "444455556666";
const KEY: [&str; 2] = ["AKIAREADER", "secret of the reader"];
const ROLE: &str = "arn:aws:iam::444455556666:role/billhook";
const NOW: &str = "20260819T120000Z";

/// A port that nobody listens on.
const NOWHERE: &str = "http://127.0.0.1:1";

fn document(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn identity(statements: &Value) -> Policy {
    Policy::identity(&document(statements)).expect("a policy")
}

/// A vendor's user, and a payer's role for it, with an external id and policies.
fn world() -> World {
    let mut world = World::new();
    let assume = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE});
    let user = User::new(VENDOR, "reader").with_key(KEY[0], KEY[1]);
    world.users.push(user.with_policy(identity(&assume)));
    let trust = Policy::trust(&document(&json!({
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{VENDOR}:root")},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "id-of-the-payer"}},
    })));
    let list = json!({
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::bills",
        "Condition": {"StringLike": {"s3:prefix": ["reports/*"]}},
    });
    let read =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bills/*"});
    let costs = json!({"Effect": "Allow", "Action": ["ce:Get*", "cur:*", "organizations:List*"],
                       "Resource": "*"});
    let role = Role::new(PAYER, "billhook", trust.expect("a policy"));
    world.roles.push(role.with_policy(identity(&json!([list, read, costs]))));
    world.buckets.insert("bills".to_owned(), Bucket::new(PAYER, "eu-central-1"));
    world
}

/// Who signs: id, secret, session token.
#[derive(Clone, Debug)]
struct Signer(String, String, Option<String>);

fn reader() -> Signer {
    Signer(KEY[0].to_owned(), KEY[1].to_owned(), None)
}

/// Status, head and body of an answer.
struct Answer {
    status: String,
    head: String,
    body: String,
}

fn send(cloud: &Cloud, request: &Request) -> Answer {
    let mut stream = TcpStream::connect(cloud.address).expect("a connection");
    let mark = if request.query.is_empty() { "" } else { "?" };
    let Request { method, path, query, .. } = request;
    let mut text = format!("{method} {path}{mark}{query} HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        text.push_str(&[name.as_str(), ": ", value, "\r\n"].concat());
    }
    write!(stream, "{text}Content-Length: {}\r\n\r\n", request.body.len()).expect("sent");
    stream.write_all(&request.body).expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("received");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).expect("a status").to_owned();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Signs a request for `[region, service]` and sends it.
fn signed(cloud: &Cloud, mut request: Request, scope: [&str; 2], signer: &Signer) -> Answer {
    request.headers.push(("host".to_owned(), cloud.address.to_string()));
    if let Some(token) = &signer.2 {
        request.headers.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    sign(&mut request, NOW, scope, [&signer.0, &signer.1]);
    send(cloud, &request)
}

fn form(fields: &[(&str, &str)]) -> Request {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
        .collect();
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        )],
        body: fields.join("&").into_bytes(),
        ..Request::default()
    }
}

fn target(target: &str, body: &Value) -> Request {
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("x-amz-target".to_owned(), target.to_owned())],
        body: body.to_string().into_bytes(),
        ..Request::default()
    }
}

fn get(path: &str, query: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned())],
        ..Request::default()
    }
}

const STS: [&str; 2] = ["eu-central-1", "sts"];
const S3: [&str; 2] = ["eu-central-1", "s3"];

fn assume(cloud: &Cloud, signer: &Signer, more: &[(&str, &str)]) -> Answer {
    let fields = [("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "billhook")];
    signed(cloud, form(&[&fields[..], more].concat()), STS, signer)
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).expect("the element");
    rest.split('<').next().expect("a text").to_owned()
}

/// Credentials of the payer's role.
fn session(cloud: &Cloud) -> Signer {
    let answer = assume(cloud, &reader(), &[("ExternalId", "id-of-the-payer")]);
    assert_eq!(answer.status, "200", "{}", answer.body);
    let part = |name: &str| element(&answer.body, name);
    Signer(part("AccessKeyId"), part("SecretAccessKey"), Some(part("SessionToken")))
}

#[test]
fn signatures_tell_who_calls() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    let identity = || form(&[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]);
    let answer = signed(&cloud, identity(), STS, &reader());
    assert_eq!(answer.status, "200", "{}", answer.body);
    assert_eq!(element(&answer.body, "Arn"), "arn:aws:iam::111122223333:user/reader");
    assert_eq!(element(&answer.body, "Account"), VENDOR);
    let wrong = Signer("AKIAREADER".to_owned(), "guess".to_owned(), None);
    let nobody = Signer("AKIANOBODY".to_owned(), "guess".to_owned(), None);
    let list = || target("AWSOrganizationsV20161128.ListAccounts", &json!({}));
    for (signer, query, s3, json) in [
        (&wrong, "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"),
        (&nobody, "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"),
    ] {
        let answer = signed(&cloud, identity(), STS, signer);
        assert_eq!(
            (answer.status.as_str(), element(&answer.body, "Code").as_str()),
            ("403", query)
        );
        let answer = signed(&cloud, get("/bills", ""), S3, signer);
        assert_eq!((answer.status.as_str(), element(&answer.body, "Code").as_str()), ("403", s3));
        let answer = signed(&cloud, list(), ["us-east-1", "organizations"], signer);
        assert_eq!(answer.status, "400");
        assert!(answer.body.contains(json), "{}", answer.body);
    }
    let answer = signed(&cloud, list(), ["eu-central-1", "organizations"], &reader());
    assert!(answer.body.contains("valid region"), "{}", answer.body);
    cloud.world(|world| world.clock_ahead_seconds = 3_600);
    let answer = signed(&cloud, get("/bills", ""), S3, &reader());
    assert_eq!(element(&answer.body, "Code"), "RequestTimeTooSkewed");
    let answer = signed(&cloud, identity(), STS, &reader());
    assert!(answer.body.contains("Signature expired"), "{}", answer.body);
    cloud.world(|world| {
        world.clock_ahead_seconds = 0;
        world.key_mut(KEY[0]).expect("the key").disabled = true;
    });
    let answer = signed(&cloud, identity(), STS, &reader());
    assert_eq!(element(&answer.body, "Code"), "InvalidClientTokenId");
}

#[test]
fn roles_are_assumed_with_the_external_id_only() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    for more in [&[][..], &[("ExternalId", "id-of-another")][..]] {
        let answer = assume(&cloud, &reader(), more);
        assert_eq!(answer.status, "403");
        assert_eq!(element(&answer.body, "Code"), "AccessDenied");
        let message = "User: arn:aws:iam::111122223333:user/reader is not authorized to perform: \
                       sts:AssumeRole on resource: arn:aws:iam::444455556666:role/billhook";
        assert_eq!(element(&answer.body, "Message"), message);
    }
    let right = ("ExternalId", "id-of-the-payer");
    for seconds in ["899", "3601", "43201"] {
        let answer = assume(&cloud, &reader(), &[right, ("DurationSeconds", seconds)]);
        assert_eq!(answer.status, "400");
        assert_eq!(element(&answer.body, "Code"), "ValidationError");
    }
    let signer = session(&cloud);
    let answer = signed(&cloud, form(&[("Action", "GetCallerIdentity")]), STS, &signer);
    let arn = "arn:aws:sts::444455556666:assumed-role/billhook/billhook";
    assert_eq!(element(&answer.body, "Arn"), arn);
    let without = Signer(signer.0.clone(), signer.1.clone(), None);
    let answer = signed(&cloud, form(&[("Action", "GetCallerIdentity")]), STS, &without);
    assert_eq!(element(&answer.body, "Code"), "InvalidClientTokenId");
    cloud.world(|world| world.session_age_seconds = 3_600);
    let answer = signed(&cloud, form(&[("Action", "GetCallerIdentity")]), STS, &signer);
    assert_eq!(element(&answer.body, "Code"), "ExpiredToken");
    // A session that begins now is young.
    let young = session(&cloud);
    let answer = signed(&cloud, form(&[("Action", "GetCallerIdentity")]), STS, &young);
    assert_eq!(answer.status, "200");
    cloud.world(|world| {
        world.sts_off.insert("eu-central-1".to_owned());
    });
    let answer = assume(&cloud, &reader(), &[right]);
    assert_eq!(element(&answer.body, "Code"), "RegionDisabledException");
}

/// An emulator that answers everything with `status` and `NoSuchKey`, once for each of `times`.
fn emulator(times: usize, status: u16) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serve = move || {
        let mut starts = Vec::new();
        for _ in 0..times {
            let (mut stream, _) = listener.accept().expect("a connection");
            let request = Request::read(&mut stream).expect("read").expect("a request");
            starts.push(format!("{} {}?{}", request.method, request.path, request.query));
            let body = "<Error><Code>NoSuchKey</Code></Error>";
            let length = body.len();
            // At once: who asks for the head only goes away after it.
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).expect("sent");
        }
        starts
    };
    (url, thread::spawn(serve))
}

#[test]
fn buckets_are_read_as_policies_say() {
    let (url, emulator) = emulator(3, 404);
    let cloud = Cloud::start(&url, world()).expect("a cloud");
    let signer = session(&cloud);
    let ask = |request: Request| signed(&cloud, request, S3, &signer);
    let code = |answer: &Answer| element(&answer.body, "Code");
    let answer = ask(get("/bills", "list-type=2&prefix=other%2F"));
    assert_eq!((answer.status.as_str(), code(&answer).as_str()), ("403", "AccessDenied"));
    let message = "User: arn:aws:sts::444455556666:assumed-role/billhook/billhook is not \
                   authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::bills\" \
                   because no identity-based policy allows the s3:ListBucket action";
    assert_eq!(element(&answer.body, "Message"), message);
    // Through to the emulator, whose answer comes back.
    assert_eq!(ask(get("/bills", "list-type=2&prefix=reports%2F")).status, "404");
    // Who may list some prefix only is not told what is missing.
    let answer = ask(get("/bills/reports/a%20b", ""));
    assert_eq!((answer.status.as_str(), code(&answer).as_str()), ("403", "AccessDenied"));
    assert_eq!(code(&ask(get("/Bills/x", ""))), "NoSuchBucket");
    let answer = signed(&cloud, get("/bills/x", ""), ["eu-west-1", "s3"], &signer);
    assert_eq!((answer.status.as_str(), code(&answer).as_str()), ("301", "PermanentRedirect"));
    assert!(answer.head.contains("x-amz-bucket-region: eu-central-1"), "{}", answer.head);
    let answer = signed(&cloud, get("/bills/x", ""), ["us-east-1", "s3"], &signer);
    assert_eq!(element(&answer.body, "Region"), "eu-central-1");
    cloud.world(|world| {
        let key = "arn:aws:kms:eu-central-1:444455556666:key/k";
        let bucket = Bucket::new(PAYER, "eu-central-1").with_kms_key(key);
        world.buckets.insert("bills".to_owned(), bucket);
    });
    assert!(element(&ask(get("/bills/x", "")).body, "Message").contains("kms:Decrypt"));
    let answer = send(&cloud, &get("/bills/x", ""));
    assert_eq!(element(&answer.body, "Message"), "Access Denied");
    cloud.world(|world| {
        world.buckets.insert("bills".to_owned(), Bucket::new(PAYER, "eu-central-1"));
        let open = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                          "Resource": "arn:aws:s3:::bills/*"});
        assert!(world.set_bucket_policy("other", &document(&open)).is_err());
        world.set_bucket_policy("bills", &document(&open)).expect("a policy");
        world.throttle("s3:Get*", 1);
    });
    assert_eq!(code(&send(&cloud, &get("/bills/x", ""))), "SlowDown");
    send(&cloud, &get("/bills/x", ""));
    let starts = emulator.join().expect("the emulator");
    let expected =
        ["GET /bills?list-type=2&prefix=reports%2F", "GET /bills/reports/a%20b?", "GET /bills/x?"];
    assert_eq!(starts, expected);
    assert!(cloud.actions().contains("s3:GetObject"));
    assert_eq!(cloud.count("kms:Decrypt"), 1);
}

#[test]
fn an_action_can_be_taken_away() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    cloud.world(|world| {
        let answer =
            |operation: &str, _: &Value| Ok::<_, ApiError>(json!({"operation": operation}));
        world.cost_answers.insert(PAYER.to_owned(), std::sync::Arc::new(answer));
    });
    let signer = session(&cloud);
    let ask = |granularity: &str| {
        let body = json!({"Granularity": granularity});
        let request = target("AWSInsightsIndexService.GetCostAndUsage", &body);
        let answer = signed(&cloud, request, ["us-east-1", "ce"], &signer);
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        (answer.status, body)
    };
    let refused = |(status, body): (String, Value), code: &str| {
        assert_eq!((status.as_str(), &body["__type"]), ("400", &Value::from(code)), "{body}");
        body["Message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(ask("DAILY"), ("200".to_owned(), json!({"operation": "GetCostAndUsage"})));
    refused(ask("HOURLY"), "AccessDeniedException");
    cloud.world(|world| world.cost_explorer = CostExplorerState::Hourly);
    assert_eq!(ask("HOURLY").0, "200");
    cloud.world(|world| world.withdraw("ce:GetCostAndUsage"));
    let message = refused(ask("DAILY"), "AccessDeniedException");
    let end = "because no identity-based policy allows the ce:GetCostAndUsage action";
    assert!(message.ends_with(end), "{message}");
    cloud.world(|world| {
        world.restore();
        world.throttle("ce:*", 1);
    });
    refused(ask("DAILY"), "ThrottlingException");
    assert_eq!(ask("DAILY").0, "200");
    cloud.world(|world| world.cost_explorer = CostExplorerState::NotEnabled);
    let message = refused(ask("DAILY"), "AccessDeniedException");
    assert_eq!(message, "User not enabled for cost explorer access");
    assert_eq!(cloud.count("ce:GetCostAndUsage"), 7);
    let list = target("AWSOrganizationsV20161128.ListAccounts", &json!({}));
    let answer = signed(&cloud, list, ["us-east-1", "organizations"], &signer);
    assert!(answer.body.contains("AWSOrganizationsNotInUseException"), "{}", answer.body);
}

#[test]
fn reports_are_defined_and_come_in_pages_of_five() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    let signer = session(&cloud);
    let ask = |operation: &str, body: &Value| {
        let request = target(&format!("AWSOrigamiServiceGatewayService.{operation}"), body);
        let answer = signed(&cloud, request, ["us-east-1", "cur"], &signer);
        serde_json::from_str::<Value>(&answer.body).expect("JSON")
    };
    let put = |name: &str| {
        let definition = json!({
            "ReportName": name, "TimeUnit": "HOURLY", "Format": "textORcsv", "Compression": "GZIP",
            "AdditionalSchemaElements": ["RESOURCES"], "S3Bucket": "bills", "S3Prefix": "reports",
            "S3Region": "eu-central-1",
        });
        ask("PutReportDefinition", &json!({"ReportDefinition": definition}))
    };
    let refusal = put("r0");
    assert_eq!(refusal["__type"], "ValidationException");
    assert_eq!(refusal["Message"], "Failed to verify customer bucket permission.");
    let conditions = json!({"StringEquals": {
        "aws:SourceAccount": PAYER,
        "aws:SourceArn": format!("arn:aws:cur:us-east-1:{PAYER}:definition/*"),
    }});
    let service = json!({"Service": "billingreports.amazonaws.com"});
    let policy = document(&json!([
        {"Effect": "Allow", "Principal": service, "Condition": conditions,
         "Action": ["s3:GetBucketAcl", "s3:GetBucketPolicy"], "Resource": "arn:aws:s3:::bills"},
        {"Effect": "Allow", "Principal": service, "Condition": conditions,
         "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bills/*"},
    ]));
    cloud.world(|world| world.set_bucket_policy("bills", &policy)).expect("a policy");
    for number in 0..10 {
        assert_eq!(put(&format!("r{number}")), json!({}));
    }
    assert_eq!(put("r3")["__type"], "DuplicateReportNameException");
    assert_eq!(put("r10")["__type"], "ReportLimitReachedException");
    assert_eq!(
        ask("DeleteReportDefinition", &json!({"ReportName": "rx"}))["__type"],
        "ValidationException"
    );
    assert!(
        ask("DeleteReportDefinition", &json!({"ReportName": "r9"}))["ResponseMessage"].is_string()
    );
    let (mut names, mut sizes, mut body) = (Vec::new(), Vec::new(), json!({}));
    loop {
        let page = ask("DescribeReportDefinitions", &body);
        let definitions = page["ReportDefinitions"].as_array().expect("definitions").clone();
        sizes.push(definitions.len());
        names.extend(definitions.into_iter().map(|own| own["ReportName"].clone()));
        match page.get("NextToken") {
            Some(token) => body = json!({"NextToken": token, "MaxResults": 5}),
            None => break,
        }
    }
    assert_eq!(sizes, [5, 4]);
    assert_eq!(names, (0..9).map(|number| Value::from(format!("r{number}"))).collect::<Vec<_>>());
    for wrong in [json!({"MaxResults": 4}), json!({"NextToken": "other"})] {
        assert_eq!(ask("DescribeReportDefinitions", &wrong)["__type"], "ValidationException");
    }
}

/// Lets the payer's role do more.
fn allow(cloud: &Cloud, actions: &[&str], resource: &str) {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    cloud.world(|world| {
        let role = world.role_mut(ROLE).expect("the role");
        role.policies.push(identity(&statement));
    });
}

#[test]
fn buckets_are_made_and_opened() {
    let (url, emulator) = emulator(2, 200);
    let cloud = Cloud::start(&url, world()).expect("a cloud");
    let signer = session(&cloud);
    let ask = |method: &str, query: &str, body: &str| {
        let mut request = get("/orders", query);
        request.method = method.to_owned();
        request.body = body.as_bytes().to_vec();
        signed(&cloud, request, S3, &signer)
    };
    let code = |answer: &Answer| element(&answer.body, "Code");
    let region = "x-amz-bucket-region: eu-central-1";
    assert_eq!(ask("HEAD", "", "").status, "404");
    let place = "<CreateBucketConfiguration><LocationConstraint>eu-central-1\
                 </LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(code(&ask("PUT", "", place)), "AccessDenied");
    allow(&cloud, &["s3:CreateBucket", "s3:PutBucketPolicy"], "arn:aws:s3:::orders");
    assert_eq!(ask("PUT", "", place).status, "200");
    let made = cloud.world(|world| world.buckets.get("orders").cloned()).expect("a bucket");
    assert_eq!((made.owner.as_str(), made.region.as_str()), (PAYER, "eu-central-1"));
    let answer = ask("HEAD", "", "");
    assert!(answer.status == "403" && answer.head.contains(region), "{}", answer.head);
    let policy = document(&json!({
        "Effect": "Allow", "Principal": {"Service": "billingreports.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": "arn:aws:s3:::orders/*",
    }));
    assert_eq!(code(&ask("PUT", "policy", "{}")), "MalformedPolicy");
    assert_eq!(code(&ask("GET", "policy", "")), "AccessDenied");
    allow(&cloud, &["s3:GetBucketPolicy", "s3:ListBucket"], "arn:aws:s3:::orders");
    assert_eq!(code(&ask("GET", "policy", "")), "NoSuchBucketPolicy");
    assert_eq!(ask("PUT", "policy", &policy).status, "204");
    assert_eq!(ask("GET", "policy", "").body, policy);
    let object = "arn:aws:s3:::orders/x";
    let may = cloud.world(|world| {
        world.service_may("billingreports.amazonaws.com", "s3:PutObject", object, PAYER, "")
    });
    assert!(may);
    let answer = ask("HEAD", "", "");
    assert!(answer.status == "200" && answer.head.contains(region), "{}", answer.head);
    assert_eq!(emulator.join().expect("the emulator"), ["PUT /orders?", "HEAD /orders?"]);
}

#[test]
fn reports_and_exports_tell_how_they_are() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    let signer = session(&cloud);
    allow(&cloud, &["bcm-data-exports:*"], "*");
    let report = json!({"ReportName": "r", "ReportStatus": {"lastStatus": "ERROR_PERMISSIONS"}});
    let export = Export::new(PAYER, json!({"Name": "e"}), "2026-01-31T23:59:59Z");
    let export = export.unhealthy("INSUFFICIENT_PERMISSION");
    let arn = export.arn.clone();
    cloud.world(|world| {
        world.reports.insert(PAYER.to_owned(), vec![report.clone()]);
        world.exports.insert(PAYER.to_owned(), vec![export]);
    });
    let ask = |service: &str, name: &str, body: &Value| {
        let answer = signed(&cloud, target(name, body), ["us-east-1", service], &signer);
        serde_json::from_str::<Value>(&answer.body).expect("JSON")
    };
    let described =
        ask("cur", "AWSOrigamiServiceGatewayService.DescribeReportDefinitions", &json!({}));
    assert_eq!(described, json!({"ReportDefinitions": [report]}));
    let exports = |operation: &str, body: &Value| {
        let name = format!("AWSBillingAndCostManagementDataExports.{operation}");
        ask("bcm-data-exports", &name, body)
    };
    let listed = exports("ListExports", &json!({}));
    let status = json!({
        "StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION",
        "CreatedAt": "2026-01-31T23:59:59Z", "LastUpdatedAt": "2026-01-31T23:59:59Z",
    });
    let reference = json!({"ExportArn": arn, "ExportName": "e", "ExportStatus": status});
    assert_eq!(listed, json!({"Exports": [reference]}));
    let got = exports("GetExport", &json!({"ExportArn": arn}));
    let expected = json!({"Export": {"ExportArn": arn, "Name": "e"}, "ExportStatus": status});
    assert_eq!(got, expected);
    let got = exports("GetExport", &json!({"ExportArn": "arn:other"}));
    assert_eq!(got["__type"], "ResourceNotFoundException");
}

#[test]
fn each_question_about_an_organisation_is_an_action() {
    let cloud = Cloud::start(NOWHERE, world()).expect("a cloud");
    let signer = session(&cloud);
    cloud.world(|world| world.management_account = Some(PAYER.to_owned()));
    for operation in [
        "ListAccounts",
        "ListRoots",
        "ListOrganizationalUnitsForParent",
        "ListAccountsForParent",
        "ListTagsForResource",
    ] {
        let ask = || {
            let name = format!("AWSOrganizationsV20161128.{operation}");
            let request = target(&name, &json!({}));
            signed(&cloud, request, ["us-east-1", "organizations"], &signer)
        };
        cloud.world(|world| world.withdraw(&format!("organizations:{operation}")));
        let answer = ask();
        assert!(answer.body.contains("AccessDeniedException"), "{}", answer.body);
        cloud.world(World::restore);
        // Let through, it meets no emulator.
        assert_eq!(ask().status, "502", "{operation}");
    }
}

//! The policy language against what AWS's pages say of it.

use serde_json::{Value, json};

use super::{Ask, Context, Denial, Grounds, Policy, Principal, arn_fits, decide, fits};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

fn user(account: &str) -> Principal {
    let arn = format!("arn:aws:iam::{account}:user/reader");
    Principal::User { account: account.to_owned(), arn }
}

fn session(account: &str) -> Principal {
    Principal::Session {
        account: account.to_owned(),
        arn: format!("arn:aws:sts::{account}:assumed-role/reader/s1"),
        role: format!("arn:aws:iam::{account}:role/reader"),
    }
}

fn document(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// What `policies` say to an action of a user of the resource's account.
fn ask(policies: &[Value], action: &str, resource: &str, context: &Context) -> Result<(), Denial> {
    let policies: Vec<Policy> =
        policies.iter().map(|one| Policy::identity(&document(one)).expect("a policy")).collect();
    let grounds = Grounds {
        principal: &user(OWN),
        identity: &policies,
        owner: OWN,
        resource: None,
        must_agree: false,
    };
    decide(&Ask { action, resource, context }, &grounds)
}

/// What a resource's policy and policies of one's own say to reading an object.
fn read(
    principal: &Principal,
    own: Option<&Value>,
    bucket: Option<&Value>,
    must_agree: bool,
) -> Result<(), Denial> {
    let own: Vec<Policy> =
        own.iter().map(|one| Policy::identity(&document(one)).expect("a policy")).collect();
    let bucket = bucket.map(|one| Policy::resource(&document(one)).expect("a policy"));
    let context = Context::new();
    let ask = Ask { action: "s3:GetObject", resource: "arn:aws:s3:::bills/a", context: &context };
    let grounds =
        Grounds { principal, identity: &own, owner: OWN, resource: bucket.as_ref(), must_agree };
    decide(&ask, &grounds)
}

fn bucket_allows(principal: &Value) -> Value {
    let resource = "arn:aws:s3:::bills/*";
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": resource})
}

#[test]
fn stars_and_question_marks() {
    for (pattern, text) in [
        ("*", ""),
        ("*", "anything"),
        ("a*c", "ac"),
        ("a*c", "abcbc"),
        ("a?c", "abc"),
        ("*a*b*", "xxaxxbxx"),
        ("s3:get*", "s3:getobject"),
        ("a**", "a"),
    ] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("a?c", "ac"), ("a*c", "acb"), ("", "a"), ("?", ""), ("ab", "abc")] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
    assert!(arn_fits("arn:aws:s3:::bills/*", "arn:aws:s3:::bills/a/b:c"));
    assert!(arn_fits("arn:*:cur:*:1:definition/*", "arn:aws:cur:us-east-1:1:definition/x"));
    assert!(!arn_fits("arn:aws:s3:*", "arn:aws:s3:::bills"));
    assert!(!arn_fits("arn:aws:s3:::bills/*", "*"));
}

#[test]
fn denials_outweigh_and_silence_is_no() {
    let context = Context::new();
    let read = |policies: &[Value]| ask(policies, "s3:GetObject", "arn:aws:s3:::b/k", &context);
    assert_eq!(read(&[]), Err(Denial::NoIdentity));
    assert_eq!(read(&[allow("s3:Get*", "arn:aws:s3:::b/*")]), Ok(()));
    assert_eq!(read(&[allow("S3:GETOBJECT", "*")]), Ok(()));
    assert_eq!(read(&[allow("s3:GetObject", "arn:aws:s3:::B/*")]), Err(Denial::NoIdentity));
    assert_eq!(read(&[allow("s3:GetObject", "arn:aws:s3:::b")]), Err(Denial::NoIdentity));
    let deny = json!({"Effect": "Deny", "NotAction": "s3:List*", "Resource": "*"});
    assert_eq!(read(&[allow("*", "*"), deny.clone()]), Err(Denial::ExplicitIdentity));
    let list = |policies: &[Value]| ask(policies, "s3:ListBucket", "arn:aws:s3:::b", &context);
    assert_eq!(list(&[json!([allow("*", "*"), deny])]), Ok(()));
    let but =
        json!({"Effect": "Allow", "Action": ["s3:ListBucket"], "NotResource": "arn:aws:s3:::b"});
    assert_eq!(list(&[but]), Err(Denial::NoIdentity));
    // An action without resources is only allowed on all.
    let costs = |resource: &str| ask(&[allow("ce:Get*", resource)], "ce:GetTags", "*", &context);
    assert_eq!(costs("*"), Ok(()));
    assert_eq!(costs("arn:aws:ce:*:*:/*"), Err(Denial::NoIdentity));
}

#[test]
fn conditions() {
    let holds = |condition: &Value, context: &Context| {
        let mut statement = allow("s3:ListBucket", "*");
        statement["Condition"] = condition.clone();
        ask(&[statement], "s3:ListBucket", "arn:aws:s3:::b", context).is_ok()
    };
    let none = Context::new();
    let at = |prefix: &str| Context::new().with("s3:prefix", prefix);
    let like = json!({"StringLike": {"s3:Prefix": ["reports/*", "reports"]}});
    assert!(holds(&like, &at("reports/2026")) && holds(&like, &at("reports")));
    assert!(!holds(&like, &at("other/reports/")) && !holds(&like, &none));
    let equal = json!({"StringEquals": {"s3:prefix": "a*"}});
    assert!(holds(&equal, &at("a*")) && !holds(&equal, &at("ab")));
    let not = json!({"StringNotEquals": {"s3:prefix": ["a", "b"]}});
    assert!(holds(&not, &at("c")) && !holds(&not, &at("b")) && holds(&not, &none));
    let if_exists = json!({"StringEqualsIfExists": {"s3:prefix": "a"}});
    assert!(holds(&if_exists, &none) && holds(&if_exists, &at("a")));
    assert!(!holds(&if_exists, &at("b")));
    let secure = |wanted: Value| json!({"Bool": {"aws:SecureTransport": wanted}});
    let safe = Context::new().with("aws:securetransport", "true");
    assert!(holds(&secure(json!(true)), &safe) && holds(&secure(json!("true")), &safe));
    assert!(!holds(&secure(json!("false")), &safe) && !holds(&secure(json!(true)), &none));
    let source = json!({"ArnLike": {"aws:SourceArn": "arn:aws:cur:us-east-1:1:definition/*"}});
    let from = |arn: &str| Context::new().with("aws:SourceArn", arn);
    assert!(holds(&source, &from("arn:aws:cur:us-east-1:1:definition/x")));
    assert!(!holds(&source, &from("arn:aws:cur:us-east-1:2:definition/x")));
    let absent = json!({"Null": {"s3:prefix": "true"}});
    assert!(holds(&absent, &none) && !holds(&absent, &at("a")));
    // All keys of all operators must hold.
    let both = json!({"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}});
    assert!(!holds(&both, &at("a")));
    assert!(holds(&both, &at("a").with("s3:delimiter", "/")));
}

#[test]
fn one_side_within_an_account_and_both_between_accounts() {
    let own = allow("s3:GetObject", "arn:aws:s3:::bills/*");
    let named = bucket_allows(&json!({"AWS": "arn:aws:iam::111122223333:user/reader"}));
    let account = bucket_allows(&json!({"AWS": OWN}));
    let root = bucket_allows(&json!({"AWS": [format!("arn:aws:iam::{OTHER}:root")]}));
    let role = bucket_allows(&json!({"AWS": format!("arn:aws:iam::{OTHER}:role/reader")}));
    let anyone = bucket_allows(&json!("*"));
    let same = user(OWN);
    assert_eq!(read(&same, Some(&own), None, false), Ok(()));
    assert_eq!(read(&same, None, Some(&named), false), Ok(()));
    assert_eq!(read(&same, None, Some(&anyone), false), Ok(()));
    assert_eq!(read(&same, None, Some(&account), false), Err(Denial::NoIdentity));
    assert_eq!(read(&same, Some(&own), None, true), Err(Denial::NoResource));
    assert_eq!(read(&same, Some(&own), Some(&account), true), Ok(()));
    let other = session(OTHER);
    assert_eq!(read(&other, Some(&own), None, false), Err(Denial::NoResource));
    for bucket in [&root, &role, &anyone] {
        assert_eq!(read(&other, None, Some(bucket), false), Err(Denial::NoIdentity));
        assert_eq!(read(&other, Some(&own), Some(bucket), false), Ok(()));
    }
    assert_eq!(read(&user(OTHER), Some(&own), Some(&role), false), Err(Denial::NoResource));
    assert_eq!(read(&Principal::Nobody, None, Some(&anyone), false), Ok(()));
    assert_eq!(read(&Principal::Nobody, None, Some(&root), false), Err(Denial::NoResource));
    let mut deny = anyone.clone();
    deny["Effect"] = json!("Deny");
    assert_eq!(read(&same, Some(&own), Some(&deny), false), Err(Denial::ExplicitResource));
}

#[test]
fn services_deliver_where_the_bucket_lets_them() {
    let policy = document(&json!({
        "Effect": "Allow",
        "Principal": {"Service": "billingreports.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bills/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": OWN}},
    }));
    let policy = Policy::resource(&policy).expect("a policy");
    let says = |service: &str, account: &str| {
        let context = Context::new().with("aws:SourceAccount", account);
        let ask =
            Ask { action: "s3:GetObject", resource: "arn:aws:s3:::bills/a", context: &context };
        let principal = Principal::Service(service.to_owned());
        let grounds = Grounds {
            principal: &principal,
            identity: &[],
            owner: OWN,
            resource: Some(&policy),
            must_agree: false,
        };
        decide(&ask, &grounds).is_ok()
    };
    assert!(says("billingreports.amazonaws.com", OWN));
    assert!(!says("billingreports.amazonaws.com", OTHER));
    assert!(!says("bcm-data-exports.amazonaws.com", OWN));
}

#[test]
fn what_aws_refuses_is_refused() {
    let bad = |statement: &Value| Policy::identity(&document(statement)).is_err();
    let with = |name: &str, value: Value| {
        let mut statement = allow("s3:GetObject", "*");
        statement[name] = value;
        statement
    };
    assert!(!bad(&with("Sid", json!("ReadBills1"))));
    assert!(bad(&with("Sid", json!("Read bills"))));
    assert!(bad(&json!([with("Sid", json!("A")), with("Sid", json!("A"))])));
    assert!(bad(&with("Effect", json!("allow"))));
    assert!(bad(&with("Action", json!("GetObject"))));
    assert!(bad(&with("Action", json!([]))));
    assert!(bad(&with("NotAction", json!("s3:*"))));
    assert!(bad(&with("Resource", json!("bills/*"))));
    assert!(bad(&with("Principal", json!("*"))));
    assert!(bad(&with("Actions", json!("s3:*"))));
    assert!(bad(&with("Condition", json!({"StringLikes": {"s3:prefix": "a"}}))));
    assert!(bad(&with("Condition", json!({"StringLike": {"prefix": "a"}}))));
    assert!(bad(&json!([])));
    assert!(Policy::identity("{").is_err());
    assert!(Policy::identity(r#"{"Version": "2013-01-01", "Statement": []}"#).is_err());
    let trust = |principal: &Value, action: &str| {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action});
        Policy::trust(&document(&statement)).is_ok()
    };
    assert!(trust(&json!({"AWS": OTHER}), "sts:AssumeRole"));
    assert!(!trust(&json!({"AWS": OTHER}), "s3:GetObject"));
    assert!(!trust(&json!({"AWS": "arn:aws:iam::444455556666:*"}), "sts:AssumeRole"));
    assert!(!trust(&json!({"AWS": "44445555666"}), "sts:AssumeRole"));
    let policy = document(&allow("sts:AssumeRole", "*"));
    assert!(Policy::trust(&policy).is_err() && Policy::resource(&policy).is_err());
}

//! The Helm chart: it renders, and what it starts is a server that its probes find ready.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use billhook_testkit::own_crate;
use serde_json::{Value, json};

use crate::serve::Serving;
use crate::support::{Home, python};

/// YAML documents as JSON.
const READ: &str =
    "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";

fn helm(python: &Path, args: &[&str]) -> String {
    let chart = chart();
    let mut command = Command::new(python.with_file_name("helm"));
    let output = command.args(args).arg(chart).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn chart() -> PathBuf {
    own_crate().join("../../deploy/helm/billhook")
}

/// What the chart makes with these values.
fn rendered(python: &Path, values: &[&str]) -> Vec<Value> {
    let sets = values.iter().flat_map(|value| ["--set-string", value]);
    let args: Vec<&str> = ["template", "acme"].into_iter().chain(sets).collect();
    let text = helm(python, &args);
    let mut command = Command::new(python);
    command.args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reading = command.spawn().unwrap();
    reading.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    serde_json::from_slice(&reading.wait_with_output().unwrap().stdout).unwrap()
}

fn kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents.iter().find(|document| document["kind"] == kind).unwrap()
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    documents.iter().filter_map(|document| document["kind"].as_str()).collect()
}

/// The variables that a pod has.
fn variables(documents: &[Value]) -> BTreeMap<String, String> {
    let container = &kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let own = container["env"].as_array().unwrap().iter();
    let mut all: BTreeMap<String, String> = own
        .map(|one| [&one["name"], &one["value"]].map(|text| text.as_str().unwrap().to_owned()))
        .map(|[name, value]| (name, value))
        .collect();
    if let Some(secret) = documents.iter().find(|document| document["kind"] == "Secret") {
        let from = &container["envFrom"][0]["secretRef"]["name"];
        assert_eq!(from, &secret["metadata"]["name"]);
        for (name, value) in secret["stringData"].as_object().unwrap() {
            all.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
    }
    all
}

#[test]
fn the_chart_starts_a_server_that_is_ready() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    helm(&python, &["lint", "--strict"]);
    let plain = rendered(&python, &[]);
    assert_eq!(kinds(&plain), ["PersistentVolumeClaim", "Service", "Deployment"]);
    let key = format!("secret.values.BILLHOOK_KEY={}", "5e".repeat(32));
    let all = rendered(
        &python,
        &[
            "settings.public_url=https://bills.example",
            "settings.log\\.format=json",
            "settings.limits\\.statement_seconds=300",
            "settings.sign_in\\.oidc_issuer=https://login.example/realms/acme",
            "settings.sign_in\\.oidc_client_id=billhook",
            "secret.values.BILLHOOK_SIGN_IN_OIDC_CLIENT_SECRET=hush",
            &key,
            "postgres.enabled=true",
            "storage.className=fast",
            "serviceAccountName=billing",
        ],
    );
    for documents in [&plain, &all] {
        let pod = &kind(documents, "Deployment")["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(container["args"], json!(["serve"]));
        let names = container["ports"].as_array().unwrap().iter().map(|port| &port["name"]);
        let names: Vec<&Value> = names.collect();
        for port in kind(documents, "Service")["spec"]["ports"].as_array().unwrap() {
            assert!(names.contains(&&port["targetPort"]), "{port}");
        }
        let home = Home::new();
        let mut variables = variables(documents);
        assert_eq!(variables.remove("BILLHOOK_HOME").as_deref(), Some("/data/home"));
        assert_eq!(variables["BILLHOOK_LISTEN"], "0.0.0.0:8080");
        variables.insert("BILLHOOK_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
        if let Some(address) = variables.get_mut("BILLHOOK_POSTGRES_LISTEN") {
            assert_eq!(address, "0.0.0.0:5432");
            "127.0.0.1:0".clone_into(address);
        }
        // A name that is no setting is refused.
        let given: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let serving = Serving::start_with(&home, &[], &given);
        for probe in ["livenessProbe", "readinessProbe"] {
            let path = container[probe]["httpGet"]["path"].as_str().unwrap();
            assert_eq!(serving.get(path).0, "200", "{path}");
        }
    }
    let tls = rendered(&python, &["postgres.enabled=true", "postgres.tlsSecret=wire"]);
    let pod = &kind(&tls, "Deployment")["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == "tls").unwrap();
    let folder = Path::new(mount["mountPath"].as_str().unwrap());
    for name in ["CERTIFICATE", "KEY"] {
        let path = &variables(&tls)[&format!("BILLHOOK_POSTGRES_TLS_{name}")];
        assert_eq!(Path::new(path).parent(), Some(folder));
    }
}

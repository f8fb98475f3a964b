//! Data Exports (`bcm-data-exports`, 2023-11-26): exports, their executions, and the tables.

mod tables;

use serde_json::{Value, json};

use super::call::Call;
use super::fault::Fault;
use super::json::{check_choice, check_name, page, text};
use super::world::{Need, World, id};

use tables::{check_query, get_table, list_tables, table_of};

/// Items on a page unless the caller wants fewer.
const PAGE_SIZE: u64 = 100;

/// Most that a caller may want.
const MAX_PAGE_SIZE: u64 = 300;

/// Who delivers.
const SERVICE: &str = "bcm-data-exports.amazonaws.com";

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// `arn:aws:bcm-data-exports:us-east-1:<account>:export/<name>-<uuid>`
    pub arn: String,
    /// The structure `Export` of the API.
    pub definition: Value,
    /// The structure `ExportStatus`.
    pub status: Value,
    /// Its executions: `ExecutionId` and `ExecutionStatus`.
    pub executions: Vec<Value>,
}

impl Export {
    /// A healthy export that has not run, made at `now` (`2026-01-31T23:59:59Z`).
    #[must_use]
    pub fn new(account: &str, definition: Value, now: &str) -> Self {
        let arn = arn(account, text(&definition, "/Name"));
        let status = json!({"StatusCode": "HEALTHY", "CreatedAt": now, "LastUpdatedAt": now});
        Self { arn, definition, status, executions: Vec::new() }
    }

    /// The same, unhealthy for a reason such as `INSUFFICIENT_PERMISSION`.
    #[must_use]
    pub fn unhealthy(mut self, reason: &str) -> Self {
        self.status["StatusCode"] = Value::from("UNHEALTHY");
        self.status["StatusReason"] = Value::from(reason);
        self
    }

    /// The same with one execution more; `status` as `DELIVERY_SUCCESS`, `now` as in
    /// [`new`](Self::new).
    #[must_use]
    pub fn with_execution(mut self, id: &str, status: &str, now: &str) -> Self {
        let times = json!({"StatusCode": status, "CreatedAt": now, "CompletedAt": now});
        self.executions.push(json!({"ExecutionId": id, "ExecutionStatus": times}));
        self.status["LastRefreshedAt"] = Value::from(now);
        self
    }

    /// The structure `Export` with its ARN.
    fn described(&self) -> Value {
        let mut definition = self.definition.clone();
        if let Some(fields) = definition.as_object_mut() {
            fields.insert("ExportArn".to_owned(), Value::from(self.arn.as_str()));
        }
        definition
    }

    fn name(&self) -> &str {
        text(&self.definition, "/Name")
    }
}

/// The ARN of an account's export; its UUID hangs on both.
fn arn(account: &str, name: &str) -> String {
    let mark = |part: &str, length: usize| {
        id(part, &format!("{account}/{name}"), length).to_ascii_lowercase()
    };
    let uuid = format!("{}-{}-4000-8000-{}", mark("a", 8), mark("b", 4), mark("c", 12));
    format!("arn:aws:bcm-data-exports:us-east-1:{account}:export/{name}-{uuid}")
}

/// What policies are asked. Who makes an export of costs must be allowed to make reports, too.
pub(super) fn needs(account: &str, call: &Call) -> Vec<Need> {
    let (action, body) = (call.action(), &call.body);
    let table = |name: &str| format!("arn:aws:bcm-data-exports:us-east-1:{account}:table/{name}");
    let queried = table(table_of(text(body, "/Export/DataQuery/QueryStatement")));
    match call.operation.as_str() {
        "ListExports" | "ListTables" => vec![Need::own(action, "*")],
        "GetTable" => vec![Need::own(action, table(text(body, "/TableName")))],
        "CreateExport" => {
            let name = text(body, "/Export/Name");
            let report = format!("arn:aws:cur:us-east-1:{account}:definition/{name}");
            vec![
                Need::own(action.clone(), arn(account, name)),
                Need::own(action, queried),
                Need::own("cur:PutReportDefinition", report),
            ]
        }
        "UpdateExport" => {
            vec![Need::own(action.clone(), text(body, "/ExportArn")), Need::own(action, queried)]
        }
        _ => vec![Need::own(action, text(body, "/ExportArn"))],
    }
}

/// Does what is asked at `now`.
pub(super) fn answer(
    world: &mut World,
    account: &str,
    operation: &str,
    body: &Value,
    now: &str,
) -> Result<Value, Fault> {
    match operation {
        "ListTables" => listing("Tables", &list_tables(), body),
        "GetTable" => get_table(body),
        "CreateExport" => create(world, account, body, now),
        "ListExports" => {
            let exports = world.exports.get(account).map(Vec::as_slice).unwrap_or_default();
            let reference = |export: &Export| {
                let (name, status) = (export.name(), &export.status);
                json!({"ExportArn": export.arn, "ExportName": name, "ExportStatus": status})
            };
            listing("Exports", &exports.iter().map(reference).collect::<Vec<_>>(), body)
        }
        "UpdateExport" => {
            check(world, account, &body["Export"])?;
            let export = find(world, account, body)?;
            export.definition.clone_from(&body["Export"]);
            export.status["LastUpdatedAt"] = Value::from(now);
            Ok(json!({"ExportArn": export.arn}))
        }
        "GetExport" => {
            let export = find(world, account, body)?;
            Ok(json!({"Export": export.described(), "ExportStatus": export.status}))
        }
        "DeleteExport" => {
            let arn = find(world, account, body)?.arn.clone();
            let exports = world.exports.entry(account.to_owned()).or_default();
            exports.retain(|export| export.arn != arn);
            Ok(json!({"ExportArn": arn}))
        }
        "ListExecutions" => listing("Executions", &find(world, account, body)?.executions, body),
        "GetExecution" => get_execution(find(world, account, body)?, body),
        other => Err(Fault::of("UnknownOperationException", format!("no operation {other}"))),
    }
}

fn get_execution(export: &Export, body: &Value) -> Result<Value, Fault> {
    let wanted = text(body, "/ExecutionId");
    let own = export.executions.iter().find(|own| text(own, "/ExecutionId") == wanted);
    let mut answer = own.cloned().ok_or_else(|| missing("execution", wanted))?;
    answer["Export"] = export.described();
    Ok(answer)
}

/// A page of `all` under its name.
fn listing(name: &str, all: &[Value], body: &Value) -> Result<Value, Fault> {
    let size = match body.get("MaxResults") {
        None | Some(Value::Null) => Some(PAGE_SIZE),
        Some(size) => size.as_u64().filter(|size| (1..=MAX_PAGE_SIZE).contains(size)),
    };
    let size = size.and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| Fault::validation("MaxResults must be from 1 to 300."))?;
    let (items, next) = page(all, body, size)?;
    let mut answer = json!({name: items});
    if let Some(next) = next {
        answer["NextToken"] = Value::from(next);
    }
    Ok(answer)
}

fn create(world: &mut World, account: &str, body: &Value, now: &str) -> Result<Value, Fault> {
    let definition = &body["Export"];
    check(world, account, definition)?;
    let export = Export::new(account, definition.clone(), now);
    let exports = world.exports.entry(account.to_owned()).or_default();
    if exports.iter().any(|own| own.name() == export.name()) {
        let message = format!("An export with the name {} already exists.", export.name());
        return Err(Fault::validation(message));
    }
    let answer = json!({"ExportArn": export.arn});
    exports.push(export);
    Ok(answer)
}

fn find<'a>(world: &'a mut World, account: &str, body: &Value) -> Result<&'a mut Export, Fault> {
    let wanted = text(body, "/ExportArn");
    let exports = world.exports.entry(account.to_owned()).or_default();
    let found = exports.iter_mut().find(|export| export.arn == wanted);
    found.ok_or_else(|| missing("export", wanted))
}

fn missing(what: &str, name: &str) -> Fault {
    Fault::of("ResourceNotFoundException", format!("The {what} {name} was not found."))
}

/// What AWS checks before it takes a definition.
fn check(world: &World, account: &str, definition: &Value) -> Result<(), Fault> {
    check_name(definition, "/Name", 128, "-_")?;
    check_query(definition)?;
    check_choice(definition, "/RefreshCadence/Frequency", &["SYNCHRONOUS"])?;
    let place = definition.pointer("/DestinationConfigurations/S3Destination");
    let place = place.unwrap_or(&Value::Null);
    let output = place.get("S3OutputConfigurations").unwrap_or(&Value::Null);
    check_choice(output, "/OutputType", &["CUSTOM", "ATHENA", "REDSHIFT"])?;
    check_choice(output, "/Format", &["TEXT_OR_CSV", "PARQUET"])?;
    check_choice(output, "/Compression", &["GZIP", "PARQUET"])?;
    check_choice(output, "/Overwrite", &["CREATE_NEW_REPORT", "OVERWRITE_REPORT"])?;
    if (text(output, "/Format") == "PARQUET") != (text(output, "/Compression") == "PARQUET") {
        return Err(Fault::validation("Format and compression do not fit each other."));
    }
    if text(place, "/S3Prefix").is_empty() {
        return Err(Fault::validation("S3Prefix is missing."));
    }
    let bucket = text(place, "/S3Bucket");
    let known = world.buckets.get(bucket);
    let region = known.map(|bucket| bucket.region.as_str());
    let owner = known.map(|bucket| bucket.owner.as_str()).unwrap_or_default();
    let stated = place.get("S3BucketOwner").and_then(Value::as_str).unwrap_or(account);
    let source = format!("arn:aws:bcm-data-exports:us-east-1:{account}:export/*");
    let object = format!("arn:aws:s3:::{bucket}/test-object");
    let may = world.service_may(SERVICE, "s3:PutObject", &object, account, &source);
    if region != Some(text(place, "/S3Region")) || owner != stated || !may {
        return Err(Fault::validation("S3 bucket permission validation failed."));
    }
    Ok(())
}

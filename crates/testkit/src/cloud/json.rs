//! The services that speak JSON: what is asked of policies, and who answers.

use serde_json::Value;

use super::call::Call;
use super::caller::Caller;
use super::fault::Fault;
use super::gate::Passage;
use super::http::Response;
use super::policy::Context;
use super::s3::After;
use super::world::{CostExplorerState, Need, World};
use super::{cur, data_exports};

/// Judges a call and answers it, as far as the services here can.
pub(super) fn pass(world: &mut World, call: &Call, caller: &Caller) -> Result<Passage, Fault> {
    let (account, body) = (caller.account(), &call.body);
    let needs = match call.vendor.as_str() {
        "ce" => {
            let operation = &call.operation;
            vec![Need::own(call.action(), format!("arn:aws:ce:us-east-1:{account}:/{operation}"))]
        }
        "cur" => cur::needs(account, call),
        "bcm-data-exports" => data_exports::needs(account, call),
        _ => vec![Need::own(call.action(), "*")],
    };
    world.admit(&caller.principal, &needs, &Context::new())?;
    let answer = match call.vendor.as_str() {
        "ce" => return costs(world, call, account),
        "organizations" => return organizations(world, call, account),
        "cur" => cur::answer(world, account, &call.operation, body)?,
        "bcm-data-exports" => {
            let now = caller.time.to_string();
            data_exports::answer(world, account, &call.operation, body, &now)?
        }
        _ => return Ok(Passage::Forward(After::Nothing)),
    };
    Ok(Passage::Answer(Response::new(200, "application/x-amz-json-1.1", answer.to_string())))
}

fn costs(world: &World, call: &Call, account: &str) -> Result<Passage, Fault> {
    if world.cost_explorer == CostExplorerState::NotEnabled {
        let message = "User not enabled for cost explorer access";
        return Err(Fault::of("AccessDeniedException", message));
    }
    let hourly = call.body.get("Granularity").and_then(Value::as_str) == Some("HOURLY");
    if hourly && world.cost_explorer != CostExplorerState::Hourly {
        let message = "Hourly data granularity is an opt-in only feature. You can enable this \
                       feature from the PAYER account's Cost Explorer Settings page.";
        return Err(Fault::of("AccessDeniedException", message));
    }
    Ok(match world.cost_answers.get(account) {
        Some(answers) => Passage::Costs(answers.clone()),
        None => Passage::Forward(After::Nothing),
    })
}

/// Only the management account sees the organisation; anybody in it sees that it is there.
fn organizations(world: &World, call: &Call, account: &str) -> Result<Passage, Fault> {
    let Some(management) = &world.management_account else {
        let message = "Your account is not a member of an organization.";
        return Err(Fault::of("AWSOrganizationsNotInUseException", message));
    };
    if account != management && call.operation != "DescribeOrganization" {
        let message = "You don't have permissions to access this resource.";
        return Err(Fault::of("AccessDeniedException", message));
    }
    Ok(Passage::Forward(After::Nothing))
}

/// A page: what `all` holds from the token on, `size` of it, and the token of the next page.
pub(super) fn page(
    all: &[Value],
    body: &Value,
    size: usize,
) -> Result<(Vec<Value>, Option<String>), Fault> {
    let refused = || Fault::validation("The pagination token is not valid.");
    let start = match body.get("NextToken") {
        None | Some(Value::Null) => 0,
        Some(token) => {
            let token = token.as_str().and_then(|token| token.strip_prefix("page-at-"));
            let start: usize = token.and_then(|at| at.parse().ok()).ok_or_else(refused)?;
            if start > all.len() {
                return Err(refused());
            }
            start
        }
    };
    let items: Vec<Value> = all.iter().skip(start).take(size).cloned().collect();
    let end = start + items.len();
    Ok((items, (end < all.len()).then(|| format!("page-at-{end}"))))
}

/// The text at `pointer`; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Is the text at `pointer` one of `choices`?
pub(super) fn check_choice(value: &Value, pointer: &str, choices: &[&str]) -> Result<(), Fault> {
    let found = text(value, pointer);
    if choices.contains(&found) {
        return Ok(());
    }
    let name = pointer.trim_start_matches('/').replace('/', ".");
    Err(Fault::validation(format!(
        "1 validation error detected: Value '{found}' at '{name}' failed to satisfy constraint: \
         Member must satisfy enum value set: [{}]",
        choices.join(", ")
    )))
}

/// Is the text at `pointer` there, at most `longest` long, of letters, digits, and `also`?
pub(super) fn check_name(
    value: &Value,
    pointer: &str,
    longest: usize,
    also: &str,
) -> Result<(), Fault> {
    let found = text(value, pointer);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || also.contains(letter);
    if !found.is_empty() && found.len() <= longest && found.chars().all(plain) {
        return Ok(());
    }
    let name = pointer.trim_start_matches('/').replace('/', ".");
    Err(Fault::validation(format!(
        "1 validation error detected: Value '{found}' at '{name}' failed to satisfy constraint: \
         Member must satisfy its pattern and length"
    )))
}

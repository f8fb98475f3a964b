//! The gate: who calls, whether they may, and who answers.

use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Protocol};
use super::caller::Caller;
use super::fault::Fault;
use super::http::{Request, Response};
use super::policy::Context;
use super::s3::After;
use super::world::{CostAnswers, Entry, Need, World};
use super::{json, s3, sts};

/// What becomes of a request.
pub(super) enum Passage {
    /// It is answered here.
    Answer(Response),
    /// The emulator answers, and something may be left to do then.
    Forward(After),
    /// A ledger answers for Cost Explorer.
    Costs(Arc<CostAnswers>),
}

/// Judges a request.
pub(super) fn pass(world: &mut World, request: &Request, call: &Call) -> Result<Passage, Fault> {
    let caller = match Caller::of(world, request, call) {
        Ok(caller) => caller,
        Err(fault) => {
            let action = match call.protocol {
                Protocol::S3 => s3::action(request),
                Protocol::Query | Protocol::Json => call.action(),
            };
            let caller = Caller::unknown(request);
            world.log.push(Entry { action, resource: String::new(), caller, allowed: false });
            return Err(fault);
        }
    };
    match call.protocol {
        Protocol::S3 => s3::pass(world, request, &caller),
        Protocol::Query if call.service == "sts" => sts::answer(world, call, &caller),
        Protocol::Query => {
            let need = Need::own(call.action(), "*");
            world.admit(&caller.principal, &[need], &Context::new())?;
            Ok(Passage::Forward(After::Nothing))
        }
        Protocol::Json => json::pass(world, call, &caller),
    }
}

/// The answer of a ledger.
pub(super) fn costs(answers: &CostAnswers, operation: &str, body: &Value) -> Response {
    let (status, body) = match answers(operation, body) {
        Ok(body) => (200, body),
        Err(error) => (error.status, error.body()),
    };
    Response::new(status, "application/x-amz-json-1.1", body.to_string())
}

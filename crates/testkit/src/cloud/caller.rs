//! Who calls: the signature and what must come with it.

use super::call::{Call, Protocol};
use super::fault::{Fault, TOLERANCE};
use super::http::Request;
use super::policy::Principal;
use super::signature::{Authorization, is_own_body};
use super::time::Time;
use super::world::World;

/// Who calls, as far as the signature tells.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    /// The region that the request is signed for; none without signature.
    pub(super) region: Option<String>,
    /// When it was signed.
    pub(super) time: Time,
}

/// Regions of the services that have one in each partition.
const HOMES: [&str; 3] = ["us-east-1", "cn-northwest-1", "us-gov-west-1"];

impl Caller {
    /// The caller of `request`. Only S3 takes requests without signature.
    pub(super) fn of(world: &World, request: &Request, call: &Call) -> Result<Self, Fault> {
        let Some(header) = request.header("authorization") else {
            return match call.protocol {
                Protocol::S3 => {
                    Ok(Self { principal: Principal::Nobody, region: None, time: Time::default() })
                }
                Protocol::Query | Protocol::Json => Err(Fault::Unsigned),
            };
        };
        let authorization = Authorization::parse(header).ok_or(Fault::Incomplete)?;
        let written = request.header("x-amz-date").unwrap_or_default();
        let time = Time::parse(written).ok_or(Fault::Incomplete)?;
        let holder = world.holder(&authorization.key).ok_or(Fault::UnknownKey)?;
        check_scope(&authorization, call, written)?;
        check_clock(world, call, time)?;
        if authorization.expected(request, written, &holder.secret) != authorization.signature {
            return Err(Fault::WrongSignature(None));
        }
        if call.protocol == Protocol::S3 && !is_own_body(request) {
            return Err(Fault::WrongBody);
        }
        if holder.token.as_deref() != request.header("x-amz-security-token") {
            return Err(Fault::WrongToken);
        }
        if holder.expires.is_some_and(|expires| expires <= time) {
            return Err(Fault::Expired);
        }
        Ok(Self { principal: holder.principal, region: Some(authorization.region), time })
    }

    /// What the log calls somebody whose call is not accepted.
    pub(super) fn unknown(request: &Request) -> String {
        let authorization = request.header("authorization").and_then(Authorization::parse);
        let key = authorization.map(|authorization| authorization.key);
        key.unwrap_or_else(|| Principal::Nobody.name().to_owned())
    }

    /// The account; empty without a signature.
    pub(super) fn account(&self) -> &str {
        self.principal.account().unwrap_or_default()
    }
}

/// Is it signed for this service, its region, and the day?
fn check_scope(authorization: &Authorization, call: &Call, written: &str) -> Result<(), Fault> {
    let wrong = |why| Err(Fault::WrongSignature(Some(why)));
    if authorization.service != call.service {
        return wrong("Credential should be scoped to correct service.");
    }
    if call.is_global() && !HOMES.contains(&authorization.region.as_str()) {
        return wrong("Credential should be scoped to a valid region.");
    }
    if !written.starts_with(&authorization.date) {
        return wrong(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
        );
    }
    if !authorization.headers.iter().any(|name| name == "host") {
        return wrong("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    Ok(())
}

fn check_clock(world: &World, call: &Call, asked: Time) -> Result<(), Fault> {
    let tolerated = match call.protocol {
        Protocol::S3 => TOLERANCE.0,
        Protocol::Query | Protocol::Json => TOLERANCE.1,
    };
    let ahead = world.clock_ahead_seconds;
    if ahead.abs() <= tolerated {
        return Ok(());
    }
    Err(Fault::Skewed { asked, now: asked.plus(ahead) })
}

//! Who somebody is here, read from what their token says.

use billhook_registry::Role;
use serde_json::Value;

use super::token::Claims;
use super::trouble::Trouble;
use crate::config::{OpenIdSignIn, RoleClaim};

/// Somebody whom a provider has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// What the provider calls them for ever.
    pub(crate) subject: String,
    /// Their name.
    pub(crate) name: String,
    /// The claim that it was read from.
    pub(crate) named_by: String,
    /// The role that a claim tells, when one is to.
    pub(crate) role: Option<Role>,
}

impl Person {
    /// Reads what a token says that was checked.
    ///
    /// # Errors
    /// [`Trouble::Token`] without a subject, [`Trouble::Nameless`].
    pub(crate) fn of(claims: &Claims, settings: &OpenIdSignIn) -> Result<Self, Trouble> {
        let subject = claims.get("sub").and_then(Value::as_str).filter(|text| !text.is_empty());
        let subject = subject.ok_or_else(|| Trouble::Token("it has no subject".to_owned()))?;
        let (named_by, name) = match settings.name_claim.as_deref() {
            Some(claim) => named(claims, claim)
                .map(|name| (claim, name))
                .ok_or_else(|| Trouble::Nameless(claim.to_owned()))?,
            None => usual(claims, subject),
        };
        Ok(Self {
            subject: subject.to_owned(),
            name: name.to_owned(),
            named_by: named_by.to_owned(),
            role: settings.role_claim.as_ref().map(|wanted| role(claims, wanted)),
        })
    }
}

/// The claim that tells the name when none was chosen, and the name.
fn usual<'a>(claims: &'a Claims, subject: &'a str) -> (&'static str, &'a str) {
    if let Some(name) = text(claims, "preferred_username") {
        return ("preferred_username", name);
    }
    match text(claims, "email") {
        Some(email) if is_verified(claims) == Some(true) => ("email", email),
        _ => ("sub", subject),
    }
}

/// The name in a claim that an admin has chosen. Anybody can write down an address of mail that is
/// said to be not verified.
fn named<'a>(claims: &'a Claims, claim: &str) -> Option<&'a str> {
    if claim == "email" && is_verified(claims) == Some(false) {
        return None;
    }
    text(claims, claim)
}

/// Does the provider say that the address of mail is theirs? Some write it as a text.
fn is_verified(claims: &Claims) -> Option<bool> {
    match claims.get("email_verified")? {
        Value::Bool(is_so) => Some(*is_so),
        Value::String(text) => Some(text == "true"),
        _ => Some(false),
    }
}

fn role(claims: &Claims, wanted: &RoleClaim) -> Role {
    let is_admins = |value: &Value| {
        value.as_str().is_some_and(|text| wanted.admin_values.iter().any(|admin| admin == text))
    };
    let is_admin = match at(claims, &wanted.name) {
        Some(Value::Array(values)) => values.iter().any(is_admins),
        Some(value) => is_admins(value),
        None => false,
    };
    if is_admin { Role::Admin } else { Role::Viewer }
}

/// A text that is not empty.
fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    at(claims, name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The claim of that name. Dots lead into objects, unless the name is there as it is written.
fn at<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    at(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> OpenIdSignIn {
        OpenIdSignIn::least("https://login.example")
    }

    fn read(settings: &OpenIdSignIn, said: &Value) -> Result<Person, Trouble> {
        Person::of(said.as_object().unwrap(), settings)
    }

    #[test]
    fn a_name_is_one_that_nobody_else_can_choose() {
        let name = |said: &Value| {
            let person = read(&settings(), said).unwrap();
            format!("{}={}", person.named_by, person.name)
        };
        let both = json!({ "sub": "7", "preferred_username": "ann", "email": "a@b.example" });
        assert_eq!(name(&both), "preferred_username=ann");
        let mail = |is_so: Value| {
            let address = "a@b.example";
            json!({ "sub": "7", "email": address, "email_verified": is_so })
        };
        assert_eq!(name(&mail(json!(true))), "email=a@b.example");
        assert_eq!(name(&mail(json!("true"))), "email=a@b.example");
        for no in [json!(false), json!("false"), json!(1)] {
            assert_eq!(name(&mail(no)), "sub=7");
        }
        assert_eq!(name(&json!({ "sub": "7", "email": "a@b.example" })), "sub=7");
        assert!(matches!(read(&settings(), &json!({})), Err(Trouble::Token(_))));
    }

    #[test]
    fn a_name_can_be_read_from_elsewhere() {
        let by = |claim: &str| OpenIdSignIn { name_claim: Some(claim.to_owned()), ..settings() };
        let said = json!({ "sub": "7", "nickname": " ann ", "x": { "y": "deep" }, "email": "a@b" });
        assert_eq!(read(&by("nickname"), &said).unwrap().name, "ann");
        assert_eq!(read(&by("x.y"), &said).unwrap().name, "deep");
        assert_eq!(read(&by("email"), &said).unwrap().name, "a@b");
        for missing in ["name", "x", "x.z", "nickname.y"] {
            let trouble = read(&by(missing), &said);
            assert!(matches!(trouble, Err(Trouble::Nameless(_))), "{missing}: {trouble:?}");
        }
        let unverified = json!({ "sub": "7", "email": "a@b", "email_verified": false });
        assert!(read(&by("email"), &unverified).is_err());
    }

    #[test]
    fn a_claim_tells_who_is_admin() {
        let wanted = |name: &str| RoleClaim {
            name: name.to_owned(),
            admin_values: vec!["finops".to_owned(), "root".to_owned()],
        };
        let role = |name: &str, said: &Value| {
            let settings = OpenIdSignIn { role_claim: Some(wanted(name)), ..settings() };
            read(&settings, said).unwrap().role
        };
        let said = json!({
            "sub": "7",
            "groups": ["staff", "finops"],
            "one": "root",
            "realm_access": { "roles": ["finops"] },
            "https://acme.example/roles": ["root"],
            "others": ["finops-2", "Root"],
            "text": "staff finops",
        });
        let admins = ["groups", "one", "realm_access.roles", "https://acme.example/roles"];
        for name in admins {
            assert_eq!(role(name, &said), Some(Role::Admin), "{name}");
        }
        for name in ["others", "text", "none", "realm_access"] {
            assert_eq!(role(name, &said), Some(Role::Viewer), "{name}");
        }
        assert_eq!(read(&settings(), &said).unwrap().role, None);
    }
}

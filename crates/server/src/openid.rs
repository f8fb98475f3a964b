//! Sign-in by OpenID Connect: the authorization code flow with PKCE, a state and a nonce.
//!
//! [`provider`] asks the provider what it is and keeps that; [`begun`] remembers who was sent
//! there; [`token`] checks what comes back, and [`person`] reads from it who somebody is. What goes
//! wrong is a [`trouble::Trouble`]. The way there and back is in `api/openid.rs`.

pub(crate) mod begun;
mod http;
pub(crate) mod person;
pub(crate) mod provider;
pub(crate) mod token;
pub(crate) mod trouble;

use begun::Begun;
use provider::Provider;

/// What is kept between the requests of people who sign in.
#[derive(Default)]
pub(crate) struct OpenId {
    pub(crate) provider: Provider,
    pub(crate) begun: Begun,
}

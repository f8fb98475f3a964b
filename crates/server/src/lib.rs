//! Pages, the HTTP API and sign-in.
//!
//! No business rules: an answer of the API ([`api`]) is made by asking the engine, and a page
//! ([`pages`]) draws the same answer. [`routes`] lists every way in with who may take it; [`guard`]
//! stands before all of them; what goes wrong is a [`fail::Fail`] and drawn in one place. Start at
//! [`serve`].

mod api;
mod app;
mod ask;
mod assets;
pub mod config;
mod fail;
mod format;
mod guard;
mod health;
mod heavy;
mod jobs;
mod kept;
mod listen;
mod looks;
mod nonces;
mod openid;
mod origin;
mod pages;
mod pulse;
mod routes;
mod sessions;
mod shell;
mod throttle;
mod view;
mod warm;

pub use app::{App, Parts};
pub use listen::serve;
pub use routes::route_list;

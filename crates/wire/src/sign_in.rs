//! Who a client is: SCRAM-SHA-256 with the users and tokens of the registry.
//!
//! A name that nobody has is asked for a password like any other, with a salt that stays the same,
//! so that names cannot be told by trying. Passwords themselves are never asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use billhook_registry::{Registry, RegistryError, Scram, TokenId};
use futures::FutureExt;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pgwire::api::auth::sasl::SASLAuthStartupHandler;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth};
use pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
    finish_authentication, protocol_negotiation, save_startup_parameters_to_metadata,
};
use pgwire::api::{ClientInfo, PgWireConnectionState, PidSecretKeyGenerator};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::startup::Startup;
use sha2::Sha256;

use crate::cancel::ClientKey;
use crate::fault::{Fault, fatal};
use crate::parameters::SERVER_VERSION;
use crate::protocol::{SMALL, Socket, next};
use crate::rows::of_protocol;

/// After a wrong password, before the client is told.
const PAUSE: Duration = Duration::from_millis(500);

/// What a password is compared with, without the password.
struct Secret {
    password: Password,
    iterations: usize,
    /// The token, where it is none of a user's own.
    token: Option<TokenId>,
}

/// What is asked of clients.
pub(crate) struct SignIn {
    /// Who there is.
    pub(crate) registry: Option<Arc<Registry>>,
    /// Certificates, to bind passwords to the connection.
    pub(crate) certificates: Option<Arc<[u8]>>,
}

impl SignIn {
    /// Goes through the sign-in with a client that has begun.
    ///
    /// # Errors
    /// When it fails; the fault is the same for a wrong name and a wrong password.
    pub(crate) async fn run(
        &self,
        socket: &mut Socket,
        startup: Startup,
        key: ClientKey,
    ) -> Result<(), Fault> {
        let Some(registry) = &self.registry else {
            return welcome(socket, &startup, &key).await.map_err(of_protocol);
        };
        let name = startup.parameters.get("user").cloned().unwrap_or_default();
        let secret = secret(registry, name.clone()).await?;
        let (token, iterations) = (secret.token, secret.iterations);
        let mut scram = ScramAuth::new(Arc::new(Known(secret.password)));
        scram.set_iterations(iterations);
        if let Some(certificates) = self.certificates.as_deref().filter(|_| socket.is_secure()) {
            // Of a certificate signed in a way that RFC 5929 has no hash for, there is no binding.
            drop(scram.configure_certificate(certificates));
        }
        let handler = SASLAuthStartupHandler::new(Arc::new(told()))
            .with_scram(scram)
            .with_pid_secret_key_generator(Arc::new(key));
        let mut message = PgWireFrontendMessage::Startup(startup);
        loop {
            if let Err(error) = handler.on_startup(socket, message).await {
                tokio::time::sleep(PAUSE).await;
                return Err(refused(&name, error));
            }
            if matches!(socket.state(), PgWireConnectionState::ReadyForQuery) {
                break;
            }
            message = match next(socket, SMALL).await {
                Some(Ok(message @ PgWireFrontendMessage::PasswordMessageFamily(_))) => message,
                Some(Err(fault)) => return Err(fault),
                Some(Ok(_)) => return Err(fatal("08P01", "a password was expected")),
                None => return Err(fatal("08006", "the client is gone")),
            };
        }
        note(registry, token, socket.socket_addr()).await;
        Ok(())
    }
}

/// Lets a client in without asking.
async fn welcome(socket: &mut Socket, startup: &Startup, key: &ClientKey) -> PgWireResult<()> {
    protocol_negotiation(socket, startup).await?;
    save_startup_parameters_to_metadata(socket, startup);
    let (number, secret) = key.generate(socket);
    socket.set_pid_and_secret_key(number, secret);
    finish_authentication(socket, &told()).await
}

/// What clients are told of the server.
fn told() -> DefaultServerParameterProvider {
    let mut told = DefaultServerParameterProvider::default();
    SERVER_VERSION.clone_into(&mut told.server_version);
    "UTC".clone_into(&mut told.time_zone);
    told.is_superuser = false;
    told.default_transaction_read_only = true;
    told
}

/// Looks a name up. What is found for one that nobody has looks like the others.
async fn secret(registry: &Arc<Registry>, name: String) -> Result<Secret, Fault> {
    let registry = Arc::clone(registry);
    let found = tokio::task::spawn_blocking(move || {
        let now = chrono::Utc::now().timestamp_micros();
        let like = someone(&registry, now)?;
        Ok::<_, RegistryError>((registry.scram(&name, now)?, like, name))
    });
    let failed = || fatal("58000", "the control database cannot be read");
    let (known, like, name) = found.await.map_err(|_| failed())?.map_err(|_| failed())?;
    match known {
        Some(scram) => Ok(Secret {
            iterations: iterations(&scram),
            password: Password::new(Some(scram.salt), scram.salted_password.expose().to_vec()),
            token: scram.token.map(|token| token.id),
        }),
        None => nobody(like.as_ref(), &name).ok_or_else(failed),
    }
}

fn iterations(scram: &Scram) -> usize {
    usize::try_from(scram.iterations).unwrap_or(SCRAM_ITERATIONS)
}

/// Any user who can sign in.
fn someone(registry: &Registry, now: i64) -> Result<Option<Scram>, RegistryError> {
    for user in registry.users()? {
        let scram = registry.scram(&user.name, now)?;
        if scram.is_some() {
            return Ok(scram);
        }
    }
    Ok(None)
}

/// For a name that nobody has: a password that nobody knows, and a salt that only who knows the
/// secret of `like` could tell from a true one.
fn nobody(like: Option<&Scram>, name: &str) -> Option<Secret> {
    let mut password = vec![0; 32];
    getrandom::fill(&mut password).ok()?;
    let secret = like.map_or(password.as_slice(), |scram| scram.salted_password.expose());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(b"billhook wire: salt of nobody\0");
    mac.update(name.to_lowercase().as_bytes());
    let mut salt = mac.finalize().into_bytes().to_vec();
    salt.truncate(like.map_or(16, |scram| scram.salt.len()));
    let iterations = like.map_or(SCRAM_ITERATIONS, iterations);
    Some(Secret { password: Password::new(Some(salt), password), iterations, token: None })
}

/// Notes that a token was used. That it cannot be noted keeps nobody out.
async fn note(registry: &Arc<Registry>, token: Option<TokenId>, from: SocketAddr) {
    let Some(token) = token else { return };
    let registry = Arc::clone(registry);
    let noted = tokio::task::spawn_blocking(move || {
        let (now, from) = (chrono::Utc::now().timestamp_micros(), from.ip().to_string());
        registry.note_wire_use(&token, Some(&from), now)
    });
    drop(noted.await);
}

fn refused(name: &str, error: PgWireError) -> Fault {
    match error {
        PgWireError::InvalidPassword(_) => {
            fatal("28P01", format!("password authentication failed for user \"{name}\""))
        }
        other => of_protocol(other),
    }
}

/// The one password that a sign-in knows.
struct Known(Password);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known")
    }
}

impl AuthSource for Known {
    fn get_password<'life0, 'life1, 'async_trait>(
        &'life0 self,
        _: &'life1 LoginInfo<'_>,
    ) -> BoxFuture<'async_trait, PgWireResult<Password>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        std::future::ready(Ok(self.0.clone())).boxed()
    }
}

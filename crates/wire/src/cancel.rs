//! Which clients there are, for those who want a query to end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pgwire::api::{ClientInfo, PidSecretKeyGenerator};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;
use tokio::sync::watch;

/// A client's number and secret.
type Key = (i32, Bytes);

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    last: AtomicI32,
    clients: Mutex<HashMap<Key, watch::Sender<u64>>>,
}

impl Cancels {
    /// A number and a secret for a new client. Clients of protocol 3.0 take four bytes only.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn enter(self: &Arc<Self>, minor: u16) -> Result<Entered, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let length = if minor == 0 { 4 } else { secret.len() };
        let number = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let key = (number, Bytes::copy_from_slice(&secret).slice(..length));
        let (sender, cancelled) = watch::channel(0);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key.clone(), sender);
        drop(clients);
        Ok(Entered { cancels: Arc::clone(self), key, cancelled })
    }

    /// Ends what the client with this number and secret runs. Others learn nothing.
    pub(crate) fn cancel(&self, request: &CancelRequest) {
        let key = (request.pid, request.secret_key.to_bytes());
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = clients.get(&key) {
            sender.send_modify(|times| *times = times.wrapping_add(1));
        }
    }
}

/// A client that is there; gone when dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    cancels: Arc<Cancels>,
    key: Key,
    /// Changes when the client cancels.
    pub(crate) cancelled: watch::Receiver<u64>,
}

impl Entered {
    /// What the client is told.
    pub(crate) fn key(&self) -> ClientKey {
        ClientKey(self.key.clone())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut clients = self.cancels.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&self.key);
    }
}

/// A client's number and secret, for the sign-in to hand out.
pub(crate) struct ClientKey(Key);

impl PidSecretKeyGenerator for ClientKey {
    fn generate(&self, _: &dyn ClientInfo) -> (i32, SecretKey) {
        let (number, secret) = &self.0;
        (*number, SecretKey::Bytes(secret.clone()))
    }
}

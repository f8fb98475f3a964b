//! A Cost Explorer on this machine: HTTP/1.1, JSON 1.1, one request per connection.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::CostExplorer;
use super::api_error::ApiError;

/// The only operation.
const TARGET: &str = "AWSInsightsIndexService.GetCostAndUsage";

/// Bytes of the longest body that is read.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// After which silence a connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// A way not to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// `ThrottlingException`
    Throttling,
    /// `LimitExceededException`
    LimitExceeded,
    /// `DataUnavailableException`
    DataUnavailable,
    /// `AccessDeniedException`
    AccessDenied,
    /// HTTP status 500.
    ServerError,
    /// The connection ends without an answer.
    DropConnection,
}

impl Failure {
    /// What is answered; none for a dropped connection.
    #[must_use]
    pub fn error(self) -> Option<ApiError> {
        let (code, message) = match self {
            Self::Throttling => ("ThrottlingException", "Rate exceeded"),
            Self::LimitExceeded => (
                "LimitExceededException",
                "You made too many calls in a short period of time. Try again later.",
            ),
            Self::DataUnavailable => (
                "DataUnavailableException",
                "Data is not available. Please try to adjust the time period. If just enabled \
                 Cost Explorer, data might not be ingested yet",
            ),
            Self::AccessDenied => (
                "AccessDeniedException",
                "User: arn:aws:iam::111122223333:user/billhook is not authorized to perform: \
                 ce:GetCostAndUsage on resource: \
                 arn:aws:ce:us-east-1:111122223333:/GetCostAndUsage \
                 because no identity-based policy allows the ce:GetCostAndUsage action",
            ),
            Self::ServerError => {
                let message = "We encountered an internal error. Please try again.".to_owned();
                return Some(ApiError { code: "InternalServerError", message, status: 500 });
            }
            Self::DropConnection => return None,
        };
        Some(ApiError::new(code, message))
    }
}

/// What is going to happen, and what has.
#[derive(Debug, Default)]
struct Script {
    stopped: bool,
    next: VecDeque<Failure>,
    at: BTreeMap<u64, Failure>,
    bodies: Vec<Value>,
}

/// A running server. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `explorer` on a free port of this machine.
    ///
    /// # Errors
    /// What the network reports.
    pub fn start(explorer: CostExplorer) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(Script::default()));
        let own = Arc::clone(&script);
        let serve = move || serve(&listener, &Arc::new(explorer), &own);
        let thread = thread::Builder::new().name("cost-explorer".to_owned()).spawn(serve)?;
        Ok(Self { address, script, thread: Some(thread) })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many `GetCostAndUsage` requests came, failed ones among them. AWS charges for each.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.script).bodies.len() as u64
    }

    /// Their bodies, in order.
    #[must_use]
    pub fn bodies(&self) -> Vec<Value> {
        lock(&self.script).bodies.clone()
    }

    /// The next `count` requests fail, after those that were told to fail before.
    pub fn fail_next(&self, count: usize, failure: Failure) {
        lock(&self.script).next.extend(vec![failure; count]);
    }

    /// Request `number` fails, counted from 1 since the start.
    pub fn fail_at(&self, number: u64, failure: Failure) {
        lock(&self.script).at.insert(number, failure);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.script).stopped = true;
        // A connection wakes the thread; if none can be made, it has ended.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic of the thread has been reported on its own.
            thread.join().unwrap_or_default();
        }
    }
}

/// A panic elsewhere does not make the script wrong.
fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections until stopped, each in a thread of its own, as clients may open some that
/// they do not use.
fn serve(listener: &TcpListener, explorer: &Arc<CostExplorer>, script: &Arc<Mutex<Script>>) {
    for stream in listener.incoming() {
        if lock(script).stopped {
            return;
        }
        let Ok(stream) = stream else { continue };
        let (explorer, script) = (Arc::clone(explorer), Arc::clone(script));
        // A client that goes away or talks nonsense is not the server's concern.
        thread::spawn(move || converse(stream, &explorer, &script).unwrap_or_default());
    }
}

/// Reads a request and answers it.
fn converse(
    mut stream: TcpStream,
    explorer: &CostExplorer,
    script: &Mutex<Script>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let Some(message) = read(&mut stream)? else { return Ok(()) };
    let (status, body) = match respond(&message, explorer, script) {
        Ok(Some(body)) => (200, body),
        Ok(None) => return Ok(()),
        Err(error) => (error.status, error.body()),
    };
    let body = body.to_string();
    let reason = match status {
        200 => "OK",
        500 => "Internal Server Error",
        _ => "Bad Request",
    };
    write!(
        stream,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

/// The answer; none for a connection to drop.
fn respond(
    message: &Message,
    explorer: &CostExplorer,
    script: &Mutex<Script>,
) -> Result<Option<Value>, ApiError> {
    let target = message.headers.get("x-amz-target").map_or("", String::as_str);
    if message.start != "POST / HTTP/1.1" || target != TARGET {
        let text = format!("no operation {target} for {}", message.start);
        return Err(ApiError::new("UnknownOperationException", text));
    }
    let body: Result<Value, _> = serde_json::from_slice(&message.body);
    let body = body.map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    let failure = {
        let mut script = lock(script);
        script.bodies.push(body.clone());
        let number = script.bodies.len() as u64;
        script.at.remove(&number).or_else(|| script.next.pop_front())
    };
    match failure.map(Failure::error) {
        None => explorer.answer(&body).map(Some),
        Some(None) => Ok(None),
        Some(Some(error)) => Err(error),
    }
}

/// A request: first line, headers by lower-case name, body.
struct Message {
    start: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// The request on `stream`; none when nothing comes.
fn read(stream: &mut TcpStream) -> io::Result<Option<Message>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut start = String::new();
    if reader.read_line(&mut start)? == 0 {
        return Ok(None);
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    if headers.contains_key("expect") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.take(MAX_BODY_BYTES.min(length)).read_to_end(&mut body)?;
    Ok(Some(Message { start: start.trim_end().to_owned(), headers, body }))
}

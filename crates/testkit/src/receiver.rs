//! Somebody whom events are sent to: an HTTP/1.1 server on this machine that writes down what it
//! takes, and answers as badly as it is told to.
//!
//! It takes `CloudEvents` in all three modes of their HTTP binding, and repeated ones once, as
//! their ids say. What is signed it can check, except for the time: nothing here reads a clock.

mod parse;

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cloud::http::{header, read_body, read_head, reason};
use crate::cloud::signature::hmac;

/// After which silence a connection is given up.
const SILENCE: Duration = Duration::from_mins(1);

/// What one request with events is answered, instead of 204.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status with these headers. Events are taken when it is one of success.
    Status(u16, Vec<(String, String)>),
    /// This status, and the request's headers as text.
    Echo(u16),
    /// Nothing, until the sender goes away.
    Hang,
    /// The connection ends without an answer. Nothing was taken.
    Close,
    /// The connection ends in the middle of an answer of success. Events were taken.
    HalfResponse,
    /// A redirect to there.
    Redirect(String),
}

/// What is answered when somebody asks whether events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// 405: the question is not known.
    #[default]
    Unknown,
    /// They are, of this origin, and at most so many requests a minute.
    Given {
        /// `*` for everybody.
        origin: String,
        /// None for no limit.
        per_minute: Option<u32>,
    },
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// `POST` or `OPTIONS`.
    pub method: String,
    /// As sent.
    pub target: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: Vec<u8>,
    /// What it was answered; none when it was not.
    pub status: Option<u16>,
}

impl Received {
    /// The first value of a header, named in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A running receiver. It stops when dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    answers: VecDeque<Answer>,
    validation: Validation,
    /// Key of signatures; none when they are not looked at.
    key: Option<Vec<u8>>,
    requests: Vec<Received>,
    /// Every event that was taken, repeated ones too.
    arrivals: Vec<Value>,
    ids: BTreeSet<String>,
    /// Those of `arrivals` that came for the first time.
    events: Vec<Value>,
}

impl Receiver {
    /// Receives on a free port of this machine.
    ///
    /// # Panics
    /// When the machine has no port, or no thread, left.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that cannot listen cannot go on")]
    pub fn start() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port of this machine")
    }

    /// Receives there, such as where another one was before.
    ///
    /// # Errors
    /// What the network reports.
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let own = Arc::clone(&state);
        let serve = move || serve(&listener, &own);
        let thread = thread::Builder::new().name("receiver".to_owned()).spawn(serve)?;
        Ok(Self { address, state, thread: Some(thread) })
    }

    /// `http://127.0.0.1:port/events`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next requests with events are answered so, one after the other; those after them, 204.
    pub fn answer_with(&self, answers: Vec<Answer>) {
        lock(&self.state).answers.extend(answers);
    }

    /// From now on this is answered to `OPTIONS`.
    pub fn validate_with(&self, validation: Validation) {
        lock(&self.state).validation = validation;
    }

    /// From now on what is not signed with this secret (`whsec_…`) is answered 401.
    ///
    /// # Errors
    /// What is no base64.
    pub fn check_signatures(&self, secret: &str) -> io::Result<()> {
        let text = secret.strip_prefix("whsec_").unwrap_or(secret);
        let key = STANDARD.decode(text).map_err(|error| io::Error::other(error.to_string()))?;
        lock(&self.state).key = Some(key);
        Ok(())
    }

    /// The events that were taken, each once, in order of arrival, as the JSON format has them. Of
    /// those in binary mode every attribute is text.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        lock(&self.state).events.clone()
    }

    /// The same with those that came again.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Value> {
        lock(&self.state).arrivals.clone()
    }

    /// All requests, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        lock(&self.state).stopped = true;
        // A connection wakes the thread; if none can be made, it has ended.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic of the thread has been reported on its own.
            thread.join().unwrap_or_default();
        }
    }
}

/// A panic elsewhere does not make the state wrong.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections until stopped, each in a thread of its own.
fn serve(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for stream in listener.incoming() {
        if lock(state).stopped {
            return;
        }
        let Ok(stream) = stream else { continue };
        let state = Arc::clone(state);
        // A sender that goes away or talks nonsense is not the receiver's concern.
        thread::spawn(move || converse(stream, &state).unwrap_or_default());
    }
}

/// Reads requests and answers them, as long as the sender keeps the connection.
fn converse(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some((start, headers)) = read_head(&mut reader)? {
        let body = read_body(&mut reader, &headers, false)?;
        let mut words = start.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let request = Received { method, target, headers, body, status: None };
        let reply = {
            let mut state = lock(state);
            if state.stopped {
                return Ok(());
            }
            state.respond(request)
        };
        match reply {
            Reply::Whole(whole) => stream.write_all(&whole)?,
            Reply::Half(half) => return stream.write_all(&half),
            Reply::Silence => {
                // It ends when the sender has closed its side, or after a while.
                io::copy(&mut reader.by_ref().take(1), &mut io::sink())?;
                return Ok(());
            }
            Reply::End => return Ok(()),
        }
    }
    Ok(())
}

/// What becomes of a connection after a request.
enum Reply {
    Whole(Vec<u8>),
    Half(Vec<u8>),
    Silence,
    End,
}

impl State {
    /// Writes the request down, and what it brought, and answers.
    fn respond(&mut self, mut request: Received) -> Reply {
        let answer = match request.method.as_str() {
            "OPTIONS" => self.validate(),
            "POST" if !self.is_signed(&request) => told(401, "the signature is not the expected"),
            "POST" => self.answers.pop_front().unwrap_or(Answer::Status(204, Vec::new())),
            _ => Answer::Status(405, Vec::new()),
        };
        let takes = match answer {
            Answer::Status(status, _) => status / 100 == 2 && request.method == "POST",
            Answer::HalfResponse => true,
            _ => false,
        };
        let answer = match takes.then(|| parse::events(&request.headers, &request.body)) {
            Some(Err(why)) => told(400, &why),
            Some(Ok(events)) => {
                self.take(events);
                answer
            }
            None => answer,
        };
        let (status, reply) = written(answer, &request.headers);
        request.status = status;
        self.requests.push(request);
        reply
    }

    fn validate(&self) -> Answer {
        let header = |name: &str, value: String| (name.to_owned(), value);
        match &self.validation {
            Validation::Unknown => Answer::Status(405, vec![header("allow", "POST".to_owned())]),
            Validation::Given { origin, per_minute } => {
                let rate = per_minute.map_or_else(|| "*".to_owned(), |rate| rate.to_string());
                let headers = vec![
                    header("allow", "POST".to_owned()),
                    header("webhook-allowed-origin", origin.clone()),
                    header("webhook-allowed-rate", rate),
                ];
                Answer::Status(200, headers)
            }
        }
    }

    /// Is one of the signatures the one that Standard Webhooks expects?
    fn is_signed(&self, request: &Received) -> bool {
        let Some(key) = &self.key else { return true };
        let (id, time) = (request.header("webhook-id"), request.header("webhook-timestamp"));
        let (Some(id), Some(time)) = (id, time) else { return false };
        let text = [format!("{id}.{time}.").as_bytes(), &request.body].concat();
        let expected = format!("v1,{}", STANDARD.encode(hmac(key, &text)));
        let is_number = time.parse::<u64>().is_ok();
        let signatures = request.header("webhook-signature").unwrap_or_default();
        is_number && signatures.split(' ').any(|signature| signature == expected)
    }

    fn take(&mut self, events: Vec<Value>) {
        for event in events {
            let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
            if self.ids.insert(id.to_owned()) {
                self.events.push(event.clone());
            }
            self.arrivals.push(event);
        }
    }
}

/// An answer with a reason.
fn told(status: u16, why: &str) -> Answer {
    Answer::Status(status, vec![("x-reason".to_owned(), why.to_owned())])
}

/// The bytes of an answer, and its status.
fn written(answer: Answer, request: &[(String, String)]) -> (Option<u16>, Reply) {
    match answer {
        Answer::Status(status, headers) => {
            let text = header(&headers, "x-reason").map_or_else(String::new, str::to_owned);
            (Some(status), Reply::Whole(whole(status, &headers, &text)))
        }
        Answer::Redirect(to) => {
            let headers = vec![("location".to_owned(), to)];
            (Some(308), Reply::Whole(whole(308, &headers, "")))
        }
        Answer::Echo(status) => {
            let lines = request.iter().map(|(name, value)| format!("{name}: {value}"));
            let text = lines.collect::<Vec<_>>().join("\n");
            (Some(status), Reply::Whole(whole(status, &[], &text)))
        }
        Answer::HalfResponse => {
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_vec();
            (Some(200), Reply::Half(half))
        }
        Answer::Hang => (None, Reply::Silence),
        Answer::Close => (None, Reply::End),
    }
}

/// A whole answer.
fn whole(status: u16, headers: &[(String, String)], text: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        answer.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    if status != 204 {
        answer.extend(["content-length: ", text.len().to_string().as_str(), "\r\n"]);
    }
    answer.extend(["\r\n", text]);
    answer.into_bytes()
}

#[cfg(test)]
mod tests;

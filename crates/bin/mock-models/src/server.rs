//! The HTTP server: chooses the step, records the request, plays the answer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;
use std::fs::File;
use std::future::{Future, pending};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::dialect::{self, Event, Inspected};
use crate::script::{Malformed, Place, Script, ScriptError, Step};

/// Larger requests are refused; agents send at most a few MB.
const LARGEST_REQUEST: usize = 256 * 1024 * 1024;

/// Between the last event and a cut.
const FLUSH: Duration = Duration::from_millis(5);

/// Headers that carry a secret.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// Where to listen and what to write down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The port; 0: the system chooses.
    pub port: u16,
    /// A file that gets one JSON line per request, as soon as it arrived.
    pub log: Option<PathBuf>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The script contradicts itself.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The port is taken, or the system has no more of something.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The log file cannot be written.
    #[error("cannot write the log {path}: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What was waited for did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain; {requests} requests so far")]
pub struct TimedOut {
    /// How long.
    pub waited: Duration,
    /// How many requests had arrived.
    pub requests: usize,
}

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// 1, 2, 3, ...: the order of arrival.
    pub number: u64,
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// `POST`, `GET`, ...
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The agent's name for its run (for codex: the thread).
    pub run: Option<String>,
    /// Which conversation answered: its name, or else its `match`.
    pub conversation: Option<String>,
    /// Which of its steps: 1 is the first. Absent once they have run out.
    pub step: Option<usize>,
    /// What the step asked for and this request offers no tool for.
    pub problem: Option<String>,
    /// All headers, lower case; secrets are replaced by `(redacted)`.
    pub headers: BTreeMap<String, String>,
    /// The JSON sent; what is not JSON is a string.
    pub body: Value,
}

/// A running server. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts on a free port of 127.0.0.1.
    pub fn start(script: Script) -> Result<Self, StartError> {
        Self::start_with(script, &Options::default())
    }

    /// Starts on a given port, or with a log.
    pub fn start_with(script: Script, options: &Options) -> Result<Self, StartError> {
        script.check()?;
        let log = match &options.log {
            None => None,
            Some(path) => Some(File::create(path).map_err(|source| StartError::Log { path: path.clone(), source })?),
        };
        let failed = |source| StartError::Listen { port: options.port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };

        let state = Mutex::new(State { log, ..State::default() });
        let shared = Arc::new(Shared { script, state, changed: Condvar::new() });
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("mock-models".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
                // Dropping the runtime drops every connection, the hanging ones too.
            })
            .map_err(failed)?;
        Ok(Self { port, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What agents are to be given as the API's base URL, e.g. `http://127.0.0.1:4321/v1`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// All requests so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// How many answers are not finished, e.g. because they hang. Drops when the agent leaves.
    pub fn in_flight(&self) -> usize {
        self.shared.lock().in_flight
    }

    /// Waits until at least `count` requests have arrived, and returns them all.
    pub fn wait_for_requests(&self, count: usize, at_most: Duration) -> Result<Vec<Request>, TimedOut> {
        self.wait_until(at_most, |requests, _| requests.len() >= count)
    }

    /// Waits until no answer is in flight.
    pub fn wait_for_idle(&self, at_most: Duration) -> Result<Vec<Request>, TimedOut> {
        self.wait_until(at_most, |_, in_flight| in_flight == 0)
    }

    /// Waits until `condition`, which is given the requests so far and the number of answers in
    /// flight.
    pub fn wait_until(
        &self,
        at_most: Duration,
        mut condition: impl FnMut(&[Request], usize) -> bool,
    ) -> Result<Vec<Request>, TimedOut> {
        let started = Instant::now();
        let mut state = self.shared.lock();
        loop {
            if condition(&state.requests, state.in_flight) {
                return Ok(state.requests.clone());
            }
            let Some(left) = at_most.checked_sub(started.elapsed()) else {
                return Err(TimedOut { waited: at_most, requests: state.requests.len() });
            };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only ends with an error if it panicked, and then there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    script: Script,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<Request>,
    /// Requests answered so far, per conversation and run.
    answered: HashMap<(usize, Option<String>), usize>,
    in_flight: usize,
    log: Option<File>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses the step for a request, and counts it.
    fn choose(&self, state: &mut State, inspected: &Inspected) -> Chosen {
        let fits = self
            .script
            .conversations
            .iter()
            .enumerate()
            .find(|(_, conversation)| conversation.fits(inspected.model.as_deref(), &inspected.user_text));
        let Some((number, conversation)) = fits else {
            let step = self
                .script
                .unmatched
                .clone()
                .unwrap_or_else(|| Step::text("mock-models: no conversation of the script fits this request"));
            return Chosen { step, conversation: None, position: None };
        };
        let run = if conversation.across_runs { None } else { inspected.run.clone() };
        let answered = state.answered.entry((number, run)).or_default();
        let index = *answered;
        *answered += 1;
        let step = conversation.step(index);
        Chosen {
            conversation: Some(conversation.label(number)),
            position: step.map(|_| index.min(conversation.steps.len().saturating_sub(1)) + 1),
            step: step.cloned().unwrap_or_else(|| Step::text("mock-models: the script has ended")),
        }
    }
}

struct Chosen {
    step: Step,
    conversation: Option<String>,
    position: Option<usize>,
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: some connection has to end first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Small events have to leave at once.
        let _ = socket.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(Arc::clone(&shared), request));
            // An error here is a connection that was cut, by the script or by the client.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

/// The script wants the connection closed.
#[derive(Debug, thiserror::Error)]
#[error("cut, as the script says")]
struct Cut;

async fn answer(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Result<Response<Playback>, Cut> {
    let (head, body) = request.into_parts();
    let open = Open::new(&shared);
    let Ok(body) = Limited::new(body, LARGEST_REQUEST).collect().await else {
        return Err(Cut);
    };
    let body = body.to_bytes();
    let path = head.uri.path().to_owned();
    let dialect = dialect::for_request(&path);
    let json = serde_json::from_slice::<Value>(&body);

    let mut record = Request {
        number: 0,
        unix_ms: now(),
        method: head.method.to_string(),
        path,
        model: None,
        run: None,
        conversation: None,
        step: None,
        problem: None,
        headers: readable(&head.headers),
        body: Value::Null,
    };
    let refusal = match (&dialect, &json) {
        (Some(_), _) if head.method == Method::GET => {
            Some((StatusCode::UPGRADE_REQUIRED, "this server speaks HTTP only, no WebSocket".to_owned()))
        }
        (Some(_), Ok(_)) if head.method == Method::POST => None,
        (Some(_), Err(error)) if head.method == Method::POST => {
            Some((StatusCode::BAD_REQUEST, format!("the request is not JSON: {error}")))
        }
        (Some(_), _) => Some((StatusCode::METHOD_NOT_ALLOWED, "POST it".to_owned())),
        (None, _) if head.method == Method::GET && record.path.ends_with("/models") => {
            record.keep(&shared, Value::Null);
            let list = json!({"object": "list", "data": [], "models": []});
            return Ok(Playback::json(StatusCode::OK, &list, open));
        }
        (None, _) => Some((StatusCode::NOT_FOUND, "mock-models has nothing at this path".to_owned())),
    };
    let (Some(dialect), Ok(json), None) = (dialect, json, &refusal) else {
        record.keep(&shared, String::from_utf8_lossy(&body).into_owned().into());
        let (status, message) = refusal.unwrap_or((StatusCode::NOT_FOUND, String::new()));
        let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
        return Ok(Playback::json(status, &error, open));
    };

    let inspected = dialect.inspect(&head.headers, &json);
    let (step, stream) = {
        let mut state = shared.lock();
        let chosen = match dialect.aside(&record.path, &json) {
            Some(step) => Chosen { step, conversation: None, position: None },
            None => shared.choose(&mut state, &inspected),
        };
        let number = state.requests.len() as u64 + 1;
        let stream = dialect.stream(&chosen.step, &json, number);
        record.model = inspected.model;
        record.run = inspected.run;
        record.conversation = chosen.conversation;
        record.step = chosen.position;
        record.problem.clone_from(&stream.problem);
        record.body = json;
        state.keep(record);
        (chosen.step, stream)
    };
    shared.changed.notify_all();

    tokio::time::sleep(Duration::from_millis(step.delay_ms)).await;
    if step.hang == Some(Place::BeforeHeaders) {
        pending::<()>().await;
    }
    if step.cut == Some(Place::BeforeHeaders) {
        return Err(Cut);
    }
    if let Some(http) = &step.http {
        let status = StatusCode::from_u16(http.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match &http.body {
            Some(Value::String(text)) => Playback::text(status, text.clone(), open),
            Some(body) => Playback::json(status, body, open),
            None => Playback::json(status, &dialect.error_body(http.status), open),
        };
        extend(response.headers_mut(), &step.headers);
        extend(response.headers_mut(), &http.headers);
        return Ok(response);
    }

    let streams = stream.whole.is_none();
    let mut frames: VecDeque<Bytes> = match &stream.whole {
        Some((_, whole)) => [Bytes::from(whole.to_string())].into(),
        None => stream.events.iter().map(frame).collect(),
    };
    let mut end = End::Proper;
    if let Some((place, how)) = step.cut.map(|place| (place, End::Cut)).or(step.hang.map(|place| (place, End::Hang))) {
        end = how;
        frames.truncate(match place {
            Place::AfterEvents(count) if streams => count,
            Place::AfterEvents(_) | Place::BeforeHeaders | Place::AfterHeaders => 0,
        });
    } else if let Some(malformed) = &step.malformed {
        let raw = match malformed {
            Malformed::Raw(raw) => raw.clone(),
            Malformed::Default(_) => format!("event: {}\ndata: {{oops\n\n", stream.last.name),
        };
        frames = VecDeque::from([Bytes::from(raw)]);
    } else if streams && !step.no_completed {
        frames.push_back(frame(&stream.last));
    }

    let gap = Duration::from_millis(step.event_delay_ms);
    let playback = Playback { frames, gap, wait: None, end, _open: open };
    let mut response = Response::new(playback);
    if let Some((status, _)) = &stream.whole {
        *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let headers = response.headers_mut();
    headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(if streams { "text/event-stream" } else { "application/json" }));
    extend(headers, &step.headers);
    Ok(response)
}

impl Request {
    /// Records a request that no script has a say in.
    fn keep(mut self, shared: &Shared, body: Value) {
        self.body = body;
        shared.lock().keep(self);
        shared.changed.notify_all();
    }
}

impl State {
    fn keep(&mut self, mut request: Request) {
        request.number = self.requests.len() as u64 + 1;
        if let Some(log) = &mut self.log
            && let Ok(mut line) = serde_json::to_vec(&request)
        {
            line.push(b'\n');
            // A full disk must not change what the agent under test sees.
            let _ = log.write_all(&line);
        }
        self.requests.push(request);
    }
}

fn frame(event: &Event) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {}\n\n", event.name, event.data))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn readable(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |name: &HeaderName, value: &HeaderValue| {
        if SECRET.contains(&name.as_str()) {
            "(redacted)".to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        }
    };
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(name, value))).collect()
}

fn extend(headers: &mut HeaderMap, with: &BTreeMap<String, String>) {
    for (name, value) in with {
        // Script::check has refused what does not parse.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

/// An answer in flight.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.lock().in_flight += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.changed.notify_all();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Proper,
    Cut,
    CutNow,
    Hang,
}

/// The body of an answer: its pieces with their pauses, and then its end.
struct Playback {
    frames: VecDeque<Bytes>,
    gap: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    end: End,
    _open: Open,
}

impl Playback {
    fn text(status: StatusCode, text: String, open: Open) -> Response<Self> {
        let frames = VecDeque::from([Bytes::from(text)]);
        let mut response =
            Response::new(Self { frames, gap: Duration::ZERO, wait: None, end: End::Proper, _open: open });
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    fn json(status: StatusCode, value: &Value, open: Open) -> Response<Self> {
        let mut response = Self::text(status, value.to_string(), open);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(wait) = &mut self.wait {
            std::task::ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        if let Some(frame) = self.frames.pop_front() {
            if !self.gap.is_zero() {
                self.wait = Some(Box::pin(tokio::time::sleep(self.gap)));
            }
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        match self.end {
            End::Proper => Poll::Ready(None),
            End::Cut => {
                // What was said so far must reach the client first, and hyper only writes it out
                // while the body has nothing to offer.
                let mut pause = Box::pin(tokio::time::sleep(FLUSH));
                self.end = End::CutNow;
                let ready = pause.as_mut().poll(context).is_ready();
                self.wait = Some(pause);
                if ready {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
            End::CutNow => Poll::Ready(Some(Err(Cut))),
            // Never woken; the connection drops this body when the client leaves.
            End::Hang => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Proper && self.frames.is_empty() && self.wait.is_none()
    }
}

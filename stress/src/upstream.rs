//! The model server: HTTP/1.1 on 127.0.0.1, healthy or in trouble as a script says.
//!
//! It lives on the runtime of the run that uses it, and ends with it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::RETRY_AFTER;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

/// How many times longer everything takes while the server is slow.
pub const SLOWDOWN: u32 = 3;

/// Tokens of a prompt that are read in a second, and tokens that are written in one.
const PREFILL: f64 = 40_000.0;
const DECODE: f64 = 500.0;

/// The longest prompt that it takes. It answers a longer one with 400, however it is.
pub const MOST_CONTEXT: u32 = 128_000;

const BACKLOG: u32 = 4_096;

/// How the server treats a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers in the time that the tokens take.
    Healthy,
    /// Answers, in [`SLOWDOWN`] times that.
    Slow,
    /// Answers 429 at once, until its own window is over: the Retry-After says when that is.
    Limited,
    /// Takes the connection and the request, and never answers.
    Hanging,
    /// Has no listener: connections are refused.
    Refused,
    /// Answers 503 at once.
    Unavailable,
    /// Answers 500 at once.
    Failing,
}

impl Behaviour {
    /// Whether a request can come to anything.
    pub fn serves(self) -> bool {
        matches!(self, Self::Healthy | Self::Slow)
    }
}

/// What a caller asks for, as JSON.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// Tokens of the prompt.
    pub context_tokens: u32,
    /// Tokens to generate.
    pub generated_tokens: u32,
}

/// How long the server works on a request.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How many seconds of the trace pass in one.
    pub speed: f64,
    /// No request takes longer than this: what a server's own limit on output does.
    pub longest: Duration,
}

impl Work {
    fn takes(&self, ask: Ask, behaviour: Behaviour) -> Duration {
        let seconds =
            f64::from(ask.context_tokens) / PREFILL + f64::from(ask.generated_tokens) / DECODE;
        let healthy = Duration::from_secs_f64(seconds).div_f64(self.speed);
        let factor = if behaviour == Behaviour::Slow { SLOWDOWN } else { 1 };
        healthy.min(self.longest / SLOWDOWN) * factor
    }

    /// A Retry-After for a wait: whole seconds of the trace, as nothing shorter can be said.
    fn retry_after(&self, wait: Duration) -> u64 {
        (wait.as_secs_f64() * self.speed).ceil().max(1.0) as u64
    }

    /// The wait that a Retry-After stands for.
    pub fn wait(&self, retry_after: u64) -> Duration {
        let seconds = retry_after as f64 / self.speed;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// What the server does now. Every restart begins another life, and nothing of an
/// earlier life goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    behaviour: Behaviour,
    life: u32,
    /// When it will do something else, if it will.
    until: Option<Instant>,
}

/// A change of the server: one that it is to make, or one that it made.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The time, from the start of the run.
    pub at: Duration,
    /// What it does from then on.
    pub behaviour: Behaviour,
}

/// A running server.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    work: Work,
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
    /// The port of a server that is down: bound, so that nobody else gets it, but no more.
    kept: Option<TcpSocket>,
    turns: Rc<RefCell<Vec<Turn>>>,
}

impl Upstream {
    /// Starts a healthy server on a free port.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub fn start(work: Work) -> io::Result<Self> {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        let mode = watch::Sender::new(Mode { behaviour: Behaviour::Healthy, life: 0, until: None });
        let accepting = listen(socket, &mode, work)?;
        Ok(Self { address, work, mode, accepting, kept: None, turns: Rc::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The changes made so far and when they really were, also after [`play`](Self::play) took the server.
    pub fn turns(&self) -> Rc<RefCell<Vec<Turn>>> {
        Rc::clone(&self.turns)
    }

    /// Goes through `script`, whose times count from `zero`, and then stays as it is.
    ///
    /// # Errors
    ///
    /// The port could not be given up or taken again.
    pub async fn play(
        mut self,
        script: impl Iterator<Item = Turn>,
        zero: Instant,
    ) -> io::Result<()> {
        let mut script = script.peekable();
        while let Some(Turn { at, behaviour }) = script.next() {
            sleep_until(zero + at).await;
            self.turn(behaviour, script.peek().map(|next| zero + next.at))?;
            self.turns.borrow_mut().push(Turn { at: zero.elapsed(), behaviour });
        }
        pending().await
    }

    /// Does something else from now on, `until` then, as far as it can say.
    pub(crate) fn turn(&mut self, behaviour: Behaviour, until: Option<Instant>) -> io::Result<()> {
        let was = *self.mode.borrow();
        // A server that hangs does not come round, it is restarted; one that refuses is down.
        let restart = was.behaviour == Behaviour::Hanging || behaviour == Behaviour::Refused;
        let life = was.life + u32::from(restart && was.behaviour != behaviour);
        self.mode.send_replace(Mode { behaviour, life, until });
        if behaviour == Behaviour::Refused {
            // Bound before the listener goes: at no time is the port anybody else's.
            if self.kept.is_none() {
                self.kept = Some(bind(self.address)?);
            }
            self.accepting.abort();
        } else if let Some(socket) = self.kept.take() {
            self.accepting = listen(socket, &self.mode, self.work)?;
        }
        Ok(())
    }
}

fn listen(socket: TcpSocket, mode: &watch::Sender<Mode>, work: Work) -> io::Result<JoinHandle<()>> {
    let listener = socket.listen(BACKLOG)?;
    Ok(spawn_local(accept(listener, mode.subscribe(), work)))
}

/// A socket on `address` that does not listen yet. The port may be shared, because a
/// server that is down keeps its own.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, mode: watch::Receiver<Mode>, work: Work) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(spawn_local(serve(stream, mode.clone(), work))),
            // No file descriptor free, or the peer has gone: the next one may fare better.
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}

async fn serve(stream: TcpStream, mode: watch::Receiver<Mode>, work: Work) {
    // Without it an answer may wait for an acknowledgement that is delayed by 40 ms.
    let _ = stream.set_nodelay(true);
    let mut life = mode.clone();
    let mine = life.borrow_and_update().life;
    let service = service_fn(move |request| answer(request, mode.clone(), work));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // The caller hung up, in order or not; either way there is nobody to tell.
        _ = connection => {}
        // A restart cuts the connection, whatever it was in.
        _ = life.wait_for(|mode| mode.life != mine) => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    mode: watch::Receiver<Mode>,
    work: Work,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let plain = |status, body| {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response
    };
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let Some(ask) = body.ok().and_then(|body| serde_json::from_slice::<Ask>(&body).ok()) else {
        return Ok(plain(StatusCode::BAD_REQUEST, Bytes::new()));
    };
    if ask.context_tokens > MOST_CONTEXT {
        return Ok(plain(StatusCode::BAD_REQUEST, Bytes::new()));
    }
    let Mode { behaviour, until, .. } = *mode.borrow();
    Ok(match behaviour {
        Behaviour::Healthy | Behaviour::Slow => {
            sleep(work.takes(ask, behaviour)).await;
            let said = serde_json::to_vec(&ask).unwrap_or_default();
            plain(StatusCode::OK, Bytes::from(said))
        }
        Behaviour::Limited => {
            let mut response = plain(StatusCode::TOO_MANY_REQUESTS, Bytes::new());
            let wait = until.map_or(Duration::ZERO, |until| until - Instant::now());
            response.headers_mut().insert(RETRY_AFTER, work.retry_after(wait).into());
            response
        }
        // Refused: a connection of the old life that is about to be cut.
        Behaviour::Hanging | Behaviour::Refused => pending().await,
        Behaviour::Unavailable => plain(StatusCode::SERVICE_UNAVAILABLE, Bytes::new()),
        Behaviour::Failing => plain(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work { speed: 100.0, longest: Duration::from_millis(90) };

    fn takes(context_tokens: u32, generated_tokens: u32, behaviour: Behaviour) -> Duration {
        WORK.takes(Ask { context_tokens, generated_tokens }, behaviour)
    }

    #[test]
    fn work_is_counted_in_tokens_and_compressed() {
        assert_eq!(takes(40_000, 500, Behaviour::Healthy), Duration::from_millis(20));
        assert_eq!(takes(40_000, 500, Behaviour::Slow), Duration::from_millis(60));
        assert_eq!(takes(0, 0, Behaviour::Healthy), Duration::ZERO);
    }

    #[test]
    fn a_retry_after_is_in_whole_seconds_of_the_trace_and_never_too_short() {
        let said = |ms| WORK.retry_after(Duration::from_millis(ms));
        assert_eq!([0, 1, 10, 11, 25].map(said), [1, 1, 1, 2, 3]);
        assert_eq!(WORK.wait(3), Duration::from_millis(30));
        assert_eq!(WORK.wait(u64::MAX), Duration::from_secs_f64(u64::MAX as f64 / 100.0));
        assert_eq!(Work { speed: 1e-9, ..WORK }.wait(u64::MAX), Duration::MAX);
    }

    #[test]
    fn no_request_takes_longer_than_the_longest() {
        assert_eq!(takes(u32::MAX, u32::MAX, Behaviour::Healthy), WORK.longest / SLOWDOWN);
        assert_eq!(takes(u32::MAX, u32::MAX, Behaviour::Slow), WORK.longest);
    }
}

//! The caller's side of HTTP: connections kept while they work, a timeout on everything.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout_at};

use super::tally::Fate;
use crate::upstream::{Ask, Work};

/// A timer that fires this late shows that the program was held up.
const PUNCTUAL: Duration = Duration::from_millis(5);

type Sender = SendRequest<Full<Bytes>>;

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) fate: Fate,
    /// For how long the server asked to stay away.
    pub(crate) stay_away: Option<Duration>,
}

impl From<Fate> for Answer {
    fn from(fate: Fate) -> Self {
        Self { fate, stay_away: None }
    }
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    patience: Duration,
    work: Work,
    idle: RefCell<Vec<Sender>>,
}

impl Client {
    /// `work` is the server's, whose seconds are those of the trace.
    pub(crate) fn new(address: SocketAddr, patience: Duration, work: Work) -> Self {
        Self { address, patience, work, idle: RefCell::default() }
    }

    /// Makes one request; never [`Fate::Rejected`].
    ///
    /// The timeout counts time in which this program ran. Server and client share a
    /// thread, so while the machine holds it up neither can do anything, and a timeout
    /// that comes due meanwhile would say nothing of the server. The caller's latency
    /// counts such a stall all the same.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let exchange = self.exchange(ask);
        tokio::pin!(exchange);
        let due = Instant::now() + self.patience;
        if let Ok(ended) = timeout_at(due, &mut exchange).await {
            return ended.unwrap_or_else(Answer::from);
        }
        let held_up = due.elapsed();
        if held_up > PUNCTUAL {
            let again = Instant::now() + held_up.min(self.patience);
            if let Ok(ended) = timeout_at(again, &mut exchange).await {
                return ended.unwrap_or_else(Answer::from);
            }
        }
        Fate::TimedOut.into()
    }

    async fn exchange(&self, ask: Ask) -> Result<Answer, Fate> {
        let request = self.request(ask).map_err(|_| Fate::Unsent)?;
        let (mut sender, response) = self.send(request).await?;
        let (head, body) = response.into_parts();
        body.collect().await.map_err(|_| Fate::Cut)?;
        if sender.ready().await.is_ok() {
            self.idle.borrow_mut().push(sender);
        }
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|said| said.to_str().ok());
        let stay_away = retry_after.and_then(|said| said.parse().ok());
        let fate = match head.status {
            StatusCode::OK => Fate::Served,
            StatusCode::TOO_MANY_REQUESTS if stay_away.is_some() => Fate::Limited,
            StatusCode::BAD_REQUEST => Fate::Invalid,
            status if status.is_server_error() => Fate::Unavailable,
            _ => Fate::Unsent,
        };
        Ok(Answer { fate, stay_away: stay_away.map(|seconds| self.work.wait(seconds)) })
    }

    fn request(&self, ask: Ask) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error>> {
        let body = serde_json::to_vec(&ask)?;
        Ok(Request::post("/v1/completions")
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?)
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Sender, Response<Incoming>), Fate> {
        // The latest connection first, so that the others may go out of use.
        while let Some(mut sender) = self.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((sender, response)),
                // It had been closed while it was idle and nothing was sent: no request yet.
                Err(mut error) => request = error.take_message().ok_or(Fate::Cut)?,
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(|_| Fate::Cut)?;
        Ok((sender, response))
    }

    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> Result<Sender, Fate> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| fate(&error))?;
        let _ = stream.set_nodelay(true);
        // A connection given up is gone at once: thousands of them, closed in order, would
        // each hold a port for a minute.
        let _ = stream.set_zero_linger();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Fate::Cut)?;
        spawn_local(connection);
        Ok(sender)
    }
}

/// What a failed connect says of the server, or of this machine.
fn fate(error: &io::Error) -> Fate {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fate::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Fate::Cut,
        _ => Fate::Unsent,
    }
}

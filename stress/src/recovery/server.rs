//! The dependency of a scenario that is played for real: the replay's model server on a
//! thread of its own, told what to do by the script, and asked by any thread.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::replay::client::Client;
use crate::replay::tally::Fate;
use crate::upstream::{Ask, Behaviour, Upstream, Work};

/// Tokens that the server writes in a second are what an answer's time is said in.
const TOKENS_A_SECOND: f64 = 500.0;
const WORK: Work = Work { speed: 1.0, longest: Duration::from_secs(60) };
/// A busy machine is no reason to give an answer up.
const PATIENCE: Duration = Duration::from_secs(20);

type Order = (Behaviour, mpsc::Sender<io::Result<()>>);

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    orders: UnboundedSender<Order>,
}

impl Server {
    /// Starts one, healthy, on a free port.
    ///
    /// # Errors
    ///
    /// No thread, no port, or no descriptor for it.
    pub(super) fn start() -> io::Result<Self> {
        let (orders, inbox) = unbounded_channel();
        let (tell, told) = mpsc::channel();
        thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            let started = runtime().and_then(|runtime| {
                let local = LocalSet::new();
                let upstream = local.block_on(&runtime, async { Upstream::start(WORK) })?;
                Ok((runtime, local, upstream))
            });
            match started {
                Ok((runtime, local, upstream)) => {
                    let _ = tell.send(Ok(upstream.address()));
                    local.block_on(&runtime, serve(upstream, inbox));
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        })?;
        let address = told.recv().map_err(|_| io::Error::other("the server ended"))??;
        Ok(Self { address, orders })
    }

    /// Has it behave otherwise; every request from now on finds it so.
    ///
    /// # Errors
    ///
    /// The port could not be given up or taken again.
    pub(super) fn turn(&self, behaviour: Behaviour) -> io::Result<()> {
        let (tell, told) = mpsc::channel();
        let gone = || io::Error::other("the server ended");
        self.orders.send((behaviour, tell)).map_err(|_| gone())?;
        told.recv().map_err(|_| gone())?
    }

    /// Makes a request over a connection of its own; the answer of a healthy server takes
    /// so long.
    ///
    /// # Errors
    ///
    /// In a word, why the request came to nothing.
    pub(super) fn ask(&self, takes: Duration) -> Result<(), Trouble> {
        let generated_tokens = (takes.as_secs_f64() * TOKENS_A_SECOND).round() as u32;
        let ask = Ask { context_tokens: 0, generated_tokens };
        let runtime = runtime().map_err(|error| Trouble::Ours(error.to_string()))?;
        let client = Client::new(self.address, PATIENCE, WORK);
        let answer = LocalSet::new().block_on(&runtime, client.ask(ask));
        match answer.fate {
            Fate::Served => Ok(()),
            Fate::Unsent | Fate::TimedOut => Err(Trouble::Ours(format!("{:?}", answer.fate))),
            fate => Err(Trouble::Theirs(format!("{fate:?}"))),
        }
    }
}

/// Whose fault it was that a request came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server's, as the script wanted it.
    Theirs(String),
    /// This machine's: no socket, or no answer in a time that should do for anything.
    Ours(String),
}

async fn serve(mut upstream: Upstream, mut inbox: UnboundedReceiver<Order>) {
    while let Some((behaviour, tell)) = inbox.recv().await {
        let turned = upstream.turn(behaviour, None);
        // What the turn stopped ends before the next request comes.
        tokio::task::yield_now().await;
        let _ = tell.send(turned);
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

//! A process that has run out of file descriptors, which is a process of its own.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use ampacity::{CircuitBreaker, State};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::scenario::{Scenario, Wrong};
use super::scene::{Halt, Scene};
use super::subject::{End, Rules};

pub(super) const EXHAUSTION: Scenario = Scenario {
    name: "descriptor_exhaustion",
    holds: "With no descriptor left it opens on the callers' errors, and recovers.",
    script: exhaustion,
    wrong: &[
        Wrong { what: "opens at the first failure", set: |b| b.failure_threshold(1) },
        Wrong { what: "never opens", set: |b| b.failure_threshold(1_000_000) },
        Wrong { what: "one good probe closes it", set: |b| b.success_threshold(1) },
    ],
    alone: true,
};

/// As many descriptors as the process may have in all.
const MOST: u64 = 128;

fn exhaustion(scene: &Scene) -> Result<(), Halt> {
    let wait = scene.wait();
    let api = scene.breaker("api", Rules::waiting(wait))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Halt::failed)?;
    let address = listener.local_addr().map_err(Halt::failed)?;
    let connect = || connect(address);

    for _ in 0..5 {
        let end = scene.call_with(&api, connect);
        scene.must(end == End::Good, || format!("a connection ended as {end:?} at first"));
        drop(listener.accept());
    }
    let hoard = hoard()?;
    let ends: Vec<End> = (0..5).map(|_| scene.call_with(&api, connect)).collect();
    scene.must(ends == [End::Bad; 5], || {
        format!("without a descriptor, connections ended as {ends:?}")
    });
    scene.must(api.path() == [State::Open], || {
        format!("after five failures in a row it went {:?}", api.path())
    });
    let away: Vec<End> = (0..100).map(|_| scene.call_with(&api, connect)).collect();
    let away = away.iter().filter(|end| end.rejected()).count();
    scene.reach(away == 100, || format!("{away} of 100 calls were turned away while open"));

    // All of what it can do it can do without a descriptor; its files are all taken yet.
    let snapshot = api.breaker.snapshot();
    scene.must(snapshot.failed == 5 && snapshot.in_flight == 0, || {
        format!("{} failures, {} in flight", snapshot.failed, snapshot.in_flight)
    });
    let other = CircuitBreaker::builder("another").history(8).build().map_err(Halt::failed)?;
    other.trip();
    scene.must(other.state() == State::Open && other.history().len() == 1, || {
        "a breaker that was built meanwhile does not work".to_owned()
    });
    let ends = scene.crowd(4, |_| vec![scene.call_with(&api, connect)])?;
    scene.must(ends.len() == 4, || format!("{} of 4 threads called", ends.len()));
    scene.must(is_exhausted(), || "there was a descriptor left".to_owned());

    // A probe that meets the same trouble opens it again.
    scene.pass_wait(wait)?;
    let end = scene.call_with(&api, connect);
    scene.must(end == End::Bad, || format!("a probe without a descriptor ended as {end:?}"));
    scene
        .must(api.path().last() == Some(&State::Open), || "a bad probe did not open it".to_owned());

    drop(hoard);
    scene.pass_wait(wait)?;
    for (probe, then) in [("first", State::HalfOpen), ("second", State::Closed)] {
        let end = scene.call_with(&api, connect);
        scene.must(end == End::Good, || format!("the {probe} probe ended as {end:?}"));
        scene.must_be(&api, then, &format!("after the {probe} probe"));
    }
    let end = scene.call_with(&api, connect);
    scene.must(end == End::Good, || format!("a call after it closed ended as {end:?}"));
    Ok(())
}

fn connect(address: SocketAddr) -> Result<(), String> {
    TcpStream::connect(address).map(drop).map_err(|error| error.to_string())
}

/// Takes every descriptor that there is.
fn hoard() -> Result<Vec<File>, Halt> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(Halt::failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, MOST.min(hard), hard).map_err(Halt::failed)?;
    let mut hoard = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => hoard.push(file),
            Err(error) if none_left(&error) => return Ok(hoard),
            Err(error) => return Err(Halt::failed(error)),
        }
    }
}

fn is_exhausted() -> bool {
    File::open("/dev/null").is_err_and(|error| none_left(&error))
}

fn none_left(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EMFILE as i32)
}

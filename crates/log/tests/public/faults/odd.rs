//! Writers with faults.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// A disk in memory, with room for so many bytes.
#[derive(Clone, Default, Debug)]
pub(crate) struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: Arc<AtomicU64>,
    /// Whether it takes the part of a line that fits.
    tears: bool,
}

impl Disk {
    /// Takes of a line what fits, as a file system does.
    pub(crate) fn new(room: u64) -> Self {
        let disk = Disk { tears: true, ..Disk::default() };
        disk.make_room(room);
        disk
    }

    /// Takes whole lines only, and refuses what does not fit.
    pub(crate) fn of_whole_lines(room: u64) -> Self {
        Disk { tears: false, ..Disk::new(room) }
    }

    pub(crate) fn make_room(&self, room: u64) {
        // Relaxed: a flush or the queue's lock is between a test's thread and the writer's.
        self.room.store(room, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Relaxed: as above.
        let room = self.room.load(Ordering::Relaxed) as usize;
        let fits = bytes.len().min(room);
        if fits == 0 || !self.tears && fits < bytes.len() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.bytes.lock().unwrap().extend_from_slice(&bytes[..fits]);
        self.make_room((room - fits) as u64);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer before which a gate is shut; see [`gate`].
#[derive(Debug)]
pub(crate) struct Gated<W> {
    to: W,
    arrived: Sender<()>,
    opened: Receiver<()>,
}

/// The gate: a line goes through when it is let through, all do when this is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    arrived: Receiver<()>,
    open: Sender<()>,
}

/// Puts a gate before `to`.
pub(crate) fn gate<W: Write>(to: W) -> (Gate, Gated<W>) {
    let (arrive, arrived) = channel();
    let (open, opened) = channel();
    (Gate { arrived, open }, Gated { to, arrived: arrive, opened })
}

impl Gate {
    /// Waits until a line is before the gate; false if the writer is gone.
    pub(crate) fn wait(&self) -> bool {
        self.arrived.recv().is_ok()
    }

    /// Lets one line through, if the writer is not gone.
    pub(crate) fn let_through(&self) {
        let _ = self.open.send(());
    }
}

impl<W: Write> Write for Gated<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Without a gate there is nobody to be told, and nothing to wait for.
        let _ = self.arrived.send(());
        let _ = self.opened.recv();
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

//! A program that logs its panics.

use super::found::Found;
use super::process::alone;
use super::{emit, log_into, no_breaker, settled};
use ampacity_log::{EventType, Log, Memory, Sink, debug};
use std::fmt;
use std::io::{self, Write};
use std::panic;

/// Panics when it is shown, and at every write of a line with an even number.
struct Panics(Memory);

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a value")
    }
}

impl Write for Panics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.windows(7).any(|part| part == b"\"odd\":0"), "in a writer");
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<&str>().unwrap_or(&"something else");
        Log::installed().event(EventType::ErrorOccurred).message(text).emit();
    }));
}

#[test]
fn panics_of_values_and_of_writers_can_be_logged_to_the_very_same_log() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |_| {
        let memory = Memory::new();
        let sink = Sink::writer("panics", Panics(memory.clone()));
        let installed = log_into(sink.breaker(no_breaker()).no_fallback()).install().unwrap();
        log_panics();
        let log = Log::installed();
        log.event(EventType::Custom).field("i", 0).field("v", debug(Panics(Memory::new()))).emit();
        emit(log, 1..3);
        (0..10).for_each(|i| log.event(EventType::Custom).field("odd", i % 2).emit());
        settled(log);
        let counts = settled(log);
        let found = Found::of(&memory.bytes());
        assert_eq!((counts.written, counts.failed), (found.len(), 5));
        assert_eq!(found.numbers(), [0, 1, 2]);
        let told = found.of_type("error.occurred");
        let of = |text| told.iter().filter(|told| told["message"] == text).count();
        assert_eq!((of("in a value"), of("in a writer")), (1, 5));
        drop(installed);
    });
}

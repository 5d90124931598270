//! A process that may start no thread.

use super::process::alone;
use ampacity_log::{BuildError, Log, Sink};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Uid, geteuid, setresuid};

#[test]
fn a_log_that_finds_no_thread_for_its_writer_is_not_built_and_says_whose() {
    let dir = tempfile::tempdir().unwrap();
    alone("", dir.path(), |dir| {
        let sink = Sink::file(dir.join("app.jsonl")).called("the file");
        // The limit is not the superuser's.
        if geteuid().is_root() {
            let nobody = Uid::from_raw(65_534);
            std::os::unix::fs::chown(dir, Some(nobody.as_raw()), None).unwrap();
            setresuid(nobody, nobody, nobody).unwrap();
        }
        setrlimit(Resource::RLIMIT_NPROC, 0, 0).unwrap();
        let error = Log::builder("test").sink(sink).build().unwrap_err();
        assert!(matches!(&error, BuildError::Sink { name, .. } if name == "the file"), "{error:?}");
    });
}

//! What is asked for, and what is refused.

use super::*;

fn refused(options: Options) -> Option<String> {
    prepare(options, Size::Full).err().map(|Refusal(why)| why)
}

#[test]
fn too_many_calls_and_too_many_threads_are_refused_by_flag() {
    let options = |threads: &[u32], calls| Options {
        threads: threads.to_vec(),
        calls: Some(calls),
        ..Options::default()
    };
    let calls = refused(options(&[1_000], 1_000_001)).unwrap();
    assert!(calls.contains("--calls 1000001"), "{calls}");
    assert_eq!(refused(options(&[2], 10)), None);
    if cfg!(target_os = "linux") {
        let threads = refused(options(&[1, 1_000_000], 1)).unwrap();
        assert!(threads.contains("--threads 1000000: needs"), "{threads}");
    }
}

#[test]
fn breakers_that_do_not_fit_in_memory_are_refused() {
    if cfg!(target_os = "linux") {
        let breakers = Some(10_000_000);
        let why = refused(Options { threads: vec![2], breakers, ..Options::default() }).unwrap();
        assert!(why.starts_with("--breakers 10000000:") && why.contains("memory"), "{why}");
        // Those that are not asked for need none.
        let workloads = vec!["success".to_owned()];
        let options = Options { threads: vec![2], breakers, workloads, ..Options::default() };
        assert_eq!(refused(options), None);
    }
}

#[test]
fn an_unknown_workload_is_refused() {
    let workloads = vec!["succes".to_owned()];
    let why = refused(Options { workloads, ..Options::default() }).unwrap();
    assert!(why.contains("--workloads succes:"), "{why}");
}

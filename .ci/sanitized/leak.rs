//! Forgets memory: a sanitizer that is at work says "detected memory leaks".

fn main() {
    // On a thread of its own, whose stack and registers are gone at the end: what still
    // points there is no leak.
    let forgets = || (0..100).for_each(|_| std::mem::forget(vec![7_u8; 1_000]));
    let ended = std::thread::spawn(forgets).join();
    assert!(ended.is_ok());
}

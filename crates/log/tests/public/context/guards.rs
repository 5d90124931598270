//! Guards that are kept too long, dropped too early, or given away.

use super::{Fields, caught, fall, seen};
use ampacity_log::Context;
use ampacity_log::context::{self, Entered};
use std::cell::{Cell, RefCell};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{self, Poll, Waker};
use std::thread;

fn a(value: u32) -> Context {
    Context::new().with("a", value)
}

fn nothing() -> Fields {
    Fields::new()
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

/// Pending the first time.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|_| match mem::replace(&mut paused, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await
}

#[test]
fn the_inner_of_two_fields_counts_until_it_is_left() {
    let outer = context::scoped("a", 1);
    {
        let _inner = context::scoped("a", 2);
        assert_eq!(seen(), [("a", 2)].into());
    }
    assert_eq!(seen(), [("a", 1)].into());
    drop(outer);
    assert_eq!(seen(), nothing());
}

#[test]
fn a_guard_dropped_too_early_takes_along_what_is_inside_it() {
    let _outermost = context::scoped("a", 1);
    let outer = context::scoped("b", 2);
    let inner = context::scoped("c", 3);
    drop(outer);
    assert_eq!(seen(), [("a", 1)].into());

    // What has been left already is not left again.
    let _later = context::scoped("b", 4);
    drop(inner);
    assert_eq!(seen(), [("a", 1), ("b", 4)].into());
}

#[test]
fn a_forgotten_guard_is_left_with_what_it_is_in() {
    {
        let _outer = context::scoped("a", 1);
        mem::forget(context::scoped("b", 2));
    }
    assert_eq!(seen(), nothing());

    a(1).scope(|| mem::forget(context::scoped("b", 2)));
    assert_eq!(seen(), nothing());
}

#[test]
fn a_guard_that_leaves_its_scope_does_nothing() {
    let _outer = context::scoped("b", 2);
    let guard = a(1).scope(|| context::scoped("a", 3));
    assert_eq!(seen(), [("b", 2)].into());
    drop(guard);
    assert_eq!(seen(), [("b", 2)].into());
}

#[test]
fn a_guard_dropped_inside_another_scope_is_left_when_that_ends() {
    let _outermost = context::scoped("c", 0);
    let outer = context::scoped("b", 2);
    let inner = context::scoped("c", 3);
    a(1).scope(|| {
        drop(outer);
        assert_eq!(seen(), [("a", 1)].into());
    });
    assert_eq!(seen(), [("c", 0)].into());
    drop(inner);
    assert_eq!(seen(), [("c", 0)].into());
}

#[test]
fn a_panic_leaves_what_it_goes_through() {
    let _outer = context::scoped("a", 1);
    caught(|| {
        let _inner = context::scoped("b", 2);
        a(3).scope(|| {
            let _innermost = context::scoped("c", 4);
            fall()
        })
    });
    assert_eq!(seen(), [("a", 1)].into());
}

#[test]
fn a_guard_held_across_an_await_sleeps_with_its_future() {
    let held = |value| {
        a(value).wrap(async move {
            let _held = context::scoped("b", value);
            pause().await;
            seen()
        })
    };
    let (mut one, mut two) = (pin!(held(1)), pin!(held(2)));
    let _outside = context::scoped("c", 9);
    for future in [&mut one, &mut two] {
        assert!(poll(future.as_mut()).is_pending());
        assert_eq!(seen(), [("c", 9)].into());
    }
    assert_eq!(poll(one), Poll::Ready([("a", 1), ("b", 1)].into()));
    assert_eq!(poll(two), Poll::Ready([("a", 2), ("b", 2)].into()));
    assert_eq!(seen(), [("c", 9)].into());
}

#[test]
fn a_guard_moved_into_a_future_is_left_there() {
    let outside = context::scoped("c", 9);
    let mut future = pin!(a(1).wrap(async move {
        drop(outside);
        seen()
    }));
    assert_eq!(poll(future.as_mut()), Poll::Ready([("a", 1)].into()));
    assert_eq!(seen(), nothing());
}

#[test]
fn a_guard_that_comes_out_of_a_future_does_nothing() {
    let mut future = pin!(a(1).wrap(async { context::scoped("b", 2) }));
    let Poll::Ready(guard) = poll(future.as_mut()) else { panic!("it does not wait") };
    assert_eq!(seen(), nothing());
    drop(guard);
    assert_eq!(seen(), nothing());
}

#[test]
fn a_guard_that_is_dropped_while_its_future_sleeps_stays_in_that_future() {
    let given_away: RefCell<Option<Entered>> = RefCell::default();
    let mut future = pin!(a(1).wrap(async {
        *given_away.borrow_mut() = Some(context::scoped("b", 2));
        pause().await;
        seen()
    }));
    assert!(poll(future.as_mut()).is_pending());
    let _outside = context::scoped("c", 9);
    given_away.take();
    assert_eq!(seen(), [("c", 9)].into());
    assert_eq!(poll(future.as_mut()), Poll::Ready([("a", 1), ("b", 2)].into()));
    assert_eq!(seen(), [("c", 9)].into());
}

#[test]
fn a_future_is_dropped_in_its_context() {
    struct Looks<'a>(&'a Cell<Option<u32>>);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            self.0.set(Context::current().get("a"));
        }
    }
    let at_end = Cell::new(None);
    let looks = Looks(&at_end);
    drop(a(1).wrap(async move {
        let _looks = looks;
        pause().await;
    }));
    assert_eq!(at_end.get(), Some(1));
    assert_eq!(seen(), nothing());
}

#[test]
fn a_wrapped_future_may_go_where_its_future_may() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let (sender, receiver) = tokio::sync::oneshot::channel::<u32>();
    drop(send(a(1).wrap(receiver)));
    drop(send(Context::current()));
    drop(sender);
}

/// A thread's own variables go in an order of their own: what is used first goes last, so
/// that one of these outlives the thread's context.
#[test]
fn at_the_end_of_a_thread_contexts_are_empty_and_nothing_panics() {
    static HAD_CONTEXTS: Mutex<Vec<bool>> = Mutex::new(Vec::new());

    struct Last(Cell<Option<Entered>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let has_contexts = a(1).scope(seen) == [("a", 1)].into();
            HAD_CONTEXTS.lock().unwrap().push(has_contexts);

            drop(self.0.take());
            let _entered = context::scoped("b", 2);
            let mut future = pin!(a(3).wrap(pause()));
            assert!(poll(future.as_mut()).is_pending());
            assert_eq!(seen().get("b"), has_contexts.then_some(&2));
            if !has_contexts {
                assert_eq!(seen(), nothing());
            }
        }
    }
    thread_local! {
        static FIRST: Last = const { Last(Cell::new(None)) };
        static SECOND: Last = const { Last(Cell::new(None)) };
    }
    let ended = thread::spawn(|| {
        FIRST.with(|last| last.0.set(Some(context::scoped("c", 1))));
        SECOND.with(|last| last.0.set(Some(context::scoped("c", 2))));
    });
    ended.join().expect("the body does not panic, and a destructor that does ends the process");
    assert_eq!(*HAD_CONTEXTS.lock().unwrap(), [true, false]);
}

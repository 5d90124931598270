//! The context that a thread is in.
//!
//! No user's code runs while the thread's stack is borrowed: fields are bytes, and dropping
//! them calls nothing. Should a global allocator log, it finds an empty context, and
//! what it enters is not entered; nothing panics.

use super::Context;
use super::stack::{Stack, Ticket};
use core::cell::RefCell;
use core::marker::PhantomData;

thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack::new(Context::new())) };
}

/// Reads the current context without a reference more; an empty one while the thread's own
/// variables are dropped. `read` must not enter nor leave.
pub(crate) fn current<R>(mut read: impl FnMut(&Context) -> R) -> R {
    let seen = STACK.try_with(|stack| Some(read(stack.try_borrow().ok()?.current())));
    match seen {
        Ok(Some(seen)) => seen,
        _ => read(&Context::new()),
    }
}

/// `None`, and nothing done, where there is no stack: see `current`.
fn change<R>(step: impl FnOnce(&mut Stack) -> R) -> Option<R> {
    STACK.try_with(|stack| Some(step(&mut *stack.try_borrow_mut().ok()?))).ok()?
}

/// A context is entered until this is dropped; see [`Context::enter`].
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// # use ampacity_log::Context;
/// let entered = Context::new().enter();
/// std::thread::spawn(move || drop(entered));
/// ```
#[must_use = "the context is left when the guard is dropped: bind it to a name, not to `_`"]
#[derive(Debug)]
pub struct Entered {
    /// None where the thread's own variables were being dropped.
    ticket: Option<Ticket>,
    on_this_thread: PhantomData<*const ()>,
}

impl Entered {
    pub(super) fn new(context: Context) -> Self {
        let ticket = change(|stack| stack.enter(context));
        Entered { ticket, on_this_thread: PhantomData }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            change(|stack| stack.leave(ticket));
        }
    }
}

/// The thread runs `task` until this is dropped: within one call, so that what keeps `resume`
/// from the stack keeps `suspend` from it too.
pub(super) struct Inside<'a> {
    task: &'a mut Stack,
}

impl<'a> Inside<'a> {
    pub(super) fn new(task: &'a mut Stack) -> Self {
        change(|stack| stack.resume(task));
        Inside { task }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        change(|stack| stack.suspend(self.task));
    }
}

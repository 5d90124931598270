//! A future that brings its context along.

use super::Context;
use super::entered::Inside;
use super::stack::Stack;
use core::pin::Pin;
use core::task::{self, Poll};
use pin_project_lite::pin_project;

pin_project! {
    /// A future in a context; see [`Context::wrap`].
    ///
    /// Whenever it is polled, and when it is dropped, its thread is in the context, and
    /// afterwards in the one that it was in before, also after a panic. A guard that the
    /// future holds across an `.await` is left and entered again with it. A guard that is
    /// given away does nothing where it is dropped: it counts as held until the future ends.
    #[must_use = "futures do nothing unless they are polled"]
    #[derive(Debug)]
    pub struct InContext<F> {
        // None once it is dropped.
        #[pin]
        future: Option<F>,
        stack: Stack,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _inside = Inside::new(this.stack);
            this.future.set(None);
        }
    }
}

impl<F> InContext<F> {
    pub(super) fn new(context: Context, future: F) -> Self {
        InContext { future: Some(future), stack: Stack::new(context) }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = Inside::new(this.stack);
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            // Nobody polls what is dropped.
            None => Poll::Pending,
        }
    }
}

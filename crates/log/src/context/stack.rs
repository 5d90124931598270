//! Which context one is in, and the ways back out of it.

use super::Context;
use core::mem;
use core::sync::atomic::{AtomicU64, Ordering};

/// Tells a guard's frame from all others, of all threads: a frame whose guard was forgotten
/// may come to another thread with its future.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket(u64);

impl Ticket {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Relaxed: only that no two are the same counts, and nothing is read on the
        // strength of it.
        Ticket(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The current context of a thread, or of a task while it sleeps.
#[derive(Debug)]
pub(super) struct Stack {
    current: Context,
    /// What was entered and not left, the innermost last.
    frames: Vec<Frame>,
}

/// One context that was entered.
#[derive(Debug)]
struct Frame {
    by: By,
    /// What was current before.
    outer: Context,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Guard(Ticket),
    /// A scope, or a future that is polled. Strictly nested, so it needs no ticket.
    Task,
}

impl Stack {
    pub(super) const fn new(current: Context) -> Self {
        Stack { current, frames: Vec::new() }
    }

    pub(super) fn current(&self) -> &Context {
        &self.current
    }

    pub(super) fn enter(&mut self, context: Context) -> Ticket {
        let ticket = Ticket::next();
        let outer = mem::replace(&mut self.current, context);
        self.frames.push(Frame { by: By::Guard(ticket), outer });
        ticket
    }

    /// Leaves what the guard entered, and what was entered inside that: up to the next task,
    /// which has a stack of its own and only comes back to another context at its end.
    ///
    /// Nothing where that has been left already, or sleeps with a task.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let by = By::Guard(ticket);
        let Some(first) = self.frames.iter().rposition(|frame| frame.by == by) else { return };
        let inside = self.frames[first..].iter().position(|frame| frame.by == By::Task);
        let end = inside.map_or(self.frames.len(), |inside| first + inside);

        let outer = mem::take(&mut self.frames[first].outer);
        match self.frames.get_mut(end) {
            Some(task) => task.outer = outer,
            None => self.current = outer,
        }
        self.frames.drain(first..end);
    }

    /// Goes on where `task` left off.
    pub(super) fn resume(&mut self, task: &mut Stack) {
        let outer = mem::replace(&mut self.current, mem::take(&mut task.current));
        self.frames.push(Frame { by: By::Task, outer });
        self.frames.append(&mut task.frames);
    }

    /// The way back from the last `resume`: `task` keeps what it has entered and not left.
    pub(super) fn suspend(&mut self, task: &mut Stack) {
        let Some(wall) = self.frames.iter().rposition(|frame| frame.by == By::Task) else { return };
        task.frames.extend(self.frames.drain(wall + 1..));
        if let Some(Frame { outer, .. }) = self.frames.pop() {
            task.current = mem::replace(&mut self.current, outer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    fn context(n: u32) -> Context {
        Context::new().with("n", n)
    }

    /// What a thread or a task is in by the model: a context of its own, and on it what
    /// its guards entered.
    #[derive(Default)]
    struct Task {
        own: Option<u32>,
        guards: Vec<(usize, u32)>,
    }

    impl Task {
        fn current(&self) -> Option<u32> {
            self.guards.last().map(|guard| guard.1).or(self.own)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Enter,
        Leave(Index),
        Begin,
        GoOn(Index),
        Pause,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Enter),
            any::<Index>().prop_map(Step::Leave),
            Just(Step::Begin),
            any::<Index>().prop_map(Step::GoOn),
            Just(Step::Pause),
        ]
    }

    proptest! {
        #[test]
        fn each_task_has_its_own_guards_and_leaving_one_leaves_those_inside_it(
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut stack = Stack::new(Context::new());
            let mut tickets = Vec::new();
            let mut running = vec![Task::default()];
            // The tasks that `running` has, but for the thread, and those that sleep.
            let mut stacks = Vec::new();
            let mut asleep = Vec::new();

            for (n, step) in (0..).zip(steps) {
                match step {
                    Step::Enter => {
                        running.last_mut().unwrap().guards.push((tickets.len(), n));
                        tickets.push(stack.enter(context(n)));
                    }
                    Step::Leave(_) if tickets.is_empty() => {}
                    Step::Leave(which) => {
                        let which = which.index(tickets.len());
                        for Task { guards, .. } in &mut running {
                            if let Some(at) = guards.iter().position(|guard| guard.0 == which) {
                                guards.truncate(at);
                            }
                        }
                        stack.leave(tickets[which]);
                    }
                    Step::Begin => {
                        let mut own = Stack::new(context(n));
                        stack.resume(&mut own);
                        stacks.push(own);
                        running.push(Task { own: Some(n), guards: Vec::new() });
                    }
                    Step::GoOn(_) if asleep.is_empty() => {}
                    Step::GoOn(which) => {
                        let (mut own, task) = asleep.swap_remove(which.index(asleep.len()));
                        stack.resume(&mut own);
                        stacks.push(own);
                        running.push(task);
                    }
                    Step::Pause => {
                        if let Some(mut own) = stacks.pop() {
                            stack.suspend(&mut own);
                            asleep.push((own, running.pop().unwrap()));
                        }
                    }
                }
                let expected = running.last().unwrap().current();
                prop_assert_eq!(stack.current().get("n"), expected);
            }
            while let Some(mut own) = stacks.pop() {
                stack.suspend(&mut own);
                running.pop();
                prop_assert_eq!(stack.current().get("n"), running.last().unwrap().current());
            }
        }
    }
}

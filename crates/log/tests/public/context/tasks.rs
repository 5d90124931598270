//! Tasks that take turns, on one thread and on several.

use super::{Field, Fields, LookAtEnd, Looks, caught, context_with, fall, field, seen, with};
use ampacity_log::Context;
use ampacity_log::context::{InContext, scoped};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Waker};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};

#[derive(Clone, Debug)]
enum Step {
    Look,
    Yield,
    Panic,
    /// In a wrapped future.
    Wrap(Field, Vec<Step>),
    /// Under a guard that is held across what the steps await.
    Hold(Field, Vec<Step>),
}

/// A task: its own context, and what it does.
type Task = (Fields, Vec<Step>);

fn tasks() -> impl Strategy<Value = Vec<Task>> {
    let leaf = prop_oneof![3 => Just(Step::Look), 6 => Just(Step::Yield), 1 => Just(Step::Panic)];
    let step = leaf.prop_recursive(4, 20, 4, |step| {
        let steps = prop::collection::vec(step, 0..4);
        prop_oneof![
            (field(), steps.clone()).prop_map(|(field, steps)| Step::Wrap(field, steps)),
            (field(), steps).prop_map(|(field, steps)| Step::Hold(field, steps)),
        ]
    });
    let own = prop::collection::vec(field(), 0..3).prop_map(BTreeMap::from_iter);
    prop::collection::vec((own, prop::collection::vec(step, 1..6)), 1..5)
}

fn context(fields: &Fields) -> Context {
    fields
        .iter()
        .fold(Context::new(), |context, (name, value)| context_with(context, (name, *value)))
}

type Local<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
type Sent<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

fn run<'a>(steps: &'a [Step], model: Fields, looks: &'a Looks) -> Local<'a> {
    Box::pin(async move {
        let _at_end = LookAtEnd(looks, &model);
        for step in steps {
            match step {
                Step::Look => {}
                Step::Yield => yield_now().await,
                Step::Panic => fall(),
                Step::Wrap(field, steps) => {
                    let inner = run(steps, with(&model, *field), looks);
                    context_with(Context::current(), *field).wrap(inner).await;
                }
                Step::Hold(field, steps) => {
                    let _held = context_with(Context::current(), *field).enter();
                    run(steps, with(&model, *field), looks).await;
                }
            }
            looks.look(&model);
        }
    })
}

/// The same without guards, which do not go from thread to thread.
fn run_anywhere<'a>(steps: &'a [Step], model: Fields, looks: &'a Looks) -> Sent<'a> {
    Box::pin(async move {
        let _at_end = LookAtEnd(looks, &model);
        for step in steps {
            match step {
                Step::Look => {}
                Step::Yield => yield_now().await,
                Step::Panic => fall(),
                Step::Wrap(field, steps) | Step::Hold(field, steps) => {
                    let inner = run_anywhere(steps, with(&model, *field), looks);
                    context_with(Context::current(), *field).wrap(inner).await;
                }
            }
            looks.look(&model);
        }
    })
}

/// Looks again and again, as a task that nobody gave a context.
async fn bystander(looks: Arc<Looks>) {
    for _ in 0..8 {
        looks.look(&Fields::new());
        yield_now().await;
    }
}

/// What the thread does next that runs the tasks by hand.
#[derive(Clone, Debug)]
enum Turn {
    Poll(Index),
    Drop(Index),
    Enter(Field),
    Leave,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        12 => any::<Index>().prop_map(Turn::Poll),
        1 => any::<Index>().prop_map(Turn::Drop),
        2 => field().prop_map(Turn::Enter),
        2 => Just(Turn::Leave),
    ];
    prop::collection::vec(turn, 0..60)
}

fn runtime(builder: &mut Builder) -> Runtime {
    builder.build().expect("threads can be started")
}

proptest! {
    #[test]
    fn tasks_that_take_turns_see_their_own_context_in_any_order(
        tasks in tasks(),
        turns in turns(),
    ) {
        let looks = Looks::new();
        let polled = |task: &mut Pin<Box<InContext<Local<'_>>>>| {
            let mut done = true;
            let mut cx = task::Context::from_waker(Waker::noop());
            caught(|| done = task.as_mut().poll(&mut cx).is_ready());
            done
        };
        let mut running: Vec<_> = tasks
            .iter()
            .map(|(own, steps)| Box::pin(context(own).wrap(run(steps, own.clone(), &looks))))
            .collect();
        let mut held = Vec::new();
        let mut models = vec![Fields::new()];

        for turn in turns {
            match turn {
                Turn::Poll(_) | Turn::Drop(_) if running.is_empty() => {}
                Turn::Poll(which) => {
                    let which = which.index(running.len());
                    if polled(&mut running[which]) {
                        drop(running.swap_remove(which));
                    }
                }
                Turn::Drop(which) => drop(running.swap_remove(which.index(running.len()))),
                Turn::Enter(field) => {
                    models.push(with(models.last().unwrap(), field));
                    held.push(context_with(Context::current(), field).enter());
                }
                Turn::Leave => {
                    if held.pop().is_some() {
                        models.pop();
                    }
                }
            }
            looks.look(models.last().unwrap());
        }
        drop(running);
        looks.look(models.last().unwrap());
        drop(held);
        looks.look(&Fields::new());
        looks.check()?;
    }

    #[test]
    fn tasks_of_one_thread_see_their_own_context(tasks in tasks(), cancelled in any::<Index>()) {
        let looks = Arc::new(Looks::new());
        let runtime = runtime(&mut Builder::new_current_thread());
        LocalSet::new().block_on(&runtime, async {
            let cancelled = cancelled.index(2 * tasks.len());
            let started: Vec<_> = tasks
                .into_iter()
                .flat_map(|(own, steps)| {
                    let looks = Arc::clone(&looks);
                    let watching = tokio::task::spawn_local(bystander(Arc::clone(&looks)));
                    let running = context(&own)
                        .wrap(async move { run(&steps, own, &looks).await });
                    [tokio::task::spawn_local(running), watching]
                })
                .collect();
            yield_now().await;
            looks.look(&Fields::new());
            started[cancelled].abort();
            for task in started {
                let _ = task.await;
                looks.look(&Fields::new());
            }
        });
        looks.look(&Fields::new());
        Arc::into_inner(looks).expect("the tasks are gone").check()?;
    }
}

#[test]
fn tasks_of_several_threads_see_their_own_context() {
    let runtime = runtime(Builder::new_multi_thread().worker_threads(3));
    let property = |(tasks, cancelled): (Vec<Task>, Index)| {
        let looks = Arc::new(Looks::new());
        let cancelled = cancelled.index(2 * tasks.len());
        let started: Vec<_> = tasks
            .into_iter()
            .flat_map(|(own, steps)| {
                let looks = Arc::clone(&looks);
                let watching = runtime.spawn(bystander(Arc::clone(&looks)));
                let running =
                    context(&own).wrap(async move { run_anywhere(&steps, own, &looks).await });
                [runtime.spawn(running), watching]
            })
            .collect();
        started[cancelled].abort();
        for task in started {
            let _ = runtime.block_on(task);
        }
        looks.look(&Fields::new());
        Arc::into_inner(looks).expect("the tasks are gone").check()
    };
    let mut runner = proptest::test_runner::TestRunner::default();
    runner.run(&(tasks(), any::<Index>()), property).unwrap();
}

#[tokio::test]
async fn branches_of_join_see_their_own_context() {
    async fn branch(id: u32) -> (Fields, Fields) {
        let _held = scoped("b", id);
        let before = seen();
        yield_now().await;
        (before, seen())
    }
    let outer = Context::new().with("c", 9);
    let wrapped = |id| Context::current().with("a", id).wrap(branch(id));
    let joined = async {
        let (one, two) = tokio::join!(wrapped(1), wrapped(2));
        (one, two, seen())
    };
    let (one, two, after) = outer.wrap(joined).await;
    for (id, (before, after)) in [(1, one), (2, two)] {
        assert_eq!(before, [("a", id), ("b", id), ("c", 9)].into());
        assert_eq!(after, before);
    }
    assert_eq!(after, [("c", 9)].into());
    assert_eq!(seen(), Fields::new());
}

#[tokio::test]
async fn the_branch_that_select_drops_sees_its_own_context_to_the_end() {
    let looks = Looks::new();
    let loser: Fields = [("a", 1), ("b", 1)].into();
    let slow = Context::new().with("a", 1).wrap(async {
        let _held = scoped("b", 1);
        let _at_end = LookAtEnd(&looks, &loser);
        std::future::pending::<()>().await;
    });
    let quick = Context::new().with("a", 2).wrap(async {
        let _held = scoped("b", 2);
        yield_now().await;
        seen()
    });
    let won = tokio::select! {
        biased;
        () = slow => Fields::new(),
        won = quick => won,
    };
    assert_eq!(won, [("a", 2), ("b", 2)].into());
    looks.look(&Fields::new());
    looks.check().unwrap();
}

//! Programs of nested contexts, panics and threads.

use super::{Field, Fields, Looks, TRACE, caught, context_with, fall, field, with};
use ampacity_log::{Context, context};
use proptest::prelude::*;
use std::thread;

#[derive(Clone, Debug)]
enum Step {
    Look,
    Panic,
    Caught(Vec<Step>),
    In(How, Field, Vec<Step>),
    Thread { handed: bool, steps: Vec<Step> },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Scoped,
    Enter,
    Scope,
    /// Without what is around.
    Afresh,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop::sample::select(vec![How::Scoped, How::Enter, How::Scope, How::Afresh]);
    let leaf = prop_oneof![4 => Just(Step::Look), 1 => Just(Step::Panic)];
    let step = leaf.prop_recursive(5, 40, 4, move |step| {
        let steps = prop::collection::vec(step, 0..4);
        prop_oneof![
            1 => steps.clone().prop_map(Step::Caught),
            4 => (how.clone(), field(), steps.clone())
                .prop_map(|(how, field, steps)| Step::In(how, field, steps)),
            1 => (any::<bool>(), steps)
                .prop_map(|(handed, steps)| Step::Thread { handed, steps }),
        ]
    });
    prop::collection::vec(step, 0..6)
}

fn run(steps: &[Step], model: &Fields, looks: &Looks) {
    for step in steps {
        match step {
            Step::Look => looks.look(model),
            Step::Panic => fall(),
            Step::Caught(steps) => caught(|| run(steps, model, looks)),
            Step::In(how, field, steps) => {
                let inner = match how {
                    How::Afresh => [*field].into(),
                    _ => with(model, *field),
                };
                let inside = || {
                    looks.look(&inner);
                    run(steps, &inner, looks);
                    looks.look(&inner);
                };
                match how {
                    How::Scoped if field.0 != TRACE => {
                        let _in = context::scoped(field.0, field.1);
                        inside();
                    }
                    How::Scoped | How::Enter => {
                        let _in = context_with(Context::current(), *field).enter();
                        inside();
                    }
                    How::Scope => context_with(Context::current(), *field).scope(inside),
                    How::Afresh => context_with(Context::new(), *field).scope(inside),
                }
            }
            Step::Thread { handed, steps } => {
                let handed = handed.then(Context::current);
                let none = Fields::new();
                let body = || {
                    looks.look(&none);
                    match handed {
                        Some(context) => context.scope(|| run(steps, model, looks)),
                        None => run(steps, &none, looks),
                    }
                };
                thread::scope(|scope| {
                    scope.spawn(|| {
                        caught(body);
                        looks.look(&none);
                    });
                });
            }
        }
        looks.look(model);
    }
}

proptest! {
    #[test]
    fn a_context_is_where_it_was_entered_and_nowhere_else(steps in steps()) {
        let looks = Looks::new();
        caught(|| run(&steps, &Fields::new(), &looks));
        looks.look(&Fields::new());
        looks.check()?;
    }
}

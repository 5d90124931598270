//! Any operations on a breaker, beside the sequential model of it.

use ampacity::Saved;
use histories::drive::{CODE, Course};

/// The longest input that is looked at: so many operations, after the settings.
const MOST_BYTES: usize = CODE * 161;

/// What was saved, written and read.
fn written(saved: Saved) -> Saved {
    let text = serde_json::to_string(&saved).expect("it can be written");
    serde_json::from_str(&text).expect("it can be read")
}

/// Does to a breaker what `data` makes up, and to the model of it: neither says or shows
/// anything that the other does not.
pub fn operations(data: &[u8]) {
    let course = Course::of(&data[..data.len().min(MOST_BYTES)]);
    if let Err(mismatch) = course.run(written) {
        panic!("{mismatch}\n{course:#?}");
    }
}

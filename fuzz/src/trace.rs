//! Any bytes, as a trace of requests.

/// The stress program's reader, by its file: that program as a whole would take longer to
/// build than all the rest here.
#[path = "../../stress/src/trace.rs"]
#[allow(dead_code, unreachable_pub)]
mod reader;

use reader::{Arrival, HEAD, MAX_SPAN, MAX_STEP_BACK, MAX_TOKENS, Trace};

/// Reads `data` as a trace: nothing panics, every line is a request or is refused, the one
/// that is named is the first that is amiss, and requests come in order of time.
pub fn trace(data: &[u8]) {
    read(data);
    // The head is a wall to bytes that chance made; behind it they are rows.
    read(&[HEAD.join(",").as_bytes(), b"\n", data].concat());
}

fn read(data: &[u8]) {
    let lines = lines(data);
    match Trace::parse("t.csv", data) {
        Ok(trace) => is_of(&trace, &lines),
        Err(refused) => {
            let said = refused.to_string();
            assert!(said.starts_with("t.csv: ") && !said.contains('\n'), "{said:?}");
            assert!(said.len() < 1_000, "{} bytes are no message", said.len());
            let Some(at) = refused.line else { return };
            // Without that line and all below it nothing is amiss with any line; what is no
            // text is found before what is no trace.
            let is_text = !said.contains("binary data");
            let known = lines.iter().any(|(number, _)| *number == at);
            assert!(known || !is_text, "{said}: there is no such line");
            let above = data.split_inclusive(|&byte| byte == b'\n');
            let above = above.take(at as usize - 1).collect::<Vec<_>>().concat();
            if let Err(error) = Trace::parse("t.csv", &above) {
                let is_said = error.line.is_some() && (is_text || error.reason.contains("binary"));
                assert!(!is_said, "{error} comes before {said}");
            }
        }
    }
}

/// What stands in a file, with the number of its line. Carriage returns end one, too, but
/// are not counted, and nothing between two ends is no line.
fn lines(data: &[u8]) -> Vec<(u64, &[u8])> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(data.split(|&byte| byte == b'\n')) {
        let parts = line.split(|&byte| byte == b'\r').filter(|part| !part.is_empty());
        lines.extend(parts.map(|part| (number, part)));
    }
    lines
}

/// Whether the requests are those of the lines.
fn is_of(trace: &Trace, lines: &[(u64, &[u8])]) {
    let requests = trace.arrivals();
    assert_eq!(requests.len(), lines.len() - 1, "a request for each line but the head");
    assert!(requests.is_sorted_by_key(|request| request.at));
    assert!(requests[0].at.is_zero() && !trace.span().is_zero());
    assert!(trace.span() <= MAX_SPAN + MAX_STEP_BACK);

    let counts = |one: &Arrival| (i64::from(one.context), i64::from(one.generated));
    let mut read: Vec<_> = requests.iter().map(counts).collect();
    let rows = lines[1..].iter().map(|(_, line)| {
        let line = std::str::from_utf8(line).expect("a row is text");
        let mut counts = line.rsplit(',').map(|count| count.trim().parse::<i64>());
        let mut next = || counts.next().and_then(Result::ok).expect("a count");
        let generated = next();
        (next(), generated)
    });
    let mut written: Vec<_> = rows.collect();
    read.sort_unstable();
    written.sort_unstable();
    assert_eq!(read, written);
    assert!(read.iter().all(|&(context, generated)| context.max(generated) <= MAX_TOKENS.into()));
}

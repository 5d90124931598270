//! Reads memory that has been freed: a sanitizer that is at work says "heap-use-after-free".

fn main() {
    let number = Box::into_raw(Box::new(7_u64));
    // SAFETY: the first line is right, and the second is wrong, which is the point.
    unsafe {
        drop(Box::from_raw(number));
        println!("{}", number.read_volatile());
    }
}

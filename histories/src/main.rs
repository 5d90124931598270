//! tmp
use histories::storm::*;
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let t = std::time::Instant::now();
    match storm(Plan{threads: a[0] as usize, operations: a[1], seed: a[2]}, histories::check::Bound(a[3])) {
        Ok(tally) => println!("{tally:?} {:?}", t.elapsed()),
        Err(Broken::History(b)) => { let m = histories::minimise::minimise(&b.0, Default::default()); println!("{} -> {}", b.0.operations.len(), m.operations.len()); 
 println!("{}", histories::report::account(&m, &histories::check::check(&m, Default::default()))); 
           std::fs::write("/tmp/histories-fail.txt", m.to_text().unwrap()).unwrap(); std::process::exit(1) }
        Err(e) => panic!("{e:?}"),
    }
}

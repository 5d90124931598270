//! tmp
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    match histories::small::check_many(1, n, Default::default()) {
        Ok(tally) => println!("h {} over {} ops {} beside {} outc {} states {} max {} in {:?}", tally.histories, tally.overlapping, tally.operations, tally.beside, tally.outcomes(), tally.states, tally.most_states, t.elapsed()),
        Err(b) => { println!("{} {:#?}", b.seed, b.verdict); for o in &b.history.operations { println!("{o:?}"); } println!("{:?}", b.history.start); std::process::exit(1) }
    }
}

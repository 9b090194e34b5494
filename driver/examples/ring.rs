//! So many rounds of 64 jobs on a device that does nothing, for a tool that counts instructions.
#[path = "../tests/null/mod.rs"]
mod null;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(100);
    let (mut device, job) = null::device();
    let odd: u64 = (0..rounds).map(|_| null::round(&mut device, &job)).sum();
    println!("{odd}");
}

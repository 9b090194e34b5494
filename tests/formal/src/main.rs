//! Proves everything, or what has a word in its name, and prints a line per property.

use std::process::ExitCode;

use cbp_formal::Outcome;
use cbp_formal::yosys::Verdict;

fn main() -> ExitCode {
    match run(&std::env::args().nth(1).unwrap_or_default()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(word: &str) -> Result<bool, cbp_formal::Error> {
    let mut all = true;
    println!("{:<11} {:<7} {:>8} {:>8}  property", "group", "result", "seconds", "refuted");
    for (group, properties) in cbp_formal::all()? {
        for property in properties.iter().filter(|p| group.contains(word) || p.name.contains(word)) {
            let outcome = property.decide()?;
            all &= outcome.holds();
            print(group, &property.name, &outcome);
        }
    }
    Ok(all)
}

/// One line: verdict, seconds, refuted of all broken copies; and a line per copy that was not refuted.
fn print(group: &str, name: &str, outcome: &Outcome) {
    let result = match outcome.verdict {
        Verdict::Proven { .. } => "proven",
        Verdict::Refuted => "REFUTED",
        Verdict::Undecided => "open",
    };
    let survivors = outcome.broken.iter().filter(|(_, verdict)| *verdict != Verdict::Refuted);
    let copies = outcome.broken.len();
    let refuted = format!("{} of {copies}", copies - survivors.clone().count());
    println!("{group:<11} {result:<7} {:>8.2} {refuted:>8}  {name}", outcome.time.as_secs_f64());
    for (what, _) in survivors {
        println!("{:<11} {:<7} {:>17}  broken copy: {what}", group, "OPEN", "");
    }
}

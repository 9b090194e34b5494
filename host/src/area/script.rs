//! What Yosys does. Every script leaves its counts in [`COUNTS`].

use super::Family;

/// The design, all modules.
pub const DESIGN: &str = "design.v";
/// The counts.
pub const COUNTS: &str = "counts.json";

/// As it was written, before any optimisation: a multiplication is still a cell of its own.
#[must_use]
pub fn written(top: &str) -> String {
    format!("{}{}", read(top), count())
}

/// The array mapped, without hard multipliers. Columns are all the same module: it is mapped once.
#[must_use]
pub fn array(family: Family, array: &str, column: &str) -> String {
    format!("{}{}{} -nodsp\n{}", read(array), apart(column), synthesis(family, array), count())
}

/// Everything but the array mapped, around the hole that it leaves; the modules `kept` are mapped each by itself.
#[must_use]
pub fn around(family: Family, top: &str, array: &str, kept: &[String]) -> String {
    let kept: String = kept.iter().map(|module| apart(module)).collect();
    format!("{}blackbox {array}\n{kept}{}\n{}", read(top), synthesis(family, top), count())
}

fn read(top: &str) -> String {
    format!("read_verilog {DESIGN}\nhierarchy -check -top {top}\nproc\n")
}

fn apart(module: &str) -> String {
    format!("setattr -mod -set keep_hierarchy 1 {module}\n")
}

/// The command that maps `top`, without pins and clock buffers. Delays stay flip-flops: what a tool takes for a shift
/// register would move the counts.
fn synthesis(family: Family, top: &str) -> String {
    let command = match family {
        Family::Xc7 => "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nosrl",
        Family::Ecp5 => "synth_ecp5",
    };
    format!("{command} -top {top}")
}

fn count() -> String {
    format!("tee -q -o {COUNTS} stat -json\n")
}

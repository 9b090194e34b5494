//! What Verilator counted: points of lines and of bits, and how often each was reached.

use std::collections::{BTreeMap, HashMap};

use cbp_hdl::Design;

/// What a point stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A statement or a branch.
    Line,
    /// One bit of a signal.
    Toggle,
}

impl Kind {
    /// Counts from which the point is covered: a line runs once, a bit goes up and comes down again. (A bit that is
    /// always 1 counts once, when it leaves the 0 of power-up.)
    #[must_use]
    pub const fn enough(self) -> u64 {
        match self {
            Self::Line => 1,
            Self::Toggle => 2,
        }
    }
}

/// One point of one module, whatever the number of its instances.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The module without the accelerator's name and without the number of its variant: `adder`.
    pub module: String,
    /// Which of the module's variants: they differ in widths and constants, and each must be covered.
    pub variant: u64,
    /// What it stands for.
    pub kind: Kind,
    /// Line in the module's text, from 1.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// The bit as `signal[3]`; of a line, its text and which branch.
    pub name: String,
}

/// A file that is not Verilator's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not a line of Verilator's coverage: {0}")]
pub struct BadData(String);

/// All points with the most that one instance counted.
#[derive(Clone, Debug, Default)]
pub struct Points(pub BTreeMap<Point, u64>);

impl Points {
    /// Adds what one model counted: the text of `verilator_coverage`'s file, for the modules of `design`.
    ///
    /// # Errors
    /// It is no such text, or of another design.
    pub fn add(&mut self, text: &str, design: &Design) -> Result<(), BadData> {
        let modules = modules(design);
        for line in text.lines().filter(|line| line.starts_with("C ")) {
            let bad = || BadData(line.to_owned());
            let (point, count) = point(line, &modules).ok_or_else(bad)?;
            let most = self.0.entry(point).or_default();
            *most = count.max(*most);
        }
        Ok(())
    }
}

/// A module in the text of its design.
struct Module<'a> {
    variant: u64,
    /// Lines of the design before it.
    before: usize,
    lines: Vec<&'a str>,
}

fn modules(design: &Design) -> HashMap<&str, Module<'_>> {
    let mut before = 0;
    let mut modules = HashMap::new();
    for module in &design.modules {
        let lines: Vec<&str> = module.text.lines().collect();
        let variant = variant(&lines);
        modules.insert(module.name.as_str(), Module { variant, before, lines });
        before += module.text.matches('\n').count() + 1; // the texts are joined by a line's end
    }
    modules
}

/// A hash (FNV-1a) of the text, the numbers of variants left out: they depend on what else there is in the design.
fn variant(lines: &[&str]) -> u64 {
    let words = lines.iter().flat_map(|line| line.split_whitespace()).map(unnumbered);
    words
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A module's name without the number of its variant; other words as they are.
fn unnumbered(word: &str) -> &str {
    if !word.starts_with(cbp_hdl::TOP) {
        return word;
    }
    match word.rsplit_once('_') {
        Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => word,
    }
}

/// A point and its count from `C '␁key␂value␁key␂value…' count`.
fn point(line: &str, modules: &HashMap<&str, Module<'_>>) -> Option<(Point, u64)> {
    let (keys, count) = line.strip_prefix("C '")?.rsplit_once("' ")?;
    let values: HashMap<&str, &str> =
        keys.split('\u{1}').filter_map(|pair| pair.split_once('\u{2}')).collect();
    let (page, name) = values.get("page")?.split_once('/')?;
    let kind = if page == "v_toggle" { Kind::Toggle } else { Kind::Line };
    let module = modules.get(name)?;
    let line = values.get("l")?.parse::<usize>().ok()?.checked_sub(module.before)?;
    let comment = *values.get("o")?;
    let text = module.lines.get(line.checked_sub(1)?)?.trim();
    let name_of = match kind {
        Kind::Toggle => comment.to_owned(),
        Kind::Line => format!("{text} ({comment})"),
    };
    let short = unnumbered(name);
    let module_name = short.strip_prefix(cbp_hdl::TOP)?.trim_start_matches('_');
    let point = Point {
        module: if module_name.is_empty() { "top" } else { module_name }.to_owned(),
        variant: module.variant,
        kind,
        line,
        column: values.get("n")?.parse().ok()?,
        name: name_of,
    };
    Some((point, count.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use cbp_hdl::Module as Text;

    use super::*;

    #[test]
    fn variants_go_by_what_a_module_does_and_the_busiest_instance_counts() {
        let body = "  input wire a\n);\nassign b = a;\nendmodule\n";
        let text = |name: &str| Text { name: name.to_owned(), text: format!("module {name} (\n{body}") };
        let design = Design { modules: vec![text("cbp_accelerator_adder"), text("cbp_accelerator_adder_2")] };
        let data = |line, module, count| {
            format!(
                "C '\u{1}f\u{2}dut.v\u{1}l\u{2}{line}\u{1}n\u{2}3\u{1}page\u{2}v_toggle/{module}\u{1}o\u{2}a\u{1}h\u{2}x' {count}\n"
            )
        };
        let mut points = Points::default();
        let text = data(2, "cbp_accelerator_adder", 1) + &data(8, "cbp_accelerator_adder_2", 5);
        points.add(&text, &design).unwrap();
        let all: Vec<_> = points.0.into_iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].0.module.as_str(), all[0].0.line, all[0].1), ("adder", 2, 5));
        assert!(Points::default().add("C 'nonsense' 3", &design).is_err());
        assert!(Points::default().add(&data(2, "other", 1), &design).is_err());
    }
}

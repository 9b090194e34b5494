//! Points that no run can reach, each with its reason.

use serde::{Deserialize, Serialize};

use super::points::{Kind, Point};
use crate::toml_text::{self, BadToml};

/// The exclusions of the repository.
pub const CHECKED_IN: &str = include_str!("../../../tests/coverage/exclusions.toml");

/// Why a text is no list of exclusions.
#[derive(Debug, thiserror::Error)]
pub enum BadExclusions {
    /// Not TOML, or an unknown key.
    #[error(transparent)]
    Toml(#[from] BadToml),
    /// An exclusion must say why.
    #[error("the exclusion of {0} has no reason")]
    NoReason(String),
}

/// Points that do not count.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Modules, without the number of a variant; `*` stands for anything.
    pub module: String,
    /// Bits, as `signal`, `signal[3]`, `signal[32..63]`; `*` stands for anything.
    #[serde(default)]
    pub bits: Vec<String>,
    /// Lines, by their text; `*` stands for anything.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Why no run can reach them.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exclude: Vec<Exclusion>,
}

/// Reads a list.
///
/// # Errors
/// It is no such list, or an exclusion has no reason.
pub fn read(text: &str) -> Result<Vec<Exclusion>, BadExclusions> {
    let file: File = toml_text::read(text)?;
    match file.exclude.iter().find(|e| e.reason.trim().is_empty()) {
        Some(exclusion) => Err(BadExclusions::NoReason(exclusion.module.clone())),
        None => Ok(file.exclude),
    }
}

impl Exclusion {
    /// Whether it names this point.
    #[must_use]
    pub fn names(&self, point: &Point) -> bool {
        let hit = match point.kind {
            Kind::Toggle => self.bits.iter().any(|pattern| bit_matches(pattern, &point.name)),
            Kind::Line => self.lines.iter().any(|pattern| matches(pattern, &point.name)),
        };
        hit && matches(&self.module, &point.module)
    }
}

/// `signal[3]` against `signal`, `signal[3]` or `signal[0..7]`.
fn bit_matches(pattern: &str, name: &str) -> bool {
    let parts = |text: &'_ str| -> (String, Option<String>) {
        match text.strip_suffix(']').and_then(|t| t.split_once('[')) {
            Some((signal, bits)) => (signal.to_owned(), Some(bits.to_owned())),
            None => (text.to_owned(), None),
        }
    };
    let ((pattern, wanted), (signal, bit)) = (parts(pattern), parts(name));
    let bit = bit.and_then(|b| b.parse::<usize>().ok());
    matches(&pattern, &signal)
        && match wanted {
            None => true,
            Some(range) => {
                let (first, last) = range.split_once("..").unwrap_or((&range, &range));
                let bounds = first.parse::<usize>().ok().zip(last.parse::<usize>().ok());
                bounds.zip(bit).is_some_and(|((first, last), bit)| (first..=last).contains(&bit))
            }
        }
}

/// A text against a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            after.is_empty() || rest.char_indices().any(|(i, _)| matches(after, &rest[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("adder", "adder") && !matches("adder", "adders"));
        assert!(matches("*", "") && matches("a*c*", "abcd") && !matches("a*c", "abcd"));
        assert!(bit_matches("x", "x[3]") && bit_matches("x[3]", "x[3]") && bit_matches("x[2..4]", "x[3]"));
        assert!(!bit_matches("x[3..4]", "x[2]") && !bit_matches("x[0]", "x") && !bit_matches("y", "x[3]"));
        assert!(bit_matches("count_*[32..63]", "count_3[40]"));
    }

    #[test]
    fn a_reason_is_needed_and_the_checked_in_list_has_them() {
        assert!(read(CHECKED_IN).is_ok());
        assert!(read("[[exclude]]\nmodule = \"x\"\nbits = [\"y\"]\nreason = \" \"").is_err());
        assert!(read("[[exclude]]\nmodule = \"x\"\nbits = [\"y\"]").is_err());
    }
}

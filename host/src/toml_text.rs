//! TOML whose faults are told in one line.

use serde::de::DeserializeOwned;

/// Not TOML, an unknown key, or a value of another kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct BadToml {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a text.
///
/// # Errors
/// Where it is wrong first.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, BadToml> {
    toml::from_str(text).map_err(|e| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        let message = e.message().split_whitespace().collect::<Vec<_>>().join(" ");
        BadToml { line: before.matches('\n').count() + 1, message }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_one_line() {
        let error = read::<toml::Table>("a = 1\nb 2").map_err(|e| e.to_string()).unwrap_err();
        assert!(error.starts_with("line 2: ") && error.lines().count() == 1, "{error}");
        assert_eq!(read::<toml::Table>("a = 1").map(|t| t.len()), Ok(1));
    }
}

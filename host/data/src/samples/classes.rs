//! The classes of a data set.

/// The classes that labels count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    count: usize,
    names: Option<Vec<String>>,
}

impl Classes {
    /// Classes without names.
    #[must_use]
    pub const fn numbered(count: usize) -> Self {
        Self { count, names: None }
    }

    /// One class per name.
    #[must_use]
    pub fn named(names: Vec<String>) -> Self {
        Self { count: names.len(), names: Some(names) }
    }

    /// Number of classes.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Their names, in the order of the labels.
    #[must_use]
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// Name of a class, or its number.
    #[must_use]
    pub fn name(&self, label: u32) -> String {
        let name = self.names().and_then(|names| names.get(label as usize));
        name.cloned().unwrap_or_else(|| label.to_string())
    }
}

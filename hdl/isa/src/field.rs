//! Bit fields: how instructions and registers are laid out, once, for hardware, software and documents.

use core::fmt;

/// A field of an instruction or register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, in upper case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: usize,
    /// Bits.
    pub width: usize,
    /// What it means.
    pub doc: &'static str,
    /// This version of the hardware refuses any value but 0.
    pub reserved: bool,
}

impl Field {
    /// The largest value the field holds.
    #[must_use]
    pub const fn max(self) -> u64 {
        if self.width >= 64 { u64::MAX } else { (1 << self.width) - 1 }
    }
}

/// A value does not fit its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldOverflow {
    /// The field.
    pub field: &'static str,
    /// The value.
    pub value: u64,
    /// The largest value that fits.
    pub max: u64,
}

impl fmt::Display for FieldOverflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} does not fit its field (at most {})", self.field, self.value, self.max)
    }
}

impl core::error::Error for FieldOverflow {}

/// Declares a module of fields that follow each other from bit 0, and their list `FIELDS`.
macro_rules! fields {
    ($(#[$meta:meta])* $module:ident { $($name:ident: $width:literal, $doc:literal $($flag:ident)?;)* }) => {
        $(#[$meta])*
        pub mod $module {
            use $crate::field::Field;

            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Index { $($name),* }
            const WIDTHS: &[usize] = &[$($width),*];
            const fn lsb(index: usize) -> usize {
                let (mut i, mut sum) = (0, 0);
                while i < index {
                    sum += WIDTHS[i];
                    i += 1;
                }
                sum
            }
            $(
                #[doc = $doc]
                pub const $name: Field = Field {
                    name: stringify!($name),
                    lsb: lsb(Index::$name as usize),
                    width: $width,
                    doc: $doc,
                    reserved: $crate::field::is_reserved!($($flag)?),
                };
            )*
            /// All fields, lowest bit first.
            pub const FIELDS: &[Field] = &[$($name),*];
        }
    };
}

/// Whether the flag `reserved` stands behind a field.
macro_rules! is_reserved {
    () => {
        false
    };
    (reserved) => {
        true
    };
}
pub(crate) use {fields, is_reserved};

//! The one table that RTL, driver, compiler, documents and tests are all made from.
//!
//! - [`registers`], [`ring`], [`capability`]: the host interface
//! - [`instruction`], [`parameters`]: what a program is made of
//! - [`undefined`]: what a program must not ask for
//! - [`weight_set`](WeightSet), [`weight_code`]: the four sets and how their weights are stored
//! - [`config`]: what is chosen when a device is built, and the presets; [`identity`]: how it reads from registers
//! - [`pci`]: what the simulated board calls itself on the bus
//! - [`doc`]: all of it as a document
#![no_std]

pub mod capability;
pub mod config;
pub mod doc;
mod field;
pub mod identity;
pub mod instruction;
pub mod parameters;
pub mod pci;
pub mod registers;
pub mod ring;
pub mod undefined;
pub mod weight_code;
mod weight_set;

pub use config::{BadConfig, Config, PRESETS, Preset};
pub use field::{Field, FieldOverflow};
pub use weight_set::{UnknownWeightSet, WeightSet};

/// Version of this table: major in the high half. A driver refuses another major version.
pub const ISA_VERSION: u32 = 2 << 16;

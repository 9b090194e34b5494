//! Boards on the PCI bus, before one is opened.
//!
//! - [`Sysfs`], [`Address`]: the kernel's files, and where a device sits
//! - [`discover`], [`PciDevice`]: which boards there are and what the kernel knows of them
//! - [`Function`]: what a configuration space says, decoded from a copy; [`Link`], [`IommuGroup`]
//! - [`boards`]: ids of boards, and where the registers are behind them
//! - [`bind`], [`unbind`]: hand a device to a driver of the kernel, and back
//! - [`PciError`]: every way this fails, with what to do

mod address;
pub(crate) mod bind;
pub mod boards;
mod config_space;
mod device;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod iommu;
mod link;
pub(crate) mod lock;
mod resource;
pub(crate) mod sysfs;

pub use address::Address;
pub use bind::{Plan, Step, UIO, VFIO, bind, unbind};
pub use config_space::{Bar, Function};
pub use device::{Found, PciDevice, discover};
pub use error::PciError;
pub use iommu::IommuGroup;
pub use link::Link;
pub use resource::Resource;
pub use sysfs::Sysfs;

//! Memory that host and device share.
//!
//! - [`Mapped`]: a mapping, accessed without ever being borrowed
//! - [`Pool`], [`DmaBuffer`]: buffers cut from regions; [`Source`], [`Region`]: where those come from; [`Meter`]: counts
//! - [`Hugepages`], [`Pagemap`]: large pages and where they are, for devices that see physical addresses
//! - `shared`: ordinary pages that others can map too
//! - [`Ranges`]: what is free, of a region or of all bus addresses

mod hugepages;
mod mapped;
mod meter;
mod physical;
mod pool;
mod ranges;
mod region;
mod shared;

pub use hugepages::Hugepages;
pub use mapped::Mapped;
pub use meter::Meter;
pub use physical::Pagemap;
pub use pool::{DmaBuffer, Pool};
pub use ranges::Ranges;
pub use region::{Region, Source};
pub(crate) use shared::shared;

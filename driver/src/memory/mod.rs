//! Memory that host and device share.
//!
//! - [`Mapped`]: a mapping, accessed without ever being borrowed
//! - [`Pool`], [`DmaBuffer`]: buffers cut from regions; [`Source`], [`Region`]: where those come from; [`Meter`]: counts
//! - [`Hugepages`], [`Pagemap`]: large pages and where they are, for devices that see physical addresses
//! - [`Ranges`]: what is free, of a region or of all bus addresses

mod hugepages;
mod mapped;
mod physical;
mod pool;
mod ranges;

pub use hugepages::Hugepages;
pub use mapped::Mapped;
pub use physical::Pagemap;
pub use pool::{DmaBuffer, Meter, Pool, Region, Source};
pub use ranges::Ranges;

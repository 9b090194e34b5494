//! Memory that host and device share.
//!
//! - [`Mapped`]: a mapping, accessed without ever being borrowed

mod mapped;

pub use mapped::Mapped;

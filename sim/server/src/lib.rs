//! The simulated accelerator as a `PCIe` device for other processes.
//!
//! - [`Card`]: everything behind a bus: the endpoint, the clocked model, the client's memory
//! - [`Endpoint`]: configuration space, BARs, MSI-X, resets
//! - [`Clock`]: the thread that clocks the model while there is work
//! - [`ClientMemory`]: what the model's AXI ports read and write
//! - [`vfio_user`]: serves a card to clients of the vfio-user protocol
//! - [`qemu`]: starts QEMU with a card on its bus
//! - [`ServerError`]: what ends a server
//!
//! ```text
//!  client or guest ── accesses ─▶ Card ─▶ Endpoint             configuration space, MSI-X
//!                                   └───▶ Clock ─▶ model       registers
//!  its memory ◀── ClientMemory ◀──────────── AXI master
//!  eventfds, messages ◀── Interrupts ◀────── irq
//! ```

mod card;
mod clock;
mod dma;
mod endpoint;
mod error;
pub mod qemu;
pub mod vfio_user;

pub use card::{Card, CardOptions, Interrupts};
pub use clock::{Clock, Stopped};
pub use dma::{ClientMemory, Map, Maps, Translate};
pub use endpoint::Options as EndpointOptions;
pub use endpoint::{BadOptions, Endpoint, MSIX_BAR, MSIX_BYTES, Message, Options, WINDOW_BAR};
pub use error::ServerError;

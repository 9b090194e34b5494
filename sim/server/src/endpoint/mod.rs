//! A `PCIe` endpoint without anything behind it: registers in, messages out.
//!
//! - [`Endpoint`]: configuration space, BAR addresses, MSI-X, the interrupt line, resets
//! - [`Options`]: how it is built
//! - [`Message`]: what MSI-X sends
//!
//! Below: `config` (configuration space as bytes and masks), `msix` (table and pending bits).

mod config;
mod msix;
#[cfg(test)]
mod tests;

use cbp_isa::registers::WINDOW_BYTES;

use config::{ConfigSpace, START_RESET, STATUS_INTX, command, offset};
pub use msix::Message;
use msix::Msix;

/// BAR of the register window.
pub const WINDOW_BAR: usize = 0;
/// BAR of the MSI-X table and pending bits.
pub const MSIX_BAR: usize = 2;
/// Bytes of that BAR.
pub const MSIX_BYTES: u32 = 4096;
/// Where in it the pending bits begin.
const PBA_OFFSET: usize = 0x800;
/// Interrupt lines of the core.
const LINES: u16 = 4;
/// MSI-X control.
const MSIX_ENABLE: u32 = 1 << 15;
const MSIX_MASK_ALL: u32 = 1 << 14;

/// How an endpoint is built.
#[derive(Clone, Debug)]
pub struct Options {
    /// MSI-X vectors: 4, or 1 that all interrupts share.
    pub vectors: u16,
    /// Where in BAR0 the register window begins; a multiple of its size.
    pub window_offset: u32,
    /// Generation of the link that it reports, 1…5.
    pub generation: u32,
    /// Its lanes.
    pub lanes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { vectors: LINES, window_offset: 0, generation: 2, lanes: 4 }
    }
}

/// Options that no endpoint can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOptions {
    /// Neither one vector nor one for each interrupt.
    #[error("{0} MSI-X vectors; choose 1 or {LINES}")]
    Vectors(u16),
    /// The window would not lie in a BAR.
    #[error("window offset {0:#x}; choose a multiple of {WINDOW_BYTES:#x} below 0x10000000")]
    WindowOffset(u32),
}

impl Options {
    /// BARs and their sizes in bytes.
    #[must_use]
    pub const fn bar_sizes(&self) -> [(usize, u32); 2] {
        let window = (self.window_offset + WINDOW_BYTES).next_power_of_two();
        [(WINDOW_BAR, window), (MSIX_BAR, MSIX_BYTES)]
    }

    const fn check(&self) -> Result<(), BadOptions> {
        if self.vectors != 1 && self.vectors != LINES {
            return Err(BadOptions::Vectors(self.vectors));
        }
        if !self.window_offset.is_multiple_of(WINDOW_BYTES) || self.window_offset >= 1 << 28 {
            return Err(BadOptions::WindowOffset(self.window_offset));
        }
        Ok(())
    }
}

/// What the endpoint knows. It does nothing by itself: its owner asks after every write what there is to do.
#[derive(Clone)]
pub struct Endpoint {
    options: Options,
    config: ConfigSpace,
    msix: Msix,
    /// The core's interrupt levels.
    levels: u8,
    reset_wanted: bool,
}

impl Endpoint {
    /// An endpoint after power-on.
    ///
    /// # Errors
    /// No endpoint has these options.
    pub fn new(options: Options) -> Result<Self, BadOptions> {
        options.check()?;
        let (config, msix) = (ConfigSpace::new(&options), Msix::new(options.vectors));
        Ok(Self { options, config, msix, levels: 0, reset_wanted: false })
    }

    /// How it is built.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Everything is as after power-on; MSI-X is off and BARs have no address.
    pub fn reset(&mut self) {
        self.config = ConfigSpace::new(&self.options);
        self.msix = Msix::new(self.options.vectors);
        (self.levels, self.reset_wanted) = (0, false);
    }

    /// Reads 1, 2 or 4 bytes of configuration space.
    #[must_use]
    pub fn config_read(&self, at: usize, length: usize) -> u32 {
        let mut config = self.config.clone();
        if self.levels != 0 && !self.msix_enabled() {
            *config.byte(offset::STATUS) |= STATUS_INTX;
        }
        config.read(at, length)
    }

    /// Writes 1, 2 or 4 bytes of configuration space.
    pub fn config_write(&mut self, at: usize, length: usize, value: u32) {
        self.config.write(at, length, value);
        // The bit's place among the bytes that were written, if it is one of them.
        let control = offset::DEVICE_CONTROL;
        if (at..at.saturating_add(length)).contains(&(control + 1)) {
            let shifted = if at > control { value << 8 } else { value >> (8 * (control - at)) };
            self.reset_wanted |= shifted & START_RESET != 0;
        }
    }

    /// Whether a function-level reset was asked for since the last call.
    pub const fn take_reset(&mut self) -> bool {
        let wanted = self.reset_wanted;
        self.reset_wanted = false;
        wanted
    }

    /// Whether the device may read and write memory.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.command() & command::MASTER != 0
    }

    /// Whether its BARs answer.
    #[must_use]
    pub fn answers_memory(&self) -> bool {
        self.command() & command::MEMORY != 0
    }

    /// BAR and offset of a bus address.
    #[must_use]
    pub fn decode(&self, address: u64) -> Option<(usize, u64)> {
        self.options.bar_sizes().into_iter().find_map(|(bar, size)| {
            let base = u64::from(self.config.read(offset::BARS + 4 * bar, 4));
            let at = address.checked_sub(base)?;
            (at < u64::from(size)).then_some((bar, at))
        })
    }

    /// Reads a byte of the MSI-X table or of the pending bits.
    #[must_use]
    pub fn msix_read(&self, offset: usize) -> u8 {
        self.msix.read(offset)
    }

    /// Writes a byte of the MSI-X table.
    pub fn msix_write(&mut self, offset: usize, value: u8) {
        self.msix.write(offset, value);
    }

    /// Vectors of interrupts: each its own, or one for all.
    #[must_use]
    pub const fn vectors(&self, interrupts: u8) -> u8 {
        if self.options.vectors == 1 { (interrupts != 0) as u8 } else { interrupts }
    }

    /// The core's levels, and which of them rose: an edge makes its vector pending.
    pub fn interrupt(&mut self, levels: u8, risen: u8) {
        self.levels = levels;
        if self.msix_enabled() {
            self.msix.pending |= u64::from(self.vectors(risen));
        }
    }

    /// Messages to send now; ask after interrupts and after writes that may unmask a vector.
    pub fn take_messages(&mut self) -> Vec<Message> {
        let control = self.config.read(offset::MSIX_CONTROL, 2);
        if control & MSIX_ENABLE == 0 || control & MSIX_MASK_ALL != 0 || !self.is_master() {
            return Vec::new();
        }
        self.msix.take()
    }

    /// Whether the interrupt line is raised: only without MSI-X.
    #[must_use]
    pub fn line(&self) -> bool {
        self.levels != 0 && !self.msix_enabled() && self.command() & command::NO_INTX == 0
    }

    fn msix_enabled(&self) -> bool {
        self.config.read(offset::MSIX_CONTROL, 2) & MSIX_ENABLE != 0
    }

    fn command(&self) -> u32 {
        self.config.read(offset::COMMAND, 2)
    }
}

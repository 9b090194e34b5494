//! Registers in the 64 KiB window (BAR0), 32-bit, little endian.
//!
//! A 64-bit register is two accesses; reading the low half latches the high half.

/// Who may write a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Writing 1 clears the bit.
    WriteOneToClear,
    /// Writing acts; reads as 0.
    WriteOnly,
}

/// One 32-bit register.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Name, in upper case.
    pub name: &'static str,
    /// Byte offset in the window.
    pub offset: u32,
    /// Who may write it.
    pub access: Access,
    /// What it means.
    pub doc: &'static str,
}

macro_rules! registers {
    ($($name:ident: $offset:literal, $access:ident, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $name: Register =
                Register { name: stringify!($name), offset: $offset, access: Access::$access, doc: $doc };
        )*
        /// All registers, by offset.
        pub const REGISTERS: &[Register] = &[$($name),*];
    };
}

registers! {
    MAGIC: 0x000, ReadOnly, "0x31504243, `CBP1`; all ones means the device is gone";
    ISA_VERSION: 0x004, ReadOnly, "major (high 16 bits) and minor version of this table";
    CONFIG_ARRAY: 0x008, ReadOnly, "lanes, columns, PPU lanes (fields below)";
    CONFIG_SET: 0x00c, ReadOnly, "weight set, bits of activations and accumulators, AXI width, reads in flight (fields below)";
    CONFIG_ACTIVATIONS: 0x010, ReadOnly, "activation buffer, words of K bytes";
    CONFIG_WEIGHTS: 0x014, ReadOnly, "weight buffer, words of K·N codes";
    CONFIG_PARAMETERS: 0x018, ReadOnly, "parameter buffer, words of P records";
    CONFIG_OUTPUTS: 0x01c, ReadOnly, "output buffer, granules of P bytes";
    CAPABILITIES: 0x020, ReadOnly, "capability bits";
    DMA_ADDRESS_BITS: 0x024, ReadOnly, "bits of a bus address the device can drive";
    CONFIG_RESIDUALS: 0x028, ReadOnly, "residual buffer, granules of P bytes";
    CONFIG_LINES: 0x02c, ReadOnly, "line buffer, beats";
    CONTROL: 0x040, WriteOnly, "bit 0 soft reset; bit 1 resume after an error; bit 2 self-test";
    STATUS: 0x044, ReadOnly, "bit 0 reset done; 1 busy; 2 halted; 3 wedged; 4 self-test done; 5 self-test passed";
    ERROR_CODE: 0x048, ReadOnly, "first error since the last resume or reset";
    ERROR_ADDRESS_LO: 0x050, ReadOnly, "bus address or instruction index of the error, low half";
    ERROR_ADDRESS_HI: 0x054, ReadOnly, "high half";
    BURST_LIMIT: 0x058, ReadWrite, "largest burst in bytes: 256, 512, 1024, 2048 or 4096";
    DMA_TIMEOUT: 0x05c, ReadWrite, "cycles without progress of an outstanding transfer before WEDGED; 0 never";
    IRQ_STATUS: 0x060, WriteOneToClear, "bit n: cause of interrupt n; 0 completion, 1 error, 2 wedged, 3 reserved";
    IRQ_ENABLE: 0x064, ReadWrite, "bit n enables interrupt n";
    CYCLES_LO: 0x100, ReadOnly, "clock cycles since reset, low half";
    CYCLES_HI: 0x104, ReadOnly, "high half";
    MAC_ACTIVE_LO: 0x108, ReadOnly, "steps issued to the array since reset, low half";
    MAC_ACTIVE_HI: 0x10c, ReadOnly, "high half";
    WAIT_LOAD_LO: 0x110, ReadOnly, "cycles COMPUTE waited for a token from LOAD, low half";
    WAIT_LOAD_HI: 0x114, ReadOnly, "high half";
    WAIT_STORE_LO: 0x118, ReadOnly, "cycles COMPUTE waited for a token from STORE, low half";
    WAIT_STORE_HI: 0x11c, ReadOnly, "high half";
    WAIT_PPU_LO: 0x120, ReadOnly, "cycles COMPUTE waited for the drain register, low half";
    WAIT_PPU_HI: 0x124, ReadOnly, "high half";
    QUEUE_COMMAND_BASE_LO: 0x1000, ReadWrite, "command ring, bus address, low half";
    QUEUE_COMMAND_BASE_HI: 0x1004, ReadWrite, "high half";
    QUEUE_COMMAND_LOG2: 0x1008, ReadWrite, "log2 of command ring entries, 0…15";
    QUEUE_COMMAND_PRODUCER: 0x100c, ReadWrite, "doorbell: free-running index of the next entry the host will write";
    QUEUE_COMMAND_CONSUMER: 0x1010, ReadOnly, "free-running index of the next entry the device will read";
    QUEUE_COMPLETION_BASE_LO: 0x1014, ReadWrite, "completion ring, bus address, low half";
    QUEUE_COMPLETION_BASE_HI: 0x1018, ReadWrite, "high half";
    QUEUE_COMPLETION_LOG2: 0x101c, ReadWrite, "log2 of completion ring entries, 0…15";
    QUEUE_COMPLETION_PRODUCER: 0x1020, ReadOnly, "free-running index of the next completion the device will write";
    QUEUE_COMPLETION_CONSUMER: 0x1024, ReadWrite, "free-running index of the next completion the host will read";
    QUEUE_ENABLE: 0x1028, ReadWrite, "bit 0: the device serves this queue";
}

/// What [`MAGIC`] reads.
pub const MAGIC_VALUE: u32 = 0x3150_4243;
/// Bytes from one queue's registers to the next queue's.
pub const QUEUE_STRIDE: u32 = 0x100;
/// Bytes of the register window.
pub const WINDOW_BYTES: u32 = 0x1_0000;

/// Bits of [`CONTROL`].
pub mod control {
    /// Stop issuing, drain, reset.
    pub const SOFT_RESET: u32 = 1;
    /// Continue after an error.
    pub const RESUME: u32 = 2;
    /// Run the built-in self-test.
    pub const SELF_TEST: u32 = 4;
}

/// Bits of [`STATUS`].
pub mod status {
    /// The last soft reset has finished.
    pub const RESET_DONE: u32 = 1;
    /// A job is running.
    pub const BUSY: u32 = 2;
    /// An error halted the queue.
    pub const HALTED: u32 = 4;
    /// A transfer never finished; the wrapper must reset the link side.
    pub const WEDGED: u32 = 8;
    /// The self-test has finished.
    pub const SELF_TEST_DONE: u32 = 16;
    /// The self-test found no fault.
    pub const SELF_TEST_PASSED: u32 = 32;
}

/// Bits of [`IRQ_STATUS`] and [`IRQ_ENABLE`].
pub mod irq {
    /// A completion entry was written.
    pub const COMPLETION: u32 = 1;
    /// An error was latched.
    pub const ERROR: u32 = 2;
    /// The watchdog expired.
    pub const WEDGED: u32 = 4;
}

//! Every register written and read back.

use cbp_driver::Device;
use cbp_isa::registers::{
    Access, CONTROL, DMA_TIMEOUT, IRQ_STATUS, QUEUE_ENABLE, REGISTERS, Register, WINDOW_BYTES,
};
use cbp_sim::{SimDevice, SimError, SimTransport};

/// Patterns that set and clear every bit, alone and among others.
const PATTERNS: [u32; 6] = [0, u32::MAX, 0x5555_5555, 0xaaaa_aaaa, 0x1234_5678, 0];

/// Bits of an offset in the window.
const OFFSET_BITS: u32 = WINDOW_BYTES.ilog2();

/// What of a pattern may be written: the queue must stay disabled.
fn allowed(register: &Register, pattern: u32) -> u32 {
    if register.offset == QUEUE_ENABLE.offset { pattern & !1 } else { pattern }
}

/// Writable registers hold what is written, the others do not change; the device is reset before and afterwards.
///
/// # Errors
/// The first register that does otherwise.
pub fn hold_what_is_written(device: &mut Device<SimTransport>) -> Result<(), String> {
    device.reset().map_err(|e| e.to_string())?;
    let sim = device.transport().sim();
    sim.reset().map_err(|e| e.to_string())?;
    let check = |e: SimError| e.to_string();
    for pattern in PATTERNS.into_iter().chain((0..32).map(|bit| 1 << bit)) {
        for register in REGISTERS.iter().filter(|r| r.access == Access::ReadWrite) {
            let pattern = allowed(register, pattern);
            sim.write32(register.offset, pattern).map_err(check)?;
            let found = sim.read32(register.offset).map_err(check)?;
            if found != pattern {
                return Err(format!("{}: {found:#x} after {pattern:#x}", register.name));
            }
        }
        for register in REGISTERS.iter().filter(|r| r.access == Access::ReadOnly) {
            // Counters count; they only must not take what is written.
            let before = sim.read32(register.offset).map_err(check)?;
            sim.write32(register.offset, !before).map_err(check)?;
            let after = sim.read32(register.offset).map_err(check)?;
            if after.wrapping_sub(before) > 1000 {
                return Err(format!("{}: {after:#x} after {before:#x}", register.name));
            }
        }
        sim.write32(IRQ_STATUS.offset, pattern).map_err(check)?;
        // Bits that mean nothing.
        sim.write32(CONTROL.offset, pattern & !3).map_err(check)?;
    }
    nothing_between(sim)?;
    device.reset().map_err(|e| e.to_string())
}

/// Offsets without a register read as 0 and take nothing; the two low bits of an offset are not looked at.
fn nothing_between(sim: &mut SimDevice) -> Result<(), String> {
    let check = |e: SimError| e.to_string();
    sim.write32(DMA_TIMEOUT.offset, 0).map_err(check)?;
    for offset in (2..OFFSET_BITS).map(|bit| DMA_TIMEOUT.offset ^ 1 << bit) {
        if REGISTERS.iter().any(|r| r.offset == offset) {
            continue;
        }
        sim.write32(offset, u32::MAX).map_err(check)?;
        let found = [offset, DMA_TIMEOUT.offset].map(|offset| sim.read32(offset));
        match found {
            [Ok(0), Ok(0)] => {}
            other => return Err(format!("offset {offset:#x}, DMA_TIMEOUT: {other:x?}")),
        }
    }
    for low in 1..4 {
        sim.write32(DMA_TIMEOUT.offset + low, low).map_err(check)?;
        let found = sim.read32(DMA_TIMEOUT.offset + low).map_err(check)?;
        if found != low {
            return Err(format!("DMA_TIMEOUT + {low}: {found:#x}"));
        }
    }
    Ok(())
}

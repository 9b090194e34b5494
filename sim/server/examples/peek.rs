//! Reads one word of a BAR of a PCI device: `peek 0000:00:05.0 0 0x0`. It shows that a device answers at all, where
//! nothing else of this project runs yet.

use std::error::Error;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::MmapOptions;

/// A BAR's word at an offset that is a multiple of four.
fn peek(device: &Path, bar: &str, offset: usize) -> Result<u32, Box<dyn Error>> {
    let file = OpenOptions::new().read(true).write(true).open(device.join(format!("resource{bar}")))?;
    let size = usize::try_from(file.metadata()?.len())?;
    if offset.checked_add(4).is_none_or(|end| end > size) || !offset.is_multiple_of(4) {
        return Err(format!("no word at {offset:#x} of {size:#x} bytes").into());
    }
    let map = MmapOptions::new().len(size).map_raw(&file)?;
    #[allow(clippy::cast_ptr_alignment)] // see below
    let word = map.as_mut_ptr().wrapping_add(offset).cast::<u32>();
    // SAFETY: the word lies in the mapping, which begins at a page, so it is aligned; the mapping outlives the access.
    #[allow(unsafe_code)]
    let value = unsafe { AtomicU32::from_ptr(word) }.load(Ordering::Relaxed);
    Ok(u32::from_le(value))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, bar, offset] = arguments.as_slice() else {
        return Err("usage: peek ADDRESS BAR OFFSET".into());
    };
    let device = Path::new("/sys/bus/pci/devices").join(address);
    let offset = usize::from_str_radix(offset.trim_start_matches("0x"), 16)?;
    println!("{:#010x}", peek(&device, bar, offset)?);
    Ok(())
}

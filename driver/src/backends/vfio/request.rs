//! Requests to the kernel's VFIO, as `linux/vfio.h` defines them.
//!
//! A request's structure starts with its size, and the kernel touches no byte beyond that. So it is a slice of 32-bit
//! words here, and one function makes every call.

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::ptr;

use rustix::io;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};

const GROUP: u8 = b';';
const BASE: u8 = 100;

/// Requests by number. Some share one, because they go to different files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Request {
    GetApiVersion = 0,
    CheckExtension = 1,
    SetIommu = 2,
    GroupGetStatus = 3,
    GroupSetContainer = 4,
    GroupGetDevice = 6,
    DeviceGetInfo = 7,
    DeviceGetRegion = 8,
    DeviceGetIrq = 9,
    DeviceSetIrqs = 10,
    DeviceReset = 11,
    IommuGetInfo = 12,
    IommuMap = 13,
    IommuUnmap = 14,
}

impl Request {
    /// To a device: reset it with everything on its bus. The number of [`Request::IommuMap`].
    pub(crate) const HOT_RESET: Self = Self::IommuMap;
}

/// A call with a structure; its first word is set to its size.
pub(crate) fn call(file: impl AsFd, request: Request, structure: &mut [u32]) -> io::Result<i32> {
    let size = size_of_val(structure) as u32;
    if let Some(first) = structure.first_mut() {
        *first = size;
    }
    make(file, request, structure.as_mut_ptr().cast())
}

/// A call with a number.
pub(crate) fn call_number(file: impl AsFd, request: Request, number: usize) -> io::Result<i32> {
    make(file, request, ptr::without_provenance_mut(number))
}

/// A call with the number of an open file, by address.
pub(crate) fn call_file(file: impl AsFd, request: Request, mut number: i32) -> io::Result<i32> {
    make(file, request, ptr::from_mut(&mut number).cast())
}

/// A call with a text that ends in a zero.
pub(crate) fn call_text(file: impl AsFd, request: Request, text: &std::ffi::CStr) -> io::Result<i32> {
    make(file, request, text.as_ptr().cast_mut().cast())
}

struct Call {
    request: Request,
    argument: *mut c_void,
}

fn make(file: impl AsFd, request: Request, argument: *mut c_void) -> io::Result<i32> {
    // SAFETY: every caller above passes what its kind of request takes: a number, a text, or memory that is as large as
    // its first word says; the kernel keeps none of it after the call.
    #[allow(unsafe_code)]
    unsafe {
        ioctl(file, Call { request, argument })
    }
}

// SAFETY: the number is that of `linux/vfio.h`; the result is the plain return value, and the argument's memory counts as
// changed.
#[allow(unsafe_code)]
unsafe impl Ioctl for Call {
    type Output = i32;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::none(GROUP, BASE + self.request as u8)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(result: IoctlOutput, _: *mut c_void) -> io::Result<i32> {
        Ok(result)
    }
}

/// A 64-bit value in two words of a structure.
pub(crate) const fn low_high(value: u64) -> [u32; 2] {
    // Structures are in the host's byte order.
    if cfg!(target_endian = "little") {
        [value as u32, (value >> 32) as u32]
    } else {
        [(value >> 32) as u32, value as u32]
    }
}

/// The 64-bit value in two words.
pub(crate) const fn value64(words: [u32; 2]) -> u64 {
    let [low, high] = if cfg!(target_endian = "little") { words } else { [words[1], words[0]] };
    (high as u64) << 32 | low as u64
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn numbers_of_the_kernel() {
        let number = |request| Call { request, argument: ptr::null_mut() }.opcode();
        assert_eq!(number(Request::GetApiVersion), 0x3b64);
        assert_eq!(number(Request::IommuUnmap), 0x3b72);
    }

    #[test]
    fn other_files_refuse() {
        let file = File::open("/dev/null").unwrap();
        let mut structure = [0; 4];
        assert!(call(&file, Request::DeviceGetInfo, &mut structure).is_err());
        assert_eq!(structure[0], 16);
        assert!(call_number(&file, Request::GetApiVersion, 0).is_err());
        assert_eq!(value64(low_high(0x1234_5678_9abc_def0)), 0x1234_5678_9abc_def0);
    }
}

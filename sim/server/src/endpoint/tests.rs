//! What a kernel does to an endpoint before a driver sees it.

use super::*;

fn endpoint(options: Options) -> Endpoint {
    Endpoint::new(options).unwrap()
}

/// Offset of a capability, by the list.
fn capability(endpoint: &Endpoint, id: u32) -> usize {
    let mut at = endpoint.config_read(0x34, 1) as usize;
    for _ in 0..48 {
        assert_ne!(at, 0, "no capability {id:#x}");
        if endpoint.config_read(at, 1) == id {
            return at;
        }
        at = endpoint.config_read(at + 1, 1) as usize;
    }
    panic!("the capability list has no end");
}

#[test]
fn identity_and_capabilities() {
    let e = endpoint(Options::default());
    assert_eq!(e.config_read(0, 4), 0xcb00_1209);
    assert_eq!(e.config_read(8, 4), 0x1200_0000);
    assert_eq!(e.config_read(6, 2) & 0x10, 0x10);
    let express = capability(&e, 0x10);
    assert_eq!(e.config_read(express + 2, 2), 2, "an endpoint, version 2");
    assert_ne!(e.config_read(express + 4, 4) & 1 << 28, 0, "can be reset by function");
    assert_eq!(e.config_read(express + 0x12, 2), 0x42, "5.0 GT/s x4");
    let msix = capability(&e, 0x11);
    assert_eq!(e.config_read(msix + 2, 2), 3);
    assert_eq!((e.config_read(msix + 4, 4), e.config_read(msix + 8, 4)), (2, 0x802));
    capability(&e, 0x01);
    assert_eq!(e.config_read(0x100, 4), u32::MAX, "nothing beyond 256 bytes");
}

#[test]
fn bars_are_sized_and_decoded() {
    for (window_offset, size) in [(0, 0x1_0000_u32), (0x2_0000, 0x4_0000)] {
        let mut e = endpoint(Options { window_offset, ..Options::default() });
        for (bar, size) in [(0, size), (1, 0), (2, 4096), (5, 0)] {
            let at = 0x10 + 4 * bar;
            e.config_write(at, 4, u32::MAX);
            assert_eq!(e.config_read(at, 4), if size == 0 { 0 } else { !(size - 1) });
        }
        e.config_write(0x10, 4, 0xfe00_0000);
        e.config_write(0x18, 4, 0xfd00_1000);
        assert_eq!(e.decode(0xfe00_0044), Some((0, 0x44)));
        assert_eq!(e.decode(0xfe00_0000 + u64::from(size)), None);
        assert_eq!(e.decode(0xfd00_1800), Some((2, 0x800)));
    }
    assert_eq!(
        Endpoint::new(Options { window_offset: 4096, ..Options::default() }).err(),
        Some(BadOptions::WindowOffset(4096))
    );
    assert_eq!(
        Endpoint::new(Options { vectors: 2, ..Options::default() }).err(),
        Some(BadOptions::Vectors(2))
    );
}

#[test]
fn command_bits_and_function_level_reset() {
    let mut e = endpoint(Options::default());
    assert!(!e.is_master() && !e.answers_memory());
    e.config_write(4, 2, 0xffff);
    assert!(e.is_master() && e.answers_memory());
    assert_eq!(e.config_read(4, 2), 0x0546);
    e.config_write(0, 4, 0);
    assert_eq!(e.config_read(0, 2), 0x1209, "read only");
    let control = capability(&e, 0x10) + 8;
    for (at, length, value) in [(control, 2, 0x8000), (control + 1, 1, 0x80), (control, 4, 0x8000)] {
        assert!(!e.take_reset());
        e.config_write(at, length, value);
        assert!(e.take_reset(), "{length} bytes at {at:#x}");
        assert_eq!(e.config_read(control, 2) & 0x8000, 0, "reads as 0");
    }
    e.config_write(control, 2, 0x2810);
    assert!(!e.take_reset());
    e.reset();
    assert!(!e.is_master());
}

fn unmask(e: &mut Endpoint, vector: usize) {
    e.msix_write(16 * vector + 12, 0);
}

#[test]
fn vectors_are_masked_pending_and_sent() {
    let mut e = endpoint(Options::default());
    e.config_write(4, 2, 6);
    e.interrupt(1, 1);
    let control = capability(&e, 0x11) + 2;
    e.config_write(control, 2, 0x8000);
    assert_eq!(e.take_messages(), [], "an edge before MSI-X was enabled");
    for (i, byte) in [0, 0x30, 0xe0, 0xfe, 0, 0, 0, 0, 0x21, 0x40].into_iter().enumerate() {
        e.msix_write(16 + i, byte);
    }
    e.interrupt(2, 2);
    assert_eq!((e.take_messages(), e.msix_read(0x800)), (vec![], 2), "masked: pending");
    unmask(&mut e, 1);
    let message = Message { vector: 1, address: 0xfee0_3000, data: 0x4021 };
    assert_eq!((e.take_messages(), e.msix_read(0x800)), (vec![message], 0));
    assert_eq!(e.take_messages(), [], "a level is no edge");
    e.config_write(control, 2, 0xc000);
    e.interrupt(2, 2);
    assert_eq!(e.take_messages(), [], "all masked");
    e.config_write(control, 2, 0x8000);
    assert_eq!(e.take_messages(), [message]);
}

#[test]
fn one_vector_serves_all() {
    let mut e = endpoint(Options { vectors: 1, ..Options::default() });
    let control = capability(&e, 0x11) + 2;
    assert_eq!(e.config_read(control, 2), 0);
    e.config_write(4, 2, 6);
    e.config_write(control, 2, 0x8000);
    unmask(&mut e, 0);
    e.interrupt(4, 4);
    assert_eq!(e.take_messages().len(), 1);
}

#[test]
fn the_line_follows_the_level_unless_disabled() {
    let mut e = endpoint(Options::default());
    e.interrupt(1, 1);
    assert!(e.line());
    assert_eq!(e.config_read(6, 2) & 8, 8);
    e.config_write(4, 2, 0x400);
    assert!(!e.line());
    assert_eq!(e.config_read(6, 2) & 8, 8, "status shows what is disabled");
    e.config_write(4, 2, 0);
    assert!(e.line());
    e.interrupt(0, 0);
    assert!(!e.line());
    e.interrupt(1, 1);
    e.config_write(capability(&e, 0x11) + 2, 2, 0x8000);
    assert!(!e.line() && e.config_read(6, 2) & 8 == 0, "MSI-X replaces it");
}

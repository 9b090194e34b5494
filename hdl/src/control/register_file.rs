//! The registers, made from the table in `cbp_isa::registers`.

use cbp_isa::registers::{Access, BURST_LIMIT, REGISTERS, Register};
use rust_hdl::core::ast::{
    VerilogBlockOrConditional as Otherwise, VerilogConditional, VerilogExpression as E, VerilogOp,
    VerilogStatement as S,
};

use crate::lang::arith::{Choose, Concat};
use crate::lang::prelude::*;

/// Registers that are chosen among by the lowest address bits.
const ROW: usize = 4;
/// Bytes of such a row.
const ROW_BYTES: u32 = 4 * ROW as u32;
/// Bits of a row's place; place 0, and those behind the last row, read as 0.
const PLACE_BITS: usize = 4;

/// Declares the register file: names are the table's in lower case.
macro_rules! register_file {
    (read_only: $($ro:ident),* ; read_write: $($rw:ident),* ; strobe: $($strobe:ident),* $(;)?) => {
        /// All registers of the table. Read-only ones are inputs, read-write ones outputs; a register that acts
        /// on writing is an output that carries the written bits for one cycle.
        #[derive(LogicBlock)]
        pub struct RegisterFile {
            /// Rising edge.
            pub clock: Signal<In, Clock>,
            /// Read-write registers take their reset values.
            pub reset: Signal<In, Bit>,
            /// Write.
            pub write: Signal<In, Bit>,
            /// To this register.
            pub write_address: Wire<In>,
            /// This value.
            pub write_data: Wire<In>,
            /// These bits of it, whole bytes.
            pub write_mask: Wire<In>,
            /// This register.
            pub read_address: Wire<In>,
            /// Its value.
            pub read_data: Wire<Out>,
            $(
                #[doc = concat!("Value of `", stringify!($ro), "`.")]
                pub $ro: Wire<In>,
            )*
            $(
                #[doc = concat!("Register `", stringify!($rw), "`.")]
                pub $rw: Wire<Out>,
            )*
            $(
                #[doc = concat!("Bits written to `", stringify!($strobe), "`.")]
                pub $strobe: Wire<Out>,
            )*
            storage: Vec<Reg>,
            stored: Vec<Concat>,
            row: Vec<Choose>,
            here: Vec<Signal<Local, Bit>>,
            place: Concat,
            chosen: Choose,
        }

        impl Default for RegisterFile {
            fn default() -> Self {
                Self {
                    clock: Signal::default(),
                    reset: Signal::default(),
                    write: Signal::default(),
                    write_address: Wire::new(16),
                    write_data: Wire::new(32),
                    write_mask: Wire::new(32),
                    read_address: Wire::new(16),
                    read_data: Wire::new(32),
                    $($ro: Wire::new(32),)*
                    $($rw: Wire::new(32),)*
                    $($strobe: Wire::new(32),)*
                    storage: writable().flat_map(reset_bytes).map(|b| Reg::with_reset(8, b.into())).collect(),
                    stored: writable().map(|_| Concat::new(4, 8)).collect(),
                    row: rows().iter().map(|_| Choose::new(ROW, 32, 2)).collect(),
                    here: rows().iter().map(|_| Signal::default()).collect(),
                    place: Concat::new(PLACE_BITS, 1),
                    chosen: Choose::new(1 << PLACE_BITS, 32, PLACE_BITS),
                }
            }
        }
    };
}

register_file! {
    read_only:
        magic, isa_version, config_array, config_set, config_activations, config_weights, config_parameters,
        config_outputs, config_residuals, config_lines, capabilities, dma_address_bits, status, error_code, error_address_lo, error_address_hi,
        irq_status, cycles_lo, cycles_hi, mac_active_lo, mac_active_hi, wait_load_lo, wait_load_hi, wait_store_lo,
        wait_store_hi, wait_ppu_lo, wait_ppu_hi, queue_command_consumer, queue_completion_producer;
    read_write:
        burst_limit, dma_timeout, irq_enable, queue_command_base_lo, queue_command_base_hi, queue_command_log2,
        queue_command_producer, queue_completion_base_lo, queue_completion_base_hi, queue_completion_log2,
        queue_completion_consumer, queue_enable;
    strobe: control_written, irq_status_written;
}

fn writable() -> impl Iterator<Item = &'static Register> {
    REGISTERS.iter().filter(|r| r.access == Access::ReadWrite)
}

/// Lowest first: bytes are written each by itself.
fn reset_bytes(register: &Register) -> [u8; 4] {
    let value: u32 = if register.offset == BURST_LIMIT.offset { 256 } else { 0 };
    value.to_le_bytes()
}

/// First addresses of the rows that have a register.
fn rows() -> Vec<u32> {
    let mut rows: Vec<u32> = REGISTERS.iter().map(|r| r.offset - r.offset % ROW_BYTES).collect();
    rows.dedup();
    rows
}

fn signal(name: &str) -> E {
    E::Signal(name.into())
}

fn binary(left: E, op: VerilogOp, right: E) -> E {
    E::Binary(Box::new(left), op, Box::new(right))
}

fn at(address: &str, register: &Register) -> E {
    binary(signal(address), VerilogOp::Eq, E::Literal(register.offset.into()))
}

fn when(test: E, then: S) -> S {
    S::If(VerilogConditional { test, then: vec![then], otherwise: Otherwise::None })
}

fn bits(name: &str, width: usize, lsb: u32) -> E {
    E::Slice(Box::new(signal(name)), width, Box::new(E::Literal(lsb.into())))
}

fn bit(name: &str, index: u32) -> E {
    E::Index(Box::new(signal(name)), Box::new(E::Literal(index.into())))
}

fn assign(name: &str, value: E) -> S {
    S::Assignment(signal(name), value)
}

fn zero() -> E {
    E::Literal(0u32.into())
}

impl RegisterFile {
    /// Reads: first within the rows, then among them. That takes few look-up tables and few levels of them.
    fn reads() -> Vec<S> {
        let mut code = Vec::new();
        let rows = rows();
        for (row, first) in rows.iter().enumerate() {
            let number = E::Literal((first / ROW_BYTES).into());
            let here = binary(bits("read_address", 12, 4), VerilogOp::Eq, number);
            code.push(assign(&format!("here${row}"), here));
            code.push(assign(&format!("row${row}$index"), bits("read_address", 2, 2)));
            for part in 0..ROW {
                let offset = first + 4 * part as u32;
                let readable = |r: &&Register| r.offset == offset && r.access != Access::WriteOnly;
                let value = REGISTERS.iter().find(readable).map(|r| signal(&r.name.to_lowercase()));
                code.push(assign(&format!("row${row}$parts${part}"), value.unwrap_or_else(zero)));
            }
        }
        for bit in 0..PLACE_BITS {
            let here =
                (0..rows.len()).filter(|row| (row + 1) >> bit & 1 == 1).map(|r| signal(&format!("here${r}")));
            let any = here.reduce(|a, b| binary(a, VerilogOp::LogicalOr, b)).unwrap_or_else(zero);
            code.push(assign(&format!("place$parts${bit}"), any));
        }
        code.push(assign("chosen$index", signal("place$y")));
        for place in 0..1 << PLACE_BITS {
            let row = (1..=rows.len()).contains(&place).then(|| signal(&format!("row${}$y", place - 1)));
            code.push(assign(&format!("chosen$parts${place}"), row.unwrap_or_else(zero)));
        }
        code.push(assign("read_data", signal("chosen$y")));
        code
    }
}

impl Logic for RegisterFile {
    fn update(&mut self) {}

    fn hdl(&self) -> Verilog {
        let chosen = |r| binary(signal("write"), VerilogOp::LogicalAnd, at("write_address", r));
        let mut code = Vec::new();
        let mut stored = 0;
        for register in REGISTERS {
            let name = register.name.to_lowercase();
            match register.access {
                Access::ReadOnly => {}
                Access::ReadWrite => {
                    for byte in 0..4 {
                        let (lsb, index) = (8 * byte, 4 * stored + byte);
                        let here = binary(chosen(register), VerilogOp::LogicalAnd, bit("write_mask", lsb));
                        let value = bits("write_data", 8, lsb);
                        code.push(when(here, assign(&format!("storage${index}$d"), value)));
                        let part = format!("stored${stored}$parts${byte}");
                        code.push(assign(&part, signal(&format!("storage${index}$q"))));
                    }
                    code.push(assign(&name, signal(&format!("stored${stored}$y"))));
                    stored += 1;
                }
                Access::WriteOneToClear | Access::WriteOnly => {
                    let strobe = format!("{name}_written");
                    let written = binary(signal("write_data"), VerilogOp::BitAnd, signal("write_mask"));
                    code.push(assign(&strobe, zero()));
                    code.push(when(chosen(register), assign(&strobe, written)));
                }
            }
        }
        code.extend(Self::reads());
        Verilog::Combinatorial(code)
    }
}

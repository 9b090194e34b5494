//! The registers, made from the table in `cbp_isa::registers`.

use cbp_isa::registers::{Access, BURST_LIMIT, REGISTERS, Register};
use rust_hdl::core::ast::{
    VerilogBlockOrConditional as Otherwise, VerilogConditional, VerilogExpression as E, VerilogOp,
    VerilogOpUnary, VerilogStatement as S,
};

use crate::lang::prelude::*;

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
            /// These bits of it.
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
                    storage: writable().map(|r| Reg::with_reset(32, reset_value(r))).collect(),
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

fn reset_value(register: &Register) -> u64 {
    if register.offset == BURST_LIMIT.offset { 256 } else { 0 }
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

impl Logic for RegisterFile {
    fn update(&mut self) {}

    fn hdl(&self) -> Verilog {
        let written = || binary(signal("write_data"), VerilogOp::BitAnd, signal("write_mask"));
        let chosen = |r| binary(signal("write"), VerilogOp::LogicalAnd, at("write_address", r));
        let mut code = Vec::new();
        let mut reads = vec![S::Assignment(signal("read_data"), E::Literal(0u32.into()))];
        let mut stored = 0;
        for register in REGISTERS {
            let name = register.name.to_lowercase();
            if register.access != Access::WriteOnly {
                reads.push(when(
                    at("read_address", register),
                    S::Assignment(signal("read_data"), signal(&name)),
                ));
            }
            match register.access {
                Access::ReadOnly => {}
                Access::ReadWrite => {
                    let (d, q) = (format!("storage${stored}$d"), format!("storage${stored}$q"));
                    let kept = E::Unary(VerilogOpUnary::Not, Box::new(signal("write_mask")));
                    let kept = binary(signal(&q), VerilogOp::BitAnd, kept);
                    let value = binary(kept, VerilogOp::BitOr, written());
                    code.push(when(chosen(register), S::Assignment(signal(&d), value)));
                    code.push(S::Assignment(signal(&name), signal(&q)));
                    stored += 1;
                }
                Access::WriteOneToClear | Access::WriteOnly => {
                    let strobe = format!("{name}_written");
                    code.push(S::Assignment(signal(&strobe), E::Literal(0u32.into())));
                    code.push(when(chosen(register), S::Assignment(signal(&strobe), written())));
                }
            }
        }
        code.extend(reads);
        Verilog::Combinatorial(code)
    }
}

//! A thin layer over rust-hdl 0.46: what the accelerator needs and rust-hdl lacks.
//!
//! Hardware is written as rust-hdl blocks (`#[derive(LogicBlock)]`, `#[hdl_gen]`); this folder adds
//!
//! - [`Wire`]: a signal whose width is chosen at run time, because lanes, columns and depths come from a
//!   configuration (rust-hdl's `Bits<N>` fixes every width at compile time);
//! - [`Reg`] and [`Dff`]: registers with optional synchronous reset, holding their value when not assigned;
//! - [`Ram`]: memories; the leaf arithmetic in [`arith`] and [`adder`];
//! - [`emit`]: our own writer from rust-hdl's syntax tree to Verilog. rust-hdl's writer lets Verilog's width
//!   rules change the meaning of an expression (its known traps: zero-extending casts, carries that survive a
//!   cast, 32-bit literals, missing parentheses). Ours refuses any expression whose operands differ in width,
//!   sizes every literal, brackets every operator, refuses latches and undriven inputs, and writes one module
//!   per distinct block instead of one per instance.
//!
//! rust-hdl's simulator is never used: [`Word`] carries a width and no value.

pub mod adder;
pub mod arith;
pub mod emit;
mod memory;
mod register;
mod wire;

pub use memory::Ram;
pub use register::{Dff, Reg};
pub use wire::{Const, IntoWord, Wire, Word, bits_resize, signed_cast, unsigned_cast};

/// Everything a hardware module needs.
pub mod prelude {
    pub use super::{Const, Dff, IntoWord, Ram, Reg, Wire, Word, bits_resize, signed_cast, unsigned_cast};
    pub use rust_hdl::core::prelude::{
        Atom, AtomKind, Bit, Bits, Block, Clock, Direction, In, Local, Logic, LogicBlock, LogicState, Out,
        Probe, Signal, Synth, TypeDescriptor, TypeKind, VCDValue, Verilog, VerilogLiteral, ast, block, clog2,
        hdl_gen, logic, probe, synth, type_descriptor,
    };
    // `ToBits` gives enum discriminants their width inside `#[derive(LogicState)]`.
    pub use rust_hdl::core::prelude::ToBits;
}

//! Registers: rust-hdl's own have neither reset nor run-time width.
//!
//! A register holds its value in every cycle in which `d` is not assigned. `clock` and `reset` need no wiring:
//! the emitter connects ports of these names to the parent's.

use rust_hdl::core::prelude::{Bit, Block, Clock, In, Logic, Out, Probe, Signal, Synth, Verilog, Wrapper};

use super::emit::INLINE;
use super::wire::Wire;

/// Verilog of a register, written in place of an instance (`` `d` ``, `` `q` `` stand for the parent's names).
fn register(width: usize, reset_value: Option<u64>) -> Verilog {
    let body = match reset_value {
        None => "always @(posedge `clock`) `q` <= `d`;".to_string(),
        Some(value) => {
            format!("always @(posedge `clock`) if (`reset`) `q` <= {width}'d{value}; else `q` <= `d`;")
        }
    };
    Verilog::Wrapper(Wrapper { code: body, cores: INLINE.into() })
}

/// A register of run-time width.
pub struct Reg {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high; unused without a reset value.
    pub reset: Signal<In, Bit>,
    /// Next value; the register holds while this is not assigned.
    pub d: Wire<In>,
    /// Present value.
    pub q: Wire<Out>,
    reset_value: Option<u64>,
}

impl Reg {
    /// A datapath register: no reset, undefined until written.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            d: Wire::new(width),
            q: Wire::new(width),
            reset_value: None,
        }
    }

    /// A control register that a reset sets to `value`.
    #[must_use]
    pub fn with_reset(width: usize, value: u64) -> Self {
        Self { reset_value: Some(value), ..Self::plain(width) }
    }

    /// `count` plain registers.
    #[must_use]
    pub fn many(count: usize, width: usize) -> Vec<Self> {
        (0..count).map(|_| Self::plain(width)).collect()
    }
}

/// A register of a rust-hdl type: one bit, or a state enum. Reset gives the type's default.
pub struct Dff<T: Synth> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Next value; the register holds while this is not assigned.
    pub d: Signal<In, T>,
    /// Present value.
    pub q: Signal<Out, T>,
}

impl<T: Synth> Default for Dff<T> {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            d: Signal::default(),
            q: Signal::default(),
        }
    }
}

macro_rules! register_block {
    ($name:ident $(<$t:ident: $bound:ident>)?, $self:ident => $hdl:expr) => {
        impl $(<$t: $bound>)? Logic for $name $(<$t>)? {
            fn update(&mut self) {}
            fn hdl(&$self) -> Verilog {
                $hdl
            }
        }
        impl $(<$t: $bound>)? Block for $name $(<$t>)? {
            fn connect_all(&mut self) {}
            fn update_all(&mut self) {}
            fn has_changed(&self) -> bool {
                false
            }
            fn accept(&self, name: &str, probe: &mut dyn Probe) {
                probe.visit_start_scope(name, self);
                self.clock.accept("clock", probe);
                self.reset.accept("reset", probe);
                self.d.accept("d", probe);
                self.q.accept("q", probe);
                probe.visit_end_scope(name, self);
            }
        }
    };
}
register_block!(Reg, self => register(self.d.width(), self.reset_value));
register_block!(Dff<T: Synth>, self => register(T::BITS, Some(0)));

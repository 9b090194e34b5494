//! The signals inside the core that a timeline is made from.

use verilator_sys::{Direction, Library, Port};

use crate::error::SimError;

macro_rules! probes {
    ($($(#[$doc:meta])* $name:ident: $path:literal,)*) => {
        /// The signals, one bit each, as ports of the model.
        pub(crate) fn ports() -> Vec<Port> {
            vec![$(Port::inside($path, 1),)*]
        }

        /// Where they lie among the model's words.
        pub(crate) struct Probes { $($(#[$doc])* pub(super) $name: usize,)* }

        impl Probes {
            /// Of a library that has them.
            pub(crate) fn new(library: &Library) -> Result<Self, SimError> {
                Ok(Self { $($name: library.signal(Direction::Inside, $path)?.word,)* })
            }
        }
    };
}

probes! {
    /// LOAD begins an instruction.
    load_take: "core.load_take",
    /// All that it writes is in the buffer.
    load_done: "core.load.write_side_descriptor_pop",
    /// LOAD runs a PACK.
    packing: "core.load.write_side_packing",
    /// COMPUTE begins an instruction.
    compute_take: "core.compute_take",
    /// Its last step is issued.
    compute_done: "core.compute_instruction_pop",
    /// STORE begins an instruction.
    store_take: "core.store_take",
    /// All of its bursts are answered.
    store_done: "core.store.answers.is_due",
    /// A step of the array.
    step: "core.compute_step",
    wait_load: "core.compute_waiting_load",
    wait_store: "core.compute_waiting_store",
    wait_ppu: "core.compute_waiting_ppu",
    /// The engines are cleared: what was under way never ends.
    reset: "core.engine_reset",
}

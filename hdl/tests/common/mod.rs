//! A bench: blocks under Verilator, their ports set and read by name.
#![allow(dead_code, unused_imports, unused_macros, reason = "every test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fault ends the test")]

pub mod compute_model;
pub mod hardware;
mod random;

use std::collections::HashMap;
use std::fmt::Write;

use cbp_hdl::Design;
use cbp_hdl::lang::emit::emit;
use rust_hdl::core::prelude::Block;
use verilator_sys::{Direction, Library, Model, Port, Source};

pub use random::{Random, seeds};

/// One block in a bench: its name there, and its Verilog.
pub struct Part {
    pub name: String,
    pub text: String,
    module: String,
    ports: Vec<Port>,
}

/// Emits a block; its modules are called `name` and `name_…`.
pub fn part(name: &str, block: &impl Block) -> Part {
    let design = emit(block, name).unwrap();
    Part { name: name.into(), text: design.text(), module: design.top().into(), ports: ports(&design) }
}

/// Ports of the top module, from its header.
fn ports(design: &Design) -> Vec<Port> {
    let top = &design.modules.last().unwrap().text;
    let header = top.split_once("(\n").unwrap().1.split_once("\n);").unwrap().0;
    let port = |line: &str| {
        let words: Vec<&str> = line.trim_end_matches(',').split_whitespace().collect();
        let [direction, _kind, range @ .., name] = words.as_slice() else { panic!("a port: {line}") };
        let bits = match range {
            [] => 1,
            [range] => 1 + range[1..].split(':').next().unwrap().parse::<usize>().unwrap(),
            _ => panic!("a port: {line}"),
        };
        if *direction == "input" { Port::input(name, bits) } else { Port::output(name, bits) }
    };
    header.lines().map(port).collect()
}

#[derive(Clone, Copy)]
struct Pin {
    input: bool,
    word: usize,
    bits: usize,
}

/// Blocks side by side in one model, so that one run of g++ serves a whole test file.
pub struct Bench {
    model: Model,
    pins: HashMap<String, Pin>,
}

impl Bench {
    /// The blocks; their ports are called `part.port`. Clocks are connected; everything else starts at 0.
    pub fn new(parts: &[Part]) -> Self {
        let (mut header, mut body, mut modules) =
            (String::from("  input wire clock"), String::new(), String::new());
        let mut outer = Vec::new();
        for part in parts {
            modules += &part.text;
            let mut connections = Vec::new();
            for port in &part.ports {
                if port.name == "clock" {
                    connections.push(".clock(clock)".into());
                    continue;
                }
                let name = format!("{}_{}", part.name, port.name);
                let direction = if port.direction == Direction::Input { "input" } else { "output" };
                write!(header, ",\n  {direction} wire [{}:0] {name}", port.bits - 1).unwrap();
                connections.push(format!(".{}({name})", port.name));
                outer.push((format!("{}.{}", part.name, port.name), Port { name, ..port.clone() }));
            }
            writeln!(body, "  {} instance_{} ({});", part.module, part.name, connections.join(", ")).unwrap();
        }
        let text = format!("{modules}\nmodule bench (\n{header}\n);\n{body}endmodule\n");
        let ports: Vec<Port> = outer.iter().map(|(_, port)| port.clone()).collect();
        let source = Source { text: &text, top: "bench", clock: "clock", ports: &ports };
        let library = Library::load(&source, false).unwrap();
        let pin = |(name, port): (String, Port)| {
            let input = port.direction == Direction::Input;
            let word = library.signal(port.direction, &port.name).unwrap().word;
            (name, Pin { input, word, bits: port.bits })
        };
        Self { pins: outer.into_iter().map(pin).collect(), model: library.instance().unwrap() }
    }

    fn pin(&self, name: &str, input: bool) -> Pin {
        let pin = *self.pins.get(name).unwrap_or_else(|| panic!("no port {name}"));
        assert_eq!(pin.input, input, "direction of {name}");
        pin
    }

    /// Sets an input of up to 64 bits; a signed value is cut to the port's width.
    pub fn set(&mut self, name: &str, value: i64) {
        let pin = self.pin(name, true);
        self.model.inputs()[pin.word] = value.cast_unsigned() & (u64::MAX >> (64 - pin.bits));
    }

    /// Sets an input from bytes, lowest first.
    pub fn set_bytes(&mut self, name: &str, bytes: &[u8]) {
        let pin = self.pin(name, true);
        assert_eq!(bytes.len(), pin.bits.div_ceil(8), "bytes of {name}");
        for (i, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.model.inputs()[pin.word + i] = u64::from_le_bytes(word);
        }
    }

    /// Sets a one-bit input.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.set(name, value.into());
    }

    /// An output of up to 64 bits, as it was just before the last clock edge.
    pub fn get(&self, name: &str) -> u64 {
        let pin = self.pin(name, false);
        assert!(pin.bits <= 64, "{name} has {} bits", pin.bits);
        self.model.outputs()[pin.word]
    }

    /// The same, sign-extended.
    pub fn get_signed(&self, name: &str) -> i64 {
        let unused = 64 - self.pin(name, false).bits;
        self.get(name).cast_signed() << unused >> unused
    }

    /// The same of a one-bit output.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) != 0
    }

    /// An output as bytes, lowest first.
    pub fn get_bytes(&self, name: &str) -> Vec<u8> {
        let pin = self.pin(name, false);
        let words = &self.model.outputs()[pin.word..pin.word + pin.bits.div_ceil(64)];
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.truncate(pin.bits.div_ceil(8));
        bytes
    }

    /// One clock cycle.
    pub fn tick(&mut self) {
        self.model.tick().unwrap();
    }

    /// One cycle with the `reset` of a part.
    pub fn reset(&mut self, part: &str) {
        self.flag(&format!("{part}.reset"), true);
        self.tick();
        self.flag(&format!("{part}.reset"), false);
    }
}

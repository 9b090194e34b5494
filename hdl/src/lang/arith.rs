//! Leaf arithmetic and wiring that rust-hdl's expressions cannot say, written in place.

use std::fmt::Write;

use rust_hdl::core::prelude::{Bit, In, Logic, LogicBlock, Out, Signal, Verilog, Wrapper, block, probe};

use super::emit::INLINE;
use super::wire::Wire;

fn inline(code: String) -> Verilog {
    Verilog::Wrapper(Wrapper { code, cores: INLINE.into() })
}

/// Signed product of `a` and `b`; for the post-processing unit only, never in the array.
#[derive(LogicBlock)]
pub struct MultiplySigned {
    /// First factor.
    pub a: Wire<In>,
    /// Second factor.
    pub b: Wire<In>,
    /// Product, as wide as both factors together.
    pub y: Wire<Out>,
}

impl MultiplySigned {
    /// Factors of `a` and `b` bits.
    #[must_use]
    pub fn new(a: usize, b: usize) -> Self {
        Self { a: Wire::new(a), b: Wire::new(b), y: Wire::new(a + b) }
    }
}

impl Logic for MultiplySigned {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let (a, b) = (self.a.width(), self.b.width());
        // Both factors at full width, so that no context decides how they are extended.
        inline(format!(
            "assign `y` = $signed({{{{{b}{{`a`[{}]}}}}, `a`}}) * $signed({{{{{a}{{`b`[{}]}}}}, `b`}});",
            a - 1,
            b - 1
        ))
    }
}

/// Arithmetic shift right.
#[derive(LogicBlock)]
pub struct ShiftRightSigned {
    /// Value.
    pub a: Wire<In>,
    /// Places.
    pub amount: Wire<In>,
    /// Shifted value.
    pub y: Wire<Out>,
}

impl ShiftRightSigned {
    /// A value of `width` bits, an amount of `amount` bits.
    #[must_use]
    pub fn new(width: usize, amount: usize) -> Self {
        Self { a: Wire::new(width), amount: Wire::new(amount), y: Wire::new(width) }
    }
}

impl Logic for ShiftRightSigned {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        inline("assign `y` = $signed(`a`) >>> `amount`;".into())
    }
}

/// Signed comparison a < b.
#[derive(LogicBlock)]
pub struct LessSigned {
    /// Left side.
    pub a: Wire<In>,
    /// Right side.
    pub b: Wire<In>,
    /// Whether a < b.
    pub y: Signal<Out, Bit>,
}

impl LessSigned {
    /// Sides of `width` bits.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { a: Wire::new(width), b: Wire::new(width), y: Signal::default() }
    }
}

impl Logic for LessSigned {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        inline("assign `y` = $signed(`a`) < $signed(`b`);".into())
    }
}

/// Rotation of a bus of equal parts: part j of the result is part j + amount.
#[derive(LogicBlock)]
pub struct RotateDown {
    /// Value.
    pub x: Wire<In>,
    /// Parts by which they move down.
    pub amount: Wire<In>,
    /// Rotated value.
    pub y: Wire<Out>,
    _width: usize,
}

impl RotateDown {
    /// `count` (a power of two, at least 4) parts of `width` bits.
    #[must_use]
    pub fn new(count: usize, width: usize) -> Self {
        let amount = Wire::new(count.ilog2() as usize);
        Self { x: Wire::new(count * width), amount, y: Wire::new(count * width), _width: width }
    }
}

impl Logic for RotateDown {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        // Four parts' places in one step, which is one LUT6 per bit; an odd last step takes two.
        let (bits, steps) = (self.x.width(), self.amount.width());
        let mut code = String::new();
        let mut from = "x".to_string();
        for (index, step) in (0..steps).step_by(2).enumerate() {
            let to = format!("turned_{index}");
            let turned = |places: usize| match (places * self._width) << step {
                0 => from.clone(),
                low => format!("{{{from}[{}:0], {from}[{}:{low}]}}", low - 1, bits - 1),
            };
            let pair = |low: usize| format!("(amount[{step}] ? {} : {})", turned(low + 1), turned(low));
            let choice = if step + 1 < steps {
                format!("amount[{}] ? {} : {}", step + 1, pair(2), pair(0))
            } else {
                pair(0)
            };
            _ = writeln!(code, "wire [{}:0] {to} = {choice};", bits - 1);
            from = to;
        }
        _ = writeln!(code, "assign y = {from};");
        Verilog::Custom(code)
    }
}

/// One of several buses, by number; a number beyond the last takes any of them.
#[derive(LogicBlock)]
pub struct Choose {
    /// The buses.
    pub parts: Vec<Wire<In>>,
    /// Which one.
    pub index: Wire<In>,
    /// That one.
    pub y: Wire<Out>,
}

impl Choose {
    /// `count` (a power of two) buses of `width` bits, an index of `index` (at least 2) bits.
    #[must_use]
    pub fn new(count: usize, width: usize, index: usize) -> Self {
        Self { parts: Wire::many(count, width), index: Wire::new(index), y: Wire::new(width) }
    }
}

impl Logic for Choose {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        // A tree by the bits of the index, not a chain of comparisons.
        let mut level: Vec<String> = (0..self.parts.len()).map(|i| format!("`parts${i}`")).collect();
        for bit in 0..self.parts.len().ilog2() {
            level = level.chunks(2).map(|p| format!("(`index`[{bit}] ? {} : {})", p[1], p[0])).collect();
        }
        inline(format!("assign `y` = {};", level.concat()))
    }
}

/// Several buses side by side; part 0 lowest.
#[derive(LogicBlock)]
pub struct Concat {
    /// Parts, lowest first.
    pub parts: Vec<Wire<In>>,
    /// All of them.
    pub y: Wire<Out>,
}

impl Concat {
    /// `count` parts of `width` bits.
    #[must_use]
    pub fn new(count: usize, width: usize) -> Self {
        Self { parts: Wire::many(count, width), y: Wire::new(count * width) }
    }
}

impl Logic for Concat {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let parts: Vec<String> = (0..self.parts.len()).rev().map(|i| format!("`parts${i}`")).collect();
        inline(format!("assign `y` = {{{}}};", parts.join(", ")))
    }
}

/// A bus cut into equal parts; part 0 lowest.
#[derive(LogicBlock)]
pub struct Split {
    /// The bus.
    pub x: Wire<In>,
    /// Its parts, lowest first.
    pub parts: Vec<Wire<Out>>,
}

impl Split {
    /// `count` parts of `width` bits.
    #[must_use]
    pub fn new(count: usize, width: usize) -> Self {
        Self { x: Wire::new(count * width), parts: Wire::many(count, width) }
    }
}

impl Logic for Split {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let width = self.x.width() / self.parts.len().max(1);
        let lines: Vec<String> = (0..self.parts.len())
            .map(|i| match (width, self.parts.len()) {
                (_, 1) => "assign `parts$0` = `x`;".to_string(),
                (1, _) => format!("assign `parts${i}` = `x`[{i}];"),
                _ => format!("assign `parts${i}` = `x`[{}:{}];", width * (i + 1) - 1, width * i),
            })
            .collect();
        inline(lines.join("\n"))
    }
}

/// Some adjacent bits of a bus, by numbers that are known when the hardware is built.
#[derive(LogicBlock)]
pub struct Pick {
    /// The bus.
    pub x: Wire<In>,
    /// The bits.
    pub y: Wire<Out>,
    _low: usize,
}

impl Pick {
    /// `bits` bits from bit `low` up, of a bus of `width` bits.
    #[must_use]
    pub fn new(width: usize, low: usize, bits: usize) -> Self {
        Self { x: Wire::new(width), y: Wire::new(bits), _low: low }
    }
}

impl Logic for Pick {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        inline(match (self.x.width(), self.y.width()) {
            (from, to) if from == to => "assign `y` = `x`;".into(),
            (_, 1) => format!("assign `y` = `x`[{}];", self._low),
            (_, to) => format!("assign `y` = `x`[{}:{}];", self._low + to - 1, self._low),
        })
    }
}

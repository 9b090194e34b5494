//! Signals whose width is chosen when the hardware is built.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, BitXor, Neg, Not, Shl, Shr, Sub};

use rust_hdl::core::constraint::PinConstraint;
use rust_hdl::core::prelude::{
    Atom, AtomKind, Block, Direction, Logic, Probe, TypeDescriptor, TypeKind, VCDValue, VerilogLiteral,
};

/// A bus of `width` bits: the run-time counterpart of rust-hdl's `Signal<D, Bits<N>>`.
#[derive(Clone, Debug)]
pub struct Wire<D: Direction> {
    /// The value to assign to, inside `update`.
    pub next: Word,
    width: usize,
    direction: PhantomData<D>,
}

impl<D: Direction> Wire<D> {
    /// A bus of `width` bits (at least 1).
    #[must_use]
    pub fn new(width: usize) -> Self {
        let width = width.max(1);
        Self { next: Word { width }, width, direction: PhantomData }
    }

    /// `count` buses of `width` bits.
    #[must_use]
    pub fn many(count: usize, width: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(width)).collect()
    }

    /// The value to read, inside `update`.
    #[must_use]
    pub fn val(&self) -> Word {
        Word { width: self.width }
    }

    /// Bits of the bus.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }
}

impl<D: Direction> Atom for Wire<D> {
    fn bits(&self) -> usize {
        self.width
    }
    fn connected(&self) -> bool {
        true
    }
    fn changed(&self) -> bool {
        false
    }
    fn kind(&self) -> AtomKind {
        D::KIND
    }
    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: format!("Wire({})", self.width), kind: TypeKind::Bits(self.width) }
    }
    fn vcd(&self) -> VCDValue {
        VCDValue::Vector(Vec::new())
    }
    fn id(&self) -> usize {
        0
    }
    fn verilog(&self) -> VerilogLiteral {
        0u32.into()
    }
    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

impl<D: Direction> Logic for Wire<D> {
    fn update(&mut self) {}
}

impl<D: Direction> Block for Wire<D> {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

/// What `Wire::val` returns: it types the expressions in `update`, whose meaning is the emitted Verilog.
///
/// It has a width and no value: the emitted Verilog under Verilator is the device under test, so nothing here
/// can be mistaken for a simulation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Word {
    width: usize,
}

impl Word {
    /// Bits of this value (rust-hdl's macro asks for it when it lowers a cast).
    #[must_use]
    pub fn bits(self) -> usize {
        self.width
    }

    /// `N` bits from `offset` up.
    #[must_use]
    pub fn get_bits<const N: usize>(self, _offset: impl AsIndex) -> Word {
        Word { width: N }
    }

    /// One bit.
    #[must_use]
    pub fn get_bit(self, _index: impl AsIndex) -> bool {
        false
    }

    /// OR of all bits.
    #[must_use]
    pub fn any(self) -> bool {
        false
    }

    /// AND of all bits.
    #[must_use]
    pub fn all(self) -> bool {
        false
    }

    /// Parity.
    #[must_use]
    pub fn xor(self) -> bool {
        false
    }
}

/// What may index bits: a literal, a loop variable, or another bus.
pub trait AsIndex {}
impl AsIndex for i32 {}
impl AsIndex for usize {}
impl AsIndex for Word {}

/// A number chosen when the hardware is built: `value` in loop bounds and indices, `val()` in expressions.
#[derive(Clone, Copy, Debug)]
pub struct Const {
    /// The number.
    pub value: usize,
}

impl Const {
    /// The number as a literal, which takes the width of its surroundings.
    #[must_use]
    pub fn val(self) -> Word {
        Word::default()
    }
}

impl From<usize> for Const {
    fn from(value: usize) -> Self {
        Self { value }
    }
}

impl Atom for Const {
    /// No width of its own.
    fn bits(&self) -> usize {
        0
    }
    fn connected(&self) -> bool {
        true
    }
    fn changed(&self) -> bool {
        false
    }
    fn kind(&self) -> AtomKind {
        AtomKind::Constant
    }
    fn descriptor(&self) -> TypeDescriptor {
        TypeDescriptor { name: "Const".into(), kind: TypeKind::Bits(0) }
    }
    fn vcd(&self) -> VCDValue {
        VCDValue::Vector(Vec::new())
    }
    fn id(&self) -> usize {
        0
    }
    fn verilog(&self) -> VerilogLiteral {
        self.value.into()
    }
    fn constraints(&self) -> Vec<PinConstraint> {
        Vec::new()
    }
}

impl Logic for Const {
    fn update(&mut self) {}
}

impl Block for Const {
    fn connect_all(&mut self) {}
    fn update_all(&mut self) {}
    fn has_changed(&self) -> bool {
        false
    }
    fn accept(&self, name: &str, probe: &mut dyn Probe) {
        probe.visit_atom(name, self);
    }
}

/// What may be widened into a bus.
pub trait IntoWord {
    /// The same bits as a bus value.
    fn into_word(self) -> Word;
}
impl IntoWord for Word {
    fn into_word(self) -> Word {
        self
    }
}
impl IntoWord for bool {
    fn into_word(self) -> Word {
        Word { width: 1 }
    }
}
impl<const N: usize> IntoWord for rust_hdl::core::prelude::Bits<N> {
    fn into_word(self) -> Word {
        Word { width: N }
    }
}

/// Zero-extends to the width of the assigned signal.
#[must_use]
pub fn unsigned_cast(value: impl IntoWord) -> Word {
    value.into_word()
}

/// Sign-extends to the width of the assigned signal.
#[must_use]
pub fn signed_cast(value: impl IntoWord) -> Word {
    value.into_word()
}

/// Zero-extended or cut to `width` bits.
#[must_use]
pub fn bits_resize(_value: Word, width: usize) -> Word {
    Word { width }
}

impl From<i32> for Word {
    fn from(_: i32) -> Self {
        Self::default()
    }
}

impl From<bool> for Word {
    fn from(_: bool) -> Self {
        Self { width: 1 }
    }
}

macro_rules! operators {
    ($($op:ident $method:ident),*) => {$(
        impl $op for Word {
            type Output = Word;
            fn $method(self, _: Word) -> Word {
                self
            }
        }
        impl $op<i32> for Word {
            type Output = Word;
            fn $method(self, _: i32) -> Word {
                self
            }
        }
        impl $op<usize> for Word {
            type Output = Word;
            fn $method(self, _: usize) -> Word {
                self
            }
        }
    )*};
}
operators!(Add add, Sub sub, BitAnd bitand, BitOr bitor, BitXor bitxor, Shl shl, Shr shr);

impl Not for Word {
    type Output = Word;
    fn not(self) -> Word {
        self
    }
}

impl Neg for Word {
    type Output = Word;
    fn neg(self) -> Word {
        self
    }
}

impl PartialEq for Word {
    fn eq(&self, _: &Word) -> bool {
        false
    }
}
impl PartialEq<i32> for Word {
    fn eq(&self, _: &i32) -> bool {
        false
    }
}
impl PartialOrd for Word {
    fn partial_cmp(&self, _: &Word) -> Option<Ordering> {
        None
    }
}
impl PartialOrd<i32> for Word {
    fn partial_cmp(&self, _: &i32) -> Option<Ordering> {
        None
    }
}
impl PartialEq<usize> for Word {
    fn eq(&self, _: &usize) -> bool {
        false
    }
}
impl PartialOrd<usize> for Word {
    fn partial_cmp(&self, _: &usize) -> Option<Ordering> {
        None
    }
}

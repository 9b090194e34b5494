//! From an accumulator to an 8-bit activation.

use crate::RequantFault;

/// Requantisation constants of one output channel:
/// y = clamp(((acc·m + B + (r·`m_r` << `e_r`) + 2^(s−1)) >> s) + z, lo, hi); r is the residual operand, 0 without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requant {
    /// m.
    pub multiplier: i16,
    /// B: 48 bits signed.
    pub bias: i64,
    /// s: 1…47.
    pub shift: u8,
    /// `m_r`, 0 where there is no residual operand.
    pub residual: i16,
    /// `e_r`: 0…24, so that R = `m_r` << `e_r` fits 40 signed bits.
    pub residual_shift: u8,
}

/// The output's zero point and range. `ReLU` is `low == zero_point`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clamp {
    /// z: the code of the real value 0.
    pub zero_point: i8,
    /// Smallest output.
    pub low: i8,
    /// Largest output.
    pub high: i8,
}

impl Clamp {
    /// Every 8-bit value, around `zero_point`.
    #[must_use]
    pub const fn full(zero_point: i8) -> Self {
        Self { zero_point, low: i8::MIN, high: i8::MAX }
    }

    /// `ReLU`: nothing below the zero point.
    #[must_use]
    pub const fn relu(zero_point: i8) -> Self {
        Self { zero_point, low: zero_point, high: i8::MAX }
    }
}

impl Requant {
    /// Largest s.
    pub const MAX_SHIFT: u8 = 47;
    /// Largest `e_r`.
    pub const MAX_RESIDUAL_SHIFT: u8 = 24;
    /// Sums must stay below this in magnitude: 48 signed bits.
    pub const LIMIT: i128 = 1 << 47;
    /// A channel that always gives the zero point; what padding channels use.
    pub const ZERO: Self = Self { multiplier: 0, bias: 0, shift: 1, residual: 0, residual_shift: 0 };

    /// Constants without a residual operand.
    #[must_use]
    pub const fn new(multiplier: i16, bias: i64, shift: u8) -> Self {
        Self { multiplier, bias, shift, residual: 0, residual_shift: 0 }
    }

    /// R = `m_r` << `e_r`: the factor of the residual operand, 40 signed bits.
    #[must_use]
    pub const fn residual_factor(self) -> i64 {
        (self.residual as i64) << self.residual_shift
    }

    /// P = acc·m + B + r·R; r is 0 where there is no residual operand. Exact: the bound was proved when the network
    /// was made.
    #[must_use]
    pub const fn product(self, acc: i32, r: i8) -> i64 {
        acc as i64 * self.multiplier as i64 + self.bias + r as i64 * self.residual_factor()
    }

    /// The activation y.
    #[must_use]
    pub fn apply(self, acc: i32, r: i8, clamp: Clamp) -> i8 {
        self.round(self.product(acc, r), clamp)
    }

    /// The activation of a product P.
    #[must_use]
    pub fn round(self, product: i64, clamp: Clamp) -> i8 {
        let rounded = (product + (1 << (self.shift - 1))) >> self.shift;
        let y = rounded + i64::from(clamp.zero_point);
        y.min(i64::from(clamp.high)).max(i64::from(clamp.low)) as i8
    }

    /// The sign mask: P > 0, before rounding.
    #[must_use]
    pub const fn mask(self, acc: i32, r: i8) -> bool {
        self.product(acc, r) > 0
    }

    /// Proves that P and its rounding stay within 48 signed bits for every |acc| ≤ `acc_bound` and every r.
    ///
    /// # Errors
    /// A shift is illegal, or the bound does not hold.
    pub fn check(self, acc_bound: i64) -> Result<(), RequantFault> {
        if !(1..=Self::MAX_SHIFT).contains(&self.shift) {
            return Err(RequantFault::Shift(self.shift));
        }
        if self.residual_shift > Self::MAX_RESIDUAL_SHIFT {
            return Err(RequantFault::ResidualShift(self.residual_shift));
        }
        let product = i128::from(acc_bound) * i128::from(self.multiplier).abs();
        let residual = 128 * i128::from(self.residual_factor()).abs();
        let bound = product + i128::from(self.bias).abs() + residual;
        if bound + (1 << (self.shift - 1)) < Self::LIMIT {
            Ok(())
        } else {
            Err(RequantFault::Product { bound })
        }
    }

    /// The constants that give the same output and mask from an accumulator twice as large: B·2, R·2, s + 1.
    /// `acc_bound` bounds the accumulator before doubling.
    ///
    /// # Errors
    /// They do not fit.
    pub fn doubled(self, acc_bound: i64) -> Result<Self, RequantFault> {
        // Without an operand the factor's shift has no meaning and must not be what makes the constants illegal.
        let residual_shift = if self.residual == 0 { 0 } else { self.residual_shift + 1 };
        let doubled = Self { bias: 2 * self.bias, shift: self.shift + 1, residual_shift, ..self };
        doubled.check(2 * acc_bound)?;
        Ok(doubled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_towards_plus_infinity() {
        let r = Requant::new(1, 0, 1);
        let y: Vec<i8> = (-4..=4).map(|acc| r.apply(acc, 0, Clamp::full(0))).collect();
        assert_eq!(y, [-2, -1, -1, 0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn clamps_at_full_width_after_the_zero_point() {
        let r = Requant::new(i16::MAX, 0, 1);
        assert_eq!(r.apply(i32::MAX, 0, Clamp::full(-128)), 127);
        assert_eq!(r.apply(-i32::MAX, 0, Clamp::relu(-128)), -128);
        assert_eq!(r.apply(-1, 0, Clamp { zero_point: 3, low: 3, high: 9 }), 3);
    }

    #[test]
    fn the_mask_is_taken_before_rounding() {
        let r = Requant::new(1, 0, 10);
        assert_eq!((r.apply(1, 0, Clamp::full(0)), r.mask(1, 0), r.mask(0, 0)), (0, true, false));
    }

    #[test]
    fn the_residual_is_added_before_rounding_and_before_the_mask() {
        // P = acc·2 + 1 + r·(−3 << 2), rounded at 2^3.
        let r = Requant { residual: -3, residual_shift: 2, ..Requant::new(2, 1, 3) };
        assert_eq!(r.residual_factor(), -12);
        assert_eq!((r.product(10, -128), r.product(10, 127)), (21 + 128 * 12, 21 - 127 * 12));
        // Alone 21 rounds to 3 and −24 to −3; together −3 rounds to 0 and is not above 0.
        assert_eq!((r.apply(10, 0, Clamp::full(0)), r.apply(10, 2, Clamp::full(0))), (3, 0));
        assert_eq!((r.mask(10, 1), r.mask(10, 2)), (true, false));
    }

    #[test]
    fn the_bound_is_48_bits() {
        let at = |bias| Requant::new(0, bias, 1).check(i64::from(i32::MAX));
        assert_eq!(at((1 << 47) - 2), Ok(()));
        assert_eq!(at((1 << 47) - 1), Err(RequantFault::Product { bound: (1 << 47) - 1 }));
        assert_eq!(Requant { shift: 48, ..Requant::ZERO }.check(0), Err(RequantFault::Shift(48)));
        assert_eq!(Requant { shift: 0, ..Requant::ZERO }.check(0), Err(RequantFault::Shift(0)));
        assert!(Requant { shift: 47, ..Requant::ZERO }.doubled(0).is_err());
    }

    #[test]
    fn the_bound_holds_the_residual() {
        let with = |residual, residual_shift, bias| {
            Requant { residual, residual_shift, ..Requant::new(1, bias, 1) }.check(100)
        };
        // 128·2^15·2^24 = 2^46: as much again is left, less acc and rounding.
        let left = (1i64 << 46) - 100 - 2;
        assert_eq!(with(i16::MIN, 24, left), Ok(()));
        assert_eq!(with(i16::MIN, 24, -left), Ok(()));
        assert_eq!(with(i16::MIN, 24, left + 1), Err(RequantFault::Product { bound: (1 << 47) - 1 }));
        assert_eq!(with(1, 25, 0), Err(RequantFault::ResidualShift(25)));
        assert!(Requant { residual: 1, residual_shift: 24, ..Requant::ZERO }.doubled(0).is_err());
        assert!(Requant { residual: 0, residual_shift: 24, ..Requant::ZERO }.doubled(0).is_ok());
    }
}

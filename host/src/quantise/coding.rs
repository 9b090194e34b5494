//! How a tensor is coded.

use cbp_numerics::Clamp;
use cbp_numerics::scales::Quantiser;

/// Scale, zero point and the codes in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    /// Real value = scale·(q − zero point).
    pub quantiser: Quantiser,
    /// The smallest code.
    pub low: i8,
    /// The largest code.
    pub high: i8,
}

impl Coding {
    /// 8-bit codes for real values from `low` ≤ 0 to `high` ≥ 0; `None` if both are 0. For pixels / 255 the code is
    /// pixel − 128, exactly.
    #[must_use]
    pub fn of_range([low, high]: [f32; 2]) -> Option<Self> {
        let scale = (high - low) / 255.0;
        let zero_point = (-128.0 - low / scale).round().clamp(-128.0, 127.0) as i8;
        let quantiser = Quantiser { scale, zero_point };
        (scale > 0.0 && scale.is_finite()).then_some(Self { quantiser, low: -128, high: 127 })
    }

    /// Of a node that rounds to `bits` whose largest magnitude is `range`; `None` if that is 0.
    #[must_use]
    pub fn of_node(bits: u32, signed: bool, range: f32) -> Option<Self> {
        let half = 1_i32 << (bits - 1);
        let (zero_point, low, steps) =
            if signed { (0, 1 - half, half - 1) } else { (-half, -half, 2 * half - 1) };
        let scale = range / steps as f32;
        let quantiser = Quantiser { scale, zero_point: zero_point as i8 };
        let coding = Self { quantiser, low: low as i8, high: (half - 1) as i8 };
        (scale > 0.0 && scale.is_finite()).then_some(coding)
    }

    /// The codes of real values between `low` and `high`, as a clamp leaves them.
    #[must_use]
    pub fn clamp(self, low: f32, high: f32) -> Clamp {
        let Quantiser { scale, zero_point } = self.quantiser;
        let code = |bound: f32| {
            let code = (f64::from(bound) / f64::from(scale)).round() + f64::from(zero_point);
            code.clamp(f64::from(self.low), f64::from(self.high)) as i8
        };
        Clamp { zero_point, low: code(low), high: code(high) }
    }

    /// The nearest code.
    #[must_use]
    pub fn code(self, value: f32) -> i8 {
        let Quantiser { scale, zero_point } = self.quantiser;
        let code = (value / scale).round_ties_even() + f32::from(zero_point);
        code.clamp(f32::from(self.low), f32::from(self.high)) as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_exact() {
        let coding = Coding::of_range([0.0, 1.0]).unwrap();
        for pixel in 0..=255_u8 {
            assert_eq!(coding.code(f32::from(pixel) / 255.0), (pixel ^ 0x80).cast_signed());
        }
        assert_eq!(Coding::of_range([0.0, 0.0]), None);
    }

    #[test]
    fn codes_of_a_range_with_both_signs() {
        let coding = Coding::of_range([-2.0, 3.1]).unwrap();
        assert_eq!(coding.quantiser.zero_point, -28);
        assert_eq!([-9.0, 0.0, 3.1, 9.0].map(|x| coding.code(x)), [-128, -28, 127, 127]);
    }

    #[test]
    fn few_bits_use_few_codes() {
        let unsigned = Coding::of_node(4, false, 1.5).unwrap();
        assert_eq!((unsigned.quantiser.zero_point, unsigned.low, unsigned.high), (-8, -8, 7));
        assert_eq!([0.0, 0.74, 1.5].map(|x| unsigned.code(x)), [-8, -1, 7]);
        let signed = Coding::of_node(2, true, 1.0).unwrap();
        assert_eq!([-5.0, 0.4, 0.6, 5.0].map(|x| signed.code(x)), [-1, 0, 1, 1]);
        let full = signed.clamp(f32::NEG_INFINITY, f32::INFINITY);
        assert_eq!(full, Clamp { zero_point: 0, low: -1, high: 1 });
        let three = Coding::of_node(8, false, 12.0).unwrap().clamp(0.0, 3.0);
        assert_eq!((three.low, three.high), (-128, -64));
    }
}

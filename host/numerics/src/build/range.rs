use crate::Clamp;
use crate::random::Random;

/// What a layer's outputs should look like.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Zero point and bounds.
    pub clamp: Clamp,
    /// Mean before clamping.
    pub centre: f64,
    /// Standard deviation before clamping.
    pub spread: f64,
}

impl Range {
    /// After `ReLU`, with all 256 levels: a quarter of the values is 0, and hardly any beyond the top.
    pub const RELU: Self = Self { clamp: Clamp::relu(-128), centre: -91.0, spread: 58.0 };
    /// Without an activation function.
    pub const FULL: Self = Self { clamp: Clamp::full(0), centre: 0.0, spread: 44.0 };

    /// Any clamp and zero point; a sixth to a third of the range is one standard deviation.
    pub fn random(random: &mut Random) -> Self {
        let any = random.byte();
        let clamp = match random.below(4) {
            0 => Clamp::full(any),
            1 => Clamp::relu(-128),
            2 => Clamp::relu(any.min(60)),
            _ => {
                let width = 40 + random.below(216) as i32;
                let low = -128 + random.below(256 - width as usize) as i32;
                Clamp { zero_point: any, low: low as i8, high: (low + width) as i8 }
            }
        };
        let (low, high) = (f64::from(clamp.low), f64::from(clamp.high));
        let centre = low + (high - low) * (0.35 + 0.3 * random.unit());
        let spread = (high - low) * (0.17 + 0.16 * random.unit());
        Self { clamp, centre, spread }
    }
}

//! Random numbers from a seed that a failing test prints.

/// Seeds of a random test: `CBP_SEED` alone if it is set, else 0 to `count`.
pub fn seeds(count: u64) -> std::ops::Range<u64> {
    std::env::var("CBP_SEED").map_or(0..count, |seed| {
        let seed = seed.parse().unwrap();
        seed..seed + 1
    })
}

/// `SplitMix64`.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 0 to `end`, exclusive.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// `low` to `high`, inclusive.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(low.abs_diff(high) + 1).cast_signed()
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub fn byte(&mut self) -> i8 {
        self.bits() as i8
    }

    /// An 8-bit activation, extremes more often than by chance.
    pub fn activation(&mut self) -> i8 {
        if self.one_in(4) { self.pick(&[-128, -127, -1, 0, 1, 127]) } else { self.byte() }
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with CBP_SEED={}", self.seed);
        }
    }
}

use crate::random::Random;
use crate::{WeightSet, Weights};

/// What weights should look like.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Their set; `None`: int8.
    pub set: Option<WeightSet>,
    /// Every weight is the most negative one.
    pub extreme: bool,
}

impl Draw {
    pub const INT8: Self = Self { set: None, extreme: false };

    pub const fn of(set: WeightSet) -> Self {
        Self { set: Some(set), extreme: false }
    }

    pub fn weights(self, n: usize, random: &mut Random) -> Weights {
        match (self.set, self.extreme) {
            (Some(set), true) => Weights::Constrained { set, codes: vec![set.levels()[0]; n] },
            (Some(set), false) => Weights::Constrained { set, codes: codes(set, n, random) },
            (None, true) => Weights::Int8 { w: vec![-128; n] },
            (None, false) => Weights::Int8 { w: random.bytes(n) },
        }
    }
}

/// Evenly drawn levels; several from each random number, since networks have a hundred million.
fn codes(set: WeightSet, n: usize, random: &mut Random) -> Vec<i8> {
    let levels = set.levels();
    let mut codes = Vec::with_capacity(n);
    while codes.len() < n {
        let mut bits = random.bits();
        for _ in 0..(n - codes.len()).min(16) {
            codes.push(levels[(bits % levels.len() as u64) as usize]);
            bits /= levels.len() as u64;
        }
    }
    codes
}

use super::{LayerResult, Tensor};
use crate::Add;

pub fn run(add: &Add, first: Tensor<'_>, second: Tensor<'_>) -> LayerResult {
    let pairs = first.values.iter().zip(second.values);
    LayerResult::unmasked(pairs.map(|(&q, &r)| add.requant.apply(q.into(), r, add.clamp)).collect())
}

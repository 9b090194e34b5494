//! The device against the scalar model.

use cbp_compiler::Keep;
use cbp_numerics::{LayerResult, Network, NetworkError, Values, run_network};
use rayon::prelude::*;

/// Most images that one thread takes at a time.
const CHUNK: usize = 16;
/// Multiplications for which a thread is worth waking.
const CHUNK_MACS: u64 = 1 << 24;

/// Results of every layer by the scalar model, on all threads; `input` is `[image][y][x][channel]`.
///
/// # Errors
/// The input is no whole number of images.
pub fn scalar_model(network: &Network, input: &[i8]) -> Result<Vec<LayerResult>, NetworkError> {
    let inputs = network.inputs();
    let chunk = (CHUNK_MACS / network.macs().max(1)).clamp(1, CHUNK as u64) as usize;
    let parts: Vec<Vec<LayerResult>> = input
        .par_chunks(chunk * inputs)
        .map(|part| run_network(network, part, part.len() / inputs))
        .collect::<Result<_, _>>()?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.iter_mut().zip(part).for_each(|(to, from)| to.append(from));
    }
    Ok(all)
}

/// Values and sign masks that differ, and how many were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Compared.
    pub compared: u64,
    /// Different.
    pub mismatches: u64,
}

/// Compares what `keep` asked the device for: the last layer or all of them, with masks or without.
///
/// What should have come back and did not counts as wrong in every value, so that nothing passes by being absent.
#[must_use]
pub fn compare(device: &[Option<LayerResult>], model: &[LayerResult], keep: Keep) -> Comparison {
    let mut sum = Comparison::default();
    let mut add = |(compared, mismatches): (usize, usize)| {
        sum.compared += compared as u64;
        sum.mismatches += mismatches as u64;
    };
    let first = if keep == Keep::Output { model.len().saturating_sub(1) } else { 0 };
    for (index, model) in model.iter().enumerate().skip(first) {
        let device = device.get(index).and_then(Option::as_ref);
        add(match (device.map(|d| &d.values), &model.values) {
            (Some(Values::I8(d)), Values::I8(m)) => differences(d, m),
            (Some(Values::I32(d)), Values::I32(m)) => differences(d, m),
            (_, Values::I8(m)) => (m.len(), m.len()),
            (_, Values::I32(m)) => (m.len(), m.len()),
        });
        if let (Keep::ActivationsAndMasks, Some(m)) = (keep, &model.mask) {
            let found = device.and_then(|d| d.mask.as_deref()).unwrap_or_default();
            add(differences(found, m));
        }
    }
    sum
}

fn differences<T: PartialEq>(device: &[T], model: &[T]) -> (usize, usize) {
    let common = device.iter().zip(model).filter(|(d, m)| d != m).count();
    (model.len(), common + model.len().abs_diff(device.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_counts() {
        let model = LayerResult { values: Values::I8(vec![1, 2, 3]), mask: Some(vec![true, false, true]) };
        let mut device = model.clone();
        let models = [model];
        let all = |device: &LayerResult| compare(&[Some(device.clone())], &models, Keep::ActivationsAndMasks);
        assert_eq!(all(&device), Comparison { compared: 6, mismatches: 0 });
        device.values = Values::I8(vec![1, -2, 3]);
        device.mask = Some(vec![false, false, true]);
        assert_eq!(all(&device).mismatches, 2);
        device.values = Values::I8(vec![1]);
        assert_eq!(all(&device).mismatches, 3);
    }

    #[test]
    fn what_is_absent_is_wrong() {
        let model = LayerResult { values: Values::I8(vec![1, 2, 3]), mask: Some(vec![true, false, true]) };
        let models = [model.clone(), model.clone()];
        let unmasked = LayerResult { mask: None, ..model.clone() };
        let wrong = |device: &[Option<LayerResult>], keep| compare(device, &models, keep).mismatches;
        assert_eq!(wrong(&[], Keep::Output), 3);
        assert_eq!(wrong(&[], Keep::ActivationsAndMasks), 12);
        assert_eq!(wrong(&[None, Some(model.clone())], Keep::Output), 0);
        assert_eq!(wrong(&[None, Some(model.clone())], Keep::Activations), 3);
        assert_eq!(wrong(&[Some(model), Some(unmasked)], Keep::ActivationsAndMasks), 3);
    }
}

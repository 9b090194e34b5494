//! Softmax cross-entropy.

/// Mean cross-entropy of the batch in nats; writes dL/d(logits).
///
/// `logits` and `d_logits` are classes × batch.
pub(crate) fn softmax_cross_entropy(logits: &[f32], labels: &[u32], d_logits: &mut [f32]) -> f64 {
    let batch = labels.len();
    let share = 1.0 / batch as f32;
    let mut loss = 0.0;
    for (image, &label) in labels.iter().enumerate() {
        let column = || (image..logits.len()).step_by(batch);
        // Without the largest logit taken off, the exponentials could overflow.
        let largest = column().map(|i| logits[i]).fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = column().map(|i| (logits[i] - largest).exp()).sum();
        for (class, i) in column().enumerate() {
            let probability = (logits[i] - largest).exp() / total;
            let target = if class == label as usize { 1.0 } else { 0.0 };
            d_logits[i] = (probability - target) * share;
        }
        let own = logits[label as usize * batch + image];
        loss += f64::from(total.ln() - (own - largest));
    }
    loss / batch as f64
}

/// The class with the largest logit of each image, the first one of equals.
pub(crate) fn predictions(logits: &[f32], batch: usize) -> impl Iterator<Item = u32> {
    (0..batch).map(move |image| {
        let mut best = (0, f32::NEG_INFINITY);
        for (class, &logit) in logits[image..].iter().step_by(batch).enumerate() {
            if logit > best.1 {
                best = (class as u32, logit);
            }
        }
        best.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_ln_of_the_classes_and_large_ones_do_not_overflow() {
        let mut grad = [0.0; 4];
        let loss = softmax_cross_entropy(&[0.0, 1000.0, 0.0, -1000.0], &[1, 0], &mut grad);
        assert!((loss - f64::midpoint(std::f64::consts::LN_2, 0.0)).abs() < 1e-6, "{loss}");
        assert!((grad[0] - 0.25).abs() < 1e-6 && (grad[2] + 0.25).abs() < 1e-6);
        assert!(grad[1].abs() < 1e-6 && grad[3].abs() < 1e-6);
    }

    #[test]
    fn the_first_of_equal_classes_wins() {
        assert!(predictions(&[1.0, 0.0, 1.0, 2.0], 2).eq([0, 1]));
    }
}

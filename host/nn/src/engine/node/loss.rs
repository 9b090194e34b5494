//! What training minimises.

/// Mean cross-entropy of the softmax over a batch, in nats; writes dL/d(logits). `logits` and `gradient` are batch ×
/// classes; the number of labels is the batch.
pub(crate) fn softmax_cross_entropy(logits: &[f32], labels: &[u32], gradient: &mut [f32]) -> f64 {
    let classes = logits.len() / labels.len();
    let share = 1.0 / labels.len() as f32;
    let mut loss = 0.0;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((logits, gradient), &label) in rows.zip(labels) {
        // Without the largest logit taken off, the exponentials could overflow.
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        for (class, (gradient, &logit)) in gradient.iter_mut().zip(logits).enumerate() {
            let target = if class == label as usize { 1.0 } else { 0.0 };
            *gradient = ((logit - largest).exp() / total - target) * share;
        }
        loss += f64::from(total.ln() - (logits[label as usize] - largest));
    }
    loss / labels.len() as f64
}

/// Mean of (output − target)² over all numbers of a batch; writes dL/d(output).
pub(crate) fn mean_squared_error(outputs: &[f32], targets: &[f32], gradient: &mut [f32]) -> f64 {
    let factor = 2.0 / outputs.len() as f32;
    let mut loss = 0.0;
    for ((&output, &target), gradient) in outputs.iter().zip(targets).zip(gradient) {
        let difference = output - target;
        *gradient = factor * difference;
        loss += f64::from(difference) * f64::from(difference);
    }
    loss / outputs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_ln_of_the_classes_and_large_ones_do_not_overflow() {
        let mut gradient = [0.0; 4];
        let loss = softmax_cross_entropy(&[0.0, 0.0, 1000.0, -1000.0], &[1, 0], &mut gradient);
        assert!((loss - f64::midpoint(std::f64::consts::LN_2, 0.0)).abs() < 1e-6, "{loss}");
        assert!((gradient[0] - 0.25).abs() < 1e-6 && (gradient[1] + 0.25).abs() < 1e-6);
        assert!(gradient[2].abs() < 1e-6 && gradient[3].abs() < 1e-6);
    }

    #[test]
    fn squares_of_differences() {
        let mut gradient = [0.0; 2];
        let loss = mean_squared_error(&[1.0, 2.0], &[0.0, 4.0], &mut gradient);
        assert!(
            (loss - 2.5).abs() < 1e-9 && (gradient[0] - 1.0).abs() < 1e-9 && (gradient[1] + 2.0).abs() < 1e-9
        );
    }
}

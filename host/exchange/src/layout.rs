//! Weights of convolutions between the two layouts: OHWI here, OIHW elsewhere; and vectors between two orders.

use cbp_nn::graph::WeightShape;

/// OIHW to OHWI. `values` has the length of `shape`.
pub(crate) fn to_ohwi<T: Copy>(values: &[T], shape: WeightShape) -> Vec<T> {
    let (area, inputs) = (shape.kernel[0] * shape.kernel[1], shape.inputs);
    let of_output =
        |row: usize| (0..area * inputs).map(move |i| values[row + (i % inputs) * area + i / inputs]);
    (0..shape.outputs).flat_map(|output| of_output(output * shape.row_length())).collect()
}

/// OHWI to OIHW. `values` has the length of `shape`.
pub(crate) fn to_oihw<T: Copy>(values: &[T], shape: WeightShape) -> Vec<T> {
    let (area, inputs) = (shape.kernel[0] * shape.kernel[1], shape.inputs);
    let of_output =
        |row: usize| (0..area * inputs).map(move |i| values[row + (i % area) * inputs + i / area]);
    (0..shape.outputs).flat_map(|output| of_output(output * shape.row_length())).collect()
}

/// Rows whose value `f` goes to place `order[f]`: from the order of a file to the own one.
pub(crate) fn to_own(values: &[f32], order: &[usize]) -> Vec<f32> {
    let mut own = vec![0.0; values.len()];
    for (own, foreign) in own.chunks_mut(order.len()).zip(values.chunks(order.len())) {
        for (&place, &value) in order.iter().zip(foreign) {
            own[place] = value;
        }
    }
    own
}

/// The inverse of [`to_own`].
pub(crate) fn to_foreign(values: &[f32], order: &[usize]) -> Vec<f32> {
    values.chunks(order.len()).flat_map(|own| order.iter().map(|&place| own[place])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_kernel_by_hand() {
        // One output, two inputs, one row, three columns: IHW 012 345 is HWI 03 14 25.
        let shape = WeightShape { outputs: 1, kernel: [1, 3], inputs: 2, groups: 1, bias: false };
        assert_eq!(to_ohwi(&[0, 1, 2, 3, 4, 5], shape), [0, 3, 1, 4, 2, 5]);
        assert_eq!(to_oihw(&[0, 3, 1, 4, 2, 5], shape), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn rows_by_hand() {
        assert_eq!(to_own(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 0, 1]), [2.0, 3.0, 1.0, 5.0, 6.0, 4.0]);
        assert_eq!(to_foreign(&[2.0, 3.0, 1.0, 5.0, 6.0, 4.0], &[2, 0, 1]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    proptest! {
        #[test]
        fn there_and_back(outputs in 1_usize..4, rows in 1_usize..4, columns in 1_usize..4, inputs in 1_usize..4) {
            let shape = WeightShape { outputs, kernel: [rows, columns], inputs, groups: 1, bias: false };
            let values: Vec<usize> = (0..shape.len()).collect();
            prop_assert_eq!(to_oihw(&to_ohwi(&values, shape), shape), values);
        }
    }
}

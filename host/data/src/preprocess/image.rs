//! An image between two steps.

/// Height × width × channels values; of a vector, 1 × 1 × features.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Image<T> {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) values: Vec<T>,
}

impl<T: Copy + Default> Image<T> {
    /// Becomes an image of this size, all 0.
    pub(crate) fn clear_to(&mut self, height: usize, width: usize, channels: usize) {
        (self.height, self.width, self.channels) = (height, width, channels);
        self.values.clear();
        self.values.resize(height * width * channels, T::default());
    }

    /// Left and right change places.
    pub(crate) fn flip(&mut self) {
        let channels = self.channels;
        for row in self.values.chunks_exact_mut(self.width * channels) {
            for left in 0..self.width / 2 {
                let right = self.width - 1 - left;
                for channel in 0..channels {
                    row.swap(left * channels + channel, right * channels + channel);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_flip_moves_every_pixel(height in 1_usize..5, width in 1_usize..8, channels in 1_usize..4) {
            let values: Vec<u16> = (0..(height * width * channels) as u16).collect();
            let mut image = Image { height, width, channels, values: values.clone() };
            image.flip();
            for y in 0..height { for x in 0..width { for c in 0..channels {
                let at = |x: usize| (y * width + x) * channels + c;
                prop_assert_eq!(image.values[at(x)], values[at(width - 1 - x)]);
            }}}
        }
    }
}

use crate::Layer;

/// The values of a layer's output, `[image][y][x][channel]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Requantised activations.
    I8(Vec<i8>),
    /// Raw accumulators.
    I32(Vec<i32>),
}

impl Values {
    /// The activations, or nothing of a raw layer.
    #[must_use]
    pub fn as_i8(&self) -> &[i8] {
        match self {
            Self::I8(values) => values,
            Self::I32(_) => &[],
        }
    }

    /// The accumulators, or nothing of a requantised layer.
    #[must_use]
    pub fn as_i32(&self) -> &[i32] {
        match self {
            Self::I8(_) => &[],
            Self::I32(values) => values,
        }
    }

    /// The activations, or nothing of a raw layer.
    pub(crate) fn into_i8(self) -> Vec<i8> {
        match self {
            Self::I8(values) => values,
            Self::I32(_) => Vec::new(),
        }
    }

    /// Appends values of the same kind: one layer has one kind of output.
    pub(crate) fn append(&mut self, more: Self) {
        match (self, more) {
            (Self::I8(to), Self::I8(mut from)) => to.append(&mut from),
            (Self::I32(to), Self::I32(mut from)) => to.append(&mut from),
            _ => {}
        }
    }
}

/// What a layer gives for a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerResult {
    /// `[image][y][x][channel]`.
    pub values: Values,
    /// Sign masks, in the same order, of requantised convolutions and fully connected layers.
    pub mask: Option<Vec<bool>>,
}

impl LayerResult {
    /// Activations without masks.
    pub(super) const fn unmasked(values: Vec<i8>) -> Self {
        Self { values: Values::I8(values), mask: None }
    }

    /// Of no image.
    pub(super) fn empty(layer: &Layer) -> Self {
        let values = if layer.is_raw() { Values::I32(Vec::new()) } else { Values::I8(Vec::new()) };
        Self { values, mask: layer.has_mask().then(Vec::new) }
    }

    /// Appends the result of further images of the same layer.
    pub fn append(&mut self, more: Self) {
        self.values.append(more.values);
        if let (Some(to), Some(mut from)) = (&mut self.mask, more.mask) {
            to.append(&mut from);
        }
    }
}

//! What a tensor of the file is in the graph: a node's output, seen through changes that need no node of their own.

use std::rc::Rc;

use cbp_nn::graph::{Shape, Source};

use crate::order::Order;

/// An axis of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Batch,
    Channel,
    Row,
    Column,
    /// An axis of size 1 that stands for nothing.
    Unit,
}

/// How the file arranges the values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// One axis each; the batch is the first. Axes that are not named have size 1.
    Axes(Vec<Axis>),
    /// `[batch, values]`, in this order.
    Vector(Order),
}

impl Form {
    /// `[batch, channels, rows, columns]`
    pub(super) fn image() -> Self {
        Self::Axes(vec![Axis::Batch, Axis::Channel, Axis::Row, Axis::Column])
    }
}

/// A change that was read but is not yet a node: it may become part of the node that follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pending {
    None,
    /// Rows and columns of `value` around the image.
    Pad {
        before: [usize; 2],
        behind: [usize; 2],
        value: f32,
    },
    /// Every `stride`-th row and column, then channels of zeros.
    Shortcut {
        stride: [usize; 2],
        before: usize,
        behind: usize,
    },
    /// Channel i is `scale[i]`·x[`picks[i]`] + `shift[i]`.
    Affine {
        picks: Vec<usize>,
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
}

/// A tensor of the file that is computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    /// The node.
    pub source: Source,
    /// Its shape, after what is pending.
    pub shape: Shape,
    pub form: Form,
    pub pending: Pending,
    /// Name for the node that what is pending may become.
    pub name: String,
}

impl View {
    /// A node's output.
    pub(super) fn new(source: Source, shape: Shape, form: Form) -> Self {
        Self { source, shape, form, pending: Pending::None, name: String::new() }
    }

    /// Size of an axis, for a batch of `batch`.
    pub(super) fn size(&self, axis: Axis, batch: usize) -> usize {
        match axis {
            Axis::Batch => batch,
            Axis::Channel => self.shape.channels,
            Axis::Row => self.shape.height,
            Axis::Column => self.shape.width,
            Axis::Unit => 1,
        }
    }

    /// Sizes as the file has them.
    pub(super) fn dims(&self, batch: usize) -> Vec<usize> {
        match &self.form {
            Form::Axes(axes) => axes.iter().map(|&axis| self.size(axis, batch)).collect(),
            Form::Vector(_) => vec![batch, self.shape.values()],
        }
    }

    /// Number of axes.
    pub(super) fn rank(&self) -> usize {
        match &self.form {
            Form::Axes(axes) => axes.len(),
            Form::Vector(_) => 2,
        }
    }

    /// Whether the file has it as `[batch, channels, rows, columns]`.
    pub(super) fn is_image(&self) -> bool {
        let Form::Axes(axes) = &self.form else { return false };
        let expected = [Axis::Batch, Axis::Channel, Axis::Row, Axis::Column];
        axes.len() == 4 && axes.iter().zip(expected).all(|(&axis, expected)| self.same(axis, expected))
    }

    /// Whether an axis is the expected one, or both have size 1.
    fn same(&self, axis: Axis, expected: Axis) -> bool {
        let unit = |axis| axis == Axis::Unit || (axis != Axis::Batch && self.size(axis, 2) == 1);
        axis == expected || (unit(axis) && unit(expected))
    }

    /// The order of its values if the file has it as `[batch, values]`.
    pub(super) fn vector(&self) -> Option<Order> {
        match &self.form {
            Form::Vector(order) => Some(order.clone()),
            Form::Axes(axes) if axes.len() == 2 => Some(self.flat_order()),
            Form::Axes(_) => None,
        }
    }

    /// The order of its values once all axes but the batch are one.
    pub(super) fn flat_order(&self) -> Order {
        let axes = match &self.form {
            Form::Vector(order) => return order.clone(),
            Form::Axes(axes) => axes,
        };
        let Shape { width, channels, .. } = self.shape;
        let step = |axis| match axis {
            Axis::Channel => 1,
            Axis::Column => channels,
            Axis::Row => width * channels,
            Axis::Batch | Axis::Unit => 0,
        };
        let axes: Vec<(usize, usize)> = axes
            .iter()
            .filter(|axis| **axis != Axis::Batch)
            .map(|&axis| (self.size(axis, 1), step(axis)))
            .filter(|(size, _)| *size > 1)
            .collect();
        if axes.windows(2).all(|pair| pair[0].1 > pair[1].1) {
            return None;
        }
        let mut places = vec![0];
        for (size, step) in axes {
            places = places.iter().flat_map(|place| (0..size).map(move |i| place + i * step)).collect();
        }
        Some(Rc::from(places))
    }

    /// Whether the file arranges both in the same way.
    pub(super) fn arranged_as(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::Axes(a), Form::Axes(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| self.same(a, b))
            }
            _ => match (self.vector(), other.vector()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: Shape, axes: &[Axis]) -> View {
        View::new(Source::Input, shape, Form::Axes(axes.to_vec()))
    }

    #[test]
    fn orders_of_flattened_images() {
        use Axis::{Batch, Channel, Column, Row};
        let shape = Shape::new(1, 2, 3);
        let planar = view(shape, &[Batch, Channel, Row, Column]).flat_order();
        assert_eq!(planar, crate::order::planar(shape));
        assert_eq!(view(shape, &[Batch, Row, Column, Channel]).flat_order(), None);
        // Columns before rows: y0x0 y1x0 y0x1 y1x1.
        let turned = view(Shape::new(2, 2, 1), &[Batch, Channel, Column, Row]).flat_order();
        assert_eq!(turned.as_deref(), Some(&[0, 2, 1, 3][..]));
    }

    #[test]
    fn axes_of_size_1_may_be_any() {
        use Axis::{Batch, Channel, Column, Row, Unit};
        assert!(view(Shape::vector(5), &[Batch, Channel, Unit, Unit]).is_image());
        assert!(view(Shape::new(4, 5, 1), &[Batch, Unit, Row, Column]).is_image());
        assert!(!view(Shape::new(4, 5, 2), &[Batch, Unit, Row, Column]).is_image());
        assert!(!view(Shape::new(4, 5, 2), &[Batch, Row, Column, Channel]).is_image());
    }
}

//! One node of the file, with its settings.

use crate::error::ImportCause;
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// Largest kernel, stride, dilation, padding or size: more is a damaged file, and sizes up to here cannot overflow.
pub(super) const LARGEST_SETTING: i64 = 1 << 16;

/// A node of the file.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub proto: &'a NodeProto,
    /// Position in the file.
    pub index: usize,
}

impl<'a> Step<'a> {
    /// Operator.
    pub(super) fn operator(&self) -> &'a str {
        self.proto.op_type.as_deref().unwrap_or_default()
    }

    /// Name in messages: its own, else that of its output.
    pub(super) fn label(&self) -> &'a str {
        let own = self.proto.name.as_deref().filter(|name| !name.is_empty());
        own.or_else(|| self.proto.output.first().map(String::as_str)).unwrap_or_default()
    }

    /// Name of input `index`, unless it is left out.
    pub(super) fn input(&self, index: usize) -> Option<&'a str> {
        self.proto.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Refuses the node.
    pub(super) fn refuse(&self, reason: impl Into<String>, nearest: impl Into<String>) -> ImportCause {
        ImportCause::Unsupported {
            node: self.label().to_owned(),
            operator: self.operator().to_owned(),
            reason: reason.into(),
            nearest: nearest.into(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// Whether there is a setting of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// An integer.
    pub(super) fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(otherwise)
    }

    /// Whether an integer is not 0.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.int(name, 0) != 0
    }

    /// A float.
    pub(super) fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.attribute(name).and_then(|attribute| attribute.f).unwrap_or(otherwise)
    }

    /// Integers.
    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// Floats.
    pub(super) fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.attribute(name).map(|attribute| attribute.floats.as_slice())
    }

    /// A string.
    pub(super) fn string(&self, name: &str) -> Option<&'a str> {
        self.attribute(name).and_then(|attribute| std::str::from_utf8(attribute.s.as_ref()?).ok())
    }

    /// A tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.attribute(name).and_then(|attribute| attribute.t.as_ref())
    }

    /// Two settings, for rows and columns.
    pub(super) fn pair(&self, name: &str, otherwise: usize) -> Result<[usize; 2], ImportCause> {
        match self.ints(name) {
            None | Some([]) => Ok([otherwise; 2]),
            Some(&[rows, columns]) => Ok([self.size(name, rows)?, self.size(name, columns)?]),
            Some(other) => Err(self.refuse(
                format!("{name} is {other:?}, which is not for two dimensions"),
                "use the two-dimensional form",
            )),
        }
    }

    /// A size that is neither negative nor huge.
    pub(super) fn size(&self, name: &str, value: i64) -> Result<usize, ImportCause> {
        usize::try_from(value).ok().filter(|_| value <= LARGEST_SETTING).ok_or_else(|| {
            self.refuse(format!("{name} has the value {value}"), format!("use 0 to {LARGEST_SETTING}"))
        })
    }
}

/// Place of an axis that may be counted from the end.
pub(super) fn axis(step: &Step<'_>, axis: i64, rank: usize) -> Result<usize, ImportCause> {
    let place = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let place = place.and_then(|place| usize::try_from(place).ok()).filter(|&place| place < rank);
    place.ok_or_else(|| {
        step.refuse(format!("axis {axis} of a tensor of {rank} axes"), "use one of the tensor's axes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_count_from_both_ends() {
        let proto = NodeProto { op_type: Some("Concat".into()), ..NodeProto::default() };
        let step = Step { proto: &proto, index: 0 };
        assert_eq!(axis(&step, 1, 4).unwrap(), 1);
        assert_eq!(axis(&step, -3, 4).unwrap(), 1);
        for wrong in [4, -5, i64::MIN, i64::MAX] {
            assert!(axis(&step, wrong, 4).is_err(), "{wrong}");
        }
        assert!(axis(&step, 0, 0).is_err());
    }
}

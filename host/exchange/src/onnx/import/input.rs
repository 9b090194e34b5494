//! The network's input: one tensor, of images or vectors, of one size.

use cbp_nn::graph::{Shape, Source};

use super::drafts::Drafts;
use super::view::{Axis, Form, View};
use super::{Importer, Value};
use crate::error::ImportCause;
use crate::note::Note;
use crate::onnx::proto::ValueInfoProto;

/// Largest size of an axis.
const LARGEST: i64 = 1 << 16;

fn fault<T>(what: String, remedy: &'static str) -> Result<T, ImportCause> {
    Err(ImportCause::Model { what, remedy })
}

impl Importer<'_> {
    /// Finds the input and begins the network with it.
    pub(super) fn read_input(&mut self) -> Result<(), ImportCause> {
        let given =
            |input: &&ValueInfoProto| !self.values.contains_key(input.name.as_deref().unwrap_or_default());
        let inputs: Vec<_> = self.graph.input.iter().filter(given).collect();
        let [input] = inputs.as_slice() else {
            let names: Vec<_> = inputs.iter().filter_map(|input| input.name.as_deref()).collect();
            let what = format!("has {} inputs ({})", names.len(), names.join(", "));
            return fault(what, "export it with images as its only input");
        };
        let name = input.name.as_deref().unwrap_or_default();
        let (batch, sizes) = sizes(input)?;
        self.batch = batch;
        let last = matches!(sizes.len(), 3) && self.is_turned_at_once(name);
        let (shape, form) = match *sizes.as_slice() {
            [values] => (Shape::vector(values), Form::Vector(None)),
            [height, width, channels] if last => {
                self.notes.push(Note::ChannelsLast);
                let axes = vec![Axis::Batch, Axis::Row, Axis::Column, Axis::Channel];
                (Shape::new(height, width, channels), Form::Axes(axes))
            }
            [channels, height, width] => (Shape::new(height, width, channels), Form::image()),
            _ => {
                let what = format!("input {name}: an image has {} axes, not 3 or 1", sizes.len());
                return fault(what, "export it with input [batch, channels, rows, columns]");
            }
        };
        if sizes.iter().map(|&size| size as u128).product::<u128>() > 1 << 28 {
            return fault(format!("input {name}: an image of {shape}"), "export it for smaller images");
        }
        let title = self.graph.name.as_deref().filter(|title| !title.is_empty()).unwrap_or("network");
        self.drafts = Drafts::new(title, shape);
        self.values.insert(name, Value::Computed(View::new(Source::Input, shape, form)));
        Ok(())
    }

    /// Whether all that is done with the input is to bring its last axis to the second place.
    fn is_turned_at_once(&self, name: &str) -> bool {
        let mut readers =
            self.steps().filter(|step| step.proto.input.iter().any(|input| input == name)).peekable();
        readers.peek().is_some()
            && readers.all(|step| step.operator() == "Transpose" && step.ints("perm") == Some(&[0, 3, 1, 2]))
    }
}

/// Images of a batch, and the sizes of one image.
fn sizes(input: &ValueInfoProto) -> Result<(usize, Vec<usize>), ImportCause> {
    let name = input.name.as_deref().unwrap_or_default();
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| shape.dim.as_slice());
    let Some([batch, image @ ..]) = dims else {
        let remedy = "export it with input [batch, channels, rows, columns]";
        return fault(format!("input {name}: its shape is not known"), remedy);
    };
    let batch = match batch.dim_value {
        // Some writers say 0 or −1 where they mean any.
        None | Some(-1 | 0) => 1,
        Some(images @ 1..=LARGEST) => images as usize,
        Some(images) => {
            return fault(format!("input {name}: a batch of {images}"), "export it for a batch of 1");
        }
    };
    let size = |(axis, dim): (usize, &crate::onnx::proto::DimensionProto)| match dim.dim_value {
        Some(size @ 1..=LARGEST) => Ok(size as usize),
        Some(size) if !(-1..=LARGEST).contains(&size) => {
            fault(format!("input {name}: size {size} of axis {}", axis + 1), "export it for smaller images")
        }
        _ => fault(
            format!(
                "input {name}: the size of axis {} is left open ({})",
                axis + 1,
                dim.dim_param.as_deref().unwrap_or("no name")
            ),
            "export it for images of one size; only the batch may be left open",
        ),
    };
    let image = image.iter().enumerate().map(size).collect::<Result<Vec<_>, _>>()?;
    Ok((batch, image))
}

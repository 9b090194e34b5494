//! Where tensors lie.
//!
//! A concatenation is one buffer whose parts the producers write in place; a part that cannot be (the network's input,
//! a tensor that is a part of two concatenations) is copied. Pixels are padded to whole activation words, so that a
//! whole strip of rows is one LOAD, except where every reader packs kernel windows: then they lie as densely as can be.

use cbp_isa::Config;
use cbp_isa::ring::SEGMENTS;
use cbp_numerics::{Network, Operation, Shape, Source};

use super::{packs, unit};
use crate::TensorLayout;
use crate::layout::{Element, Run};
use crate::program::segment;

/// Everything in a segment begins at a multiple of this, which every beat divides.
pub(crate) const ALIGNMENT: usize = 64;

/// A part of a concatenation that must be copied.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// The concatenation.
    pub(crate) layer: usize,
    /// What is copied.
    pub(crate) source: Source,
    /// Where to.
    pub(crate) layout: TensorLayout,
}

/// All tensors of a network for one batch.
#[derive(Debug)]
pub(crate) struct Tensors {
    pub(crate) input: TensorLayout,
    /// Of each layer's output.
    pub(crate) layers: Vec<TensorLayout>,
    pub(crate) copies: Vec<Copy>,
    /// Bytes of each segment, so far.
    pub(crate) sizes: [usize; SEGMENTS],
    unit: usize,
    lanes: usize,
}

/// A layer's place: its buffer is its own, or lies in a concatenation's, from a byte of the pixel on.
#[derive(Clone, Copy, Debug)]
struct Home {
    root: usize,
    first: usize,
}

fn shifted(runs: &[Run], by: usize) -> Vec<Run> {
    runs.iter().map(|run| Run { first: run.first + by, ..*run }).collect()
}

fn width(runs: &[Run]) -> usize {
    runs.last().map_or(0, |run| run.first + run.channels)
}

impl Tensors {
    pub(crate) fn new(config: &Config, network: &Network, images: usize) -> Self {
        let unit = unit(config);
        let layers = network.layers();
        let one = |channels| vec![Run { first: 0, channels }];
        let input_runs = one(network.input().channels);
        // Where channels lie, as if every layer had its own buffer.
        let mut runs: Vec<Vec<Run>> = Vec::new();
        for (layer, shape) in layers.iter().zip(network.shapes()) {
            let of = |source: &Source| match source {
                Source::Input => &input_runs,
                Source::Layer(index) => &runs[*index],
            };
            let own = match &layer.operation {
                Operation::Concat(concat) => {
                    let mut all = Vec::new();
                    for source in &concat.inputs {
                        all.extend(shifted(of(source), width(&all).next_multiple_of(unit)));
                    }
                    all
                }
                Operation::MaxPool(pool) => of(&pool.input).clone(),
                _ => one(shape.channels),
            };
            runs.push(own);
        }
        // Concatenations claim their parts, the last one first.
        let mut homes: Vec<Option<Home>> = vec![None; layers.len()];
        let mut copied = Vec::new();
        for (index, layer) in layers.iter().enumerate().rev() {
            let home = homes[index].unwrap_or(Home { root: index, first: 0 });
            homes[index] = Some(home);
            let Operation::Concat(concat) = &layer.operation else { continue };
            let mut end = 0;
            for &source in &concat.inputs {
                let first = home.first + usize::next_multiple_of(end, unit);
                let part = match source {
                    Source::Input => &input_runs,
                    Source::Layer(part) => &runs[part],
                };
                match source {
                    Source::Layer(part) if homes[part].is_none() => {
                        homes[part] = Some(Home { root: home.root, first });
                    }
                    _ => copied.push((index, source, shifted(part, first))),
                }
                end = first - home.first + width(part);
            }
        }
        copied.reverse();
        let homes: Vec<Home> =
            homes.iter().enumerate().map(|(i, home)| home.unwrap_or(Home { root: i, first: 0 })).collect();
        let root_of = |source: Source| match source {
            Source::Input => None,
            Source::Layer(index) => Some(homes[index].root),
        };
        let pixel = |root: Option<usize>| {
            let (dense, shape) = match root {
                None => (network.input().channels, network.input()),
                Some(index) => (width(&runs[index]).next_multiple_of(unit), network.shapes()[index]),
            };
            pixel_bytes(config, network, dense, shape, |source| root_of(source) == root)
        };
        let mut tensors = Self {
            input: TensorLayout {
                segment: segment::INPUT,
                offset: 0,
                images,
                shape: network.input(),
                runs: input_runs,
                pixel_bytes: pixel(None),
                row_bytes: 0,
                element: Element::I8,
            },
            layers: Vec::new(),
            copies: Vec::new(),
            sizes: [0; SEGMENTS],
            unit,
            lanes: config.lanes,
        };
        let row = network.input().width * tensors.input.pixel_bytes;
        tensors.input.row_bytes = row.next_multiple_of(config.beat_bytes());
        tensors.sizes[segment::INPUT] = tensors.input.bytes();
        let last = layers.len() - 1;
        let mut roots: Vec<Option<TensorLayout>> = vec![None; layers.len()];
        for (index, &shape) in network.shapes().iter().enumerate() {
            let Home { root, first } = homes[index];
            if roots[root].is_none() {
                let segment = if root == last { segment::OUTPUT } else { segment::SCRATCH };
                roots[root] = Some(tensors.place(segment, images, shape, pixel(Some(root)), Element::I8));
            }
            if let Some(buffer) = &roots[root] {
                let layout = TensorLayout { shape, runs: shifted(&runs[index], first), ..buffer.clone() };
                tensors.layers.push(layout);
            }
        }
        for (layer, source, runs) in copied {
            let shape = network.shape_of(source);
            let layout = TensorLayout { shape, runs, ..tensors.layers[layer].clone() };
            tensors.copies.push(Copy { layer, source, layout });
        }
        tensors
    }

    /// A new buffer in a segment.
    fn place(
        &mut self,
        segment: usize,
        images: usize,
        shape: Shape,
        pixel_bytes: usize,
        element: Element,
    ) -> TensorLayout {
        let runs = vec![Run { first: 0, channels: shape.channels }];
        let row_bytes = shape.width * pixel_bytes;
        let offset = self.sizes[segment].next_multiple_of(ALIGNMENT) as u64;
        let layout = TensorLayout { segment, offset, images, shape, runs, pixel_bytes, row_bytes, element };
        self.sizes[segment] = offset as usize + layout.bytes();
        layout
    }

    /// A buffer between two stages of one layer.
    pub(crate) fn between(&mut self, shape: Shape) -> TensorLayout {
        let pixel = shape.channels.next_multiple_of(self.unit.max(self.lanes));
        self.place(segment::SCRATCH, self.input.images, shape, pixel, Element::I8)
    }

    /// Makes the last layer's tensor one of raw results.
    pub(crate) fn make_raw(&mut self, layer: usize, element: Element) {
        let shape = self.layers[layer].shape;
        let pixel = shape.channels.next_multiple_of(self.unit) * element.bytes();
        self.sizes[segment::OUTPUT] = 0;
        self.layers[layer] = self.place(segment::OUTPUT, self.input.images, shape, pixel, element);
    }

    /// Bytes of a segment, taken behind what is there.
    pub(crate) fn reserve(&mut self, segment: usize, bytes: usize) -> usize {
        let offset = self.sizes[segment].next_multiple_of(ALIGNMENT);
        self.sizes[segment] = offset + bytes;
        offset
    }

    /// The tensor of a source.
    pub(crate) fn of(&self, source: Source) -> &TensorLayout {
        match source {
            Source::Input => &self.input,
            Source::Layer(index) => &self.layers[index],
        }
    }
}

/// Bytes of a pixel of a buffer: `dense` if every reader packs, else whole activation words.
fn pixel_bytes(
    config: &Config,
    network: &Network,
    dense: usize,
    shape: Shape,
    reads: impl Fn(Source) -> bool,
) -> usize {
    let readers = network.layers().iter().filter(|layer| layer.sources().into_iter().any(&reads));
    let mut any = false;
    let all_pack = readers.fold(true, |all, layer| {
        any = true;
        all && match &layer.operation {
            Operation::Convolution(conv) => {
                reads(conv.input)
                    && conv.residual.is_none_or(|residual| !reads(residual.source))
                    && packs(config, conv, shape, dense)
            }
            // Its parts lie in its own buffer, whose readers decide; what it copies is loaded in whole beats.
            Operation::Concat(_) => dense.is_multiple_of(unit(config)),
            _ => false,
        }
    });
    if any && all_pack { dense } else { dense.next_multiple_of(unit(config).max(config.lanes)) }
}

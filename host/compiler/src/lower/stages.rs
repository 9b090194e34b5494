//! From layers to stages.

use cbp_isa::instruction::OutputMode;
use cbp_isa::weight_code::int8_shift;
use cbp_isa::{Config, WeightSet};
use cbp_numerics::{
    Clamp, Convolution, Layer, Network, Operation, Output, Requant, Shape, Source, Weights, Window,
};

use super::stage::tiles;
use super::{Kind, Operand, Products, Stage, Tensors, packs, unit};
use crate::layout::Element;
use crate::{CompileError, TensorLayout};

/// Requantisation that changes nothing.
const IDENTITY: Requant = Requant::new(1 << 14, 0, 14);

/// What a layer asks of the array, before it is fitted to it.
struct Wanted<'a> {
    name: String,
    kind: Kind,
    input: TensorLayout,
    output: TensorLayout,
    operand: Option<Operand>,
    window: Window,
    fill: i8,
    packed: bool,
    products: Option<Products<'a>>,
    /// None: raw. One for all channels, or one each.
    requant: Option<&'a [Requant]>,
    clamp: Clamp,
    masked: bool,
}

struct Lowering<'a, 't> {
    config: &'a Config,
    network: &'a Network,
    tensors: &'t mut Tensors,
    masked: bool,
    stages: Vec<Stage<'a>>,
}

/// All stages of a network, in order. `masked` asks for the sign masks of every layer that has them.
///
/// # Errors
/// A layer that this array cannot run, by name.
pub(crate) fn stages<'a>(
    config: &'a Config,
    network: &'a Network,
    tensors: &mut Tensors,
    masked: bool,
) -> Result<Vec<Stage<'a>>, CompileError> {
    let mut lowering = Lowering { config, network, tensors, masked, stages: Vec::new() };
    for (index, layer) in network.layers().iter().enumerate() {
        lowering.layer(index, layer)?;
    }
    Ok(lowering.stages)
}

impl<'a> Lowering<'a, '_> {
    fn layer(&mut self, index: usize, layer: &'a Layer) -> Result<(), CompileError> {
        let name = layer.name.clone();
        let plain = |input: &TensorLayout, output: &TensorLayout, window| Wanted {
            name: name.clone(),
            kind: Kind::Products,
            input: input.clone(),
            output: output.clone(),
            operand: None,
            window,
            fill: 0,
            packed: false,
            products: None,
            requant: Some(core::slice::from_ref(&IDENTITY)),
            clamp: Clamp::full(0),
            masked: false,
        };
        let pixel = Window::square(1, 1, 0);
        match &layer.operation {
            Operation::FullyConnected(fc) => {
                let shape = self.network.shape_of(fc.input);
                let window = Window { kernel: [shape.height, shape.width], ..pixel };
                let group = [shape.channels, fc.outputs];
                let products =
                    Products::Weights { weights: &fc.weights, columns: shape.width, row: fc.inputs, group };
                self.weighted(
                    index,
                    &fc.weights,
                    &fc.output,
                    Wanted {
                        products: Some(products),
                        ..plain(self.tensors.of(fc.input), &self.tensors.layers[index], window)
                    },
                )
            }
            Operation::Convolution(conv) => {
                let input = self.tensors.of(conv.input).clone();
                let group = [conv.inputs / conv.groups, conv.outputs / conv.groups];
                let (columns, row) = (conv.window.kernel[1], conv.row_length());
                let products = Products::Weights { weights: &conv.weights, columns, row, group };
                let whole = input.first() == 0 && input.pixel_bytes < input.span() + unit(self.config);
                let packed = whole && packs(self.config, conv, input.shape, input.pixel_bytes);
                let operand = self.operand(index, &name, conv)?;
                self.weighted(
                    index,
                    &conv.weights,
                    &conv.output,
                    Wanted {
                        products: Some(products),
                        operand,
                        packed,
                        fill: conv.zero_point,
                        ..plain(&input, &self.tensors.layers[index], conv.window)
                    },
                )
            }
            Operation::MaxPool(pool) => {
                let wanted = plain(self.tensors.of(pool.input), &self.tensors.layers[index], pool.window);
                self.push(index, Wanted { kind: Kind::Maximum, fill: i8::MIN, ..wanted })
            }
            Operation::AveragePool(pool) => {
                let wanted = plain(self.tensors.of(pool.input), &self.tensors.layers[index], pool.window);
                self.push(
                    index,
                    Wanted {
                        fill: pool.zero_point,
                        products: Some(Products::Select { first: 0 }),
                        requant: Some(core::slice::from_ref(&pool.requant)),
                        clamp: pool.clamp,
                        ..wanted
                    },
                )
            }
            Operation::Add(add) => {
                let shape = self.network.shape_of(add.inputs[1]);
                let operand = self.aligned(index, &name, add.inputs[1], [1, 0], shape)?;
                self.push(
                    index,
                    Wanted {
                        operand: Some(operand),
                        products: Some(Products::Select { first: 0 }),
                        requant: Some(core::slice::from_ref(&add.requant)),
                        clamp: add.clamp,
                        ..plain(self.tensors.of(add.inputs[0]), &self.tensors.layers[index], pixel)
                    },
                )
            }
            Operation::Concat(_) => {
                let parts: Vec<_> =
                    self.tensors.copies.iter().filter(|c| c.layer == index).cloned().collect();
                for copy in parts {
                    // The maximum of one pixel is the pixel.
                    let wanted = plain(self.tensors.of(copy.source), &copy.layout, pixel);
                    self.push(index, Wanted { name: format!("{name}.copy"), kind: Kind::Maximum, ..wanted })?;
                }
                Ok(())
            }
            _ => Err(CompileError::Unsupported { layer: name }),
        }
    }

    /// A stage with weights of its own.
    fn weighted(
        &mut self,
        index: usize,
        weights: &Weights,
        output: &'a Output,
        wanted: Wanted<'a>,
    ) -> Result<(), CompileError> {
        let array = self.config.weight_set;
        if let Weights::Constrained { set, .. } = *weights
            && !array.includes(set)
        {
            return Err(CompileError::WeightSet { layer: wanted.name, set, array });
        }
        match output {
            Output::Requantised { requant, clamp } => {
                let masked = self.masked;
                self.push(index, Wanted { requant: Some(requant), clamp: *clamp, masked, ..wanted })
            }
            Output::Raw => self.push(index, Wanted { requant: None, ..wanted }),
        }
    }

    /// The residual operand of a convolution.
    fn operand(
        &mut self,
        index: usize,
        name: &str,
        conv: &Convolution,
    ) -> Result<Option<Operand>, CompileError> {
        let Some(residual) = conv.residual else { return Ok(None) };
        let size = self.network.shapes()[index];
        let at = [residual.stride, residual.first];
        self.aligned(index, name, residual.source, at, size).map(Some)
    }

    /// An operand whose channels are in one run and begin at a whole unit of the output's, copied if it must be.
    fn aligned(
        &mut self,
        index: usize,
        name: &str,
        source: Source,
        [stride, first]: [usize; 2],
        size: Shape,
    ) -> Result<Operand, CompileError> {
        let layout = self.tensors.of(source).clone();
        let u = unit(self.config);
        let aligned = layout.runs.len() == 1
            && first.is_multiple_of(u)
            && layout.pixel_bytes.is_multiple_of(u)
            && layout.first().is_multiple_of(u);
        if aligned {
            return Ok(Operand { layout, stride, first });
        }
        let copy = self.tensors.between(size);
        self.push(
            index,
            Wanted {
                name: format!("{name}.shortcut"),
                kind: Kind::Products,
                input: layout,
                output: copy.clone(),
                operand: None,
                window: Window::square(1, stride, 0),
                fill: 0,
                packed: false,
                products: Some(Products::Select { first }),
                requant: Some(core::slice::from_ref(&IDENTITY)),
                clamp: Clamp::full(0),
                masked: false,
            },
        )?;
        Ok(Operand { layout: copy, stride: 1, first: 0 })
    }

    fn push(&mut self, index: usize, wanted: Wanted<'a>) -> Result<(), CompileError> {
        let config = self.config;
        let Wanted { name, kind, input, mut output, operand, window, fill, packed, products, .. } = wanted;
        let int8 = products.is_some_and(|products| products.int8());
        let shape = input.shape;
        let size = window.output([shape.height, shape.width]).unwrap_or([0; 2]);
        // A copy may need fewer rows and columns than its window would give.
        let size = [size[0].min(output.shape.height), size[1].min(output.shape.width)];
        let outputs = if kind == Kind::Maximum { input.span() } else { output.shape.channels };
        let dense = packed.then(|| window.area() * input.pixel_bytes);
        let tiles = tiles(config, kind, products.as_ref(), &input, dense, outputs);
        let mut stage = Stage {
            layer: index,
            name,
            kind,
            input,
            output: output.clone(),
            operand,
            window,
            size,
            fill,
            packed,
            products,
            tiles,
            shifts: vec![0],
            int8,
            sparse: false,
            mode: OutputMode::Requantised,
            requant: Vec::new(),
            clamp: wanted.clamp,
            masked: wanted.masked,
            kept_input: false,
            keep: false,
            store: true,
        };
        let binary = config.weight_set == WeightSet::Binary;
        stage.sparse = kind == Kind::Products && binary && !int8 && crate::pack::has_gaps(config, &stage);
        if int8 {
            stage.shifts = (0..config.int8_passes()).map(|p| int8_shift(config.weight_set, p)).collect();
        } else if stage.sparse {
            stage.shifts = vec![0; 2];
        }
        let doubles = stage.sparse || binary && int8;
        match wanted.requant {
            None => {
                stage.mode = OutputMode::Raw;
                let element = if doubles { Element::DoubledI32 } else { Element::I32 };
                self.tensors.make_raw(index, element);
                output.clone_from(&self.tensors.layers[index]);
                stage.output = output;
            }
            Some(requant) => {
                let each = requant.iter().cycle().take(outputs).copied();
                stage.requant = if doubles { self.doubled(&stage, each)? } else { each.collect() };
            }
        }
        if doubles {
            self.check_doubled(&stage)?;
        }
        let bits = config.activation_bits;
        let bound = 1 << (bits - 1);
        let range = -bound..bound;
        let clamp = stage.clamp;
        if stage.mode == OutputMode::Requantised
            && kind == Kind::Products
            && bits < 8
            && !(range.contains(&i32::from(clamp.low)) && range.contains(&i32::from(clamp.high)))
        {
            let (low, high) = (clamp.low, clamp.high);
            return Err(CompileError::ActivationBits { layer: stage.name, low, high, bits });
        }
        self.stages.push(stage);
        Ok(())
    }

    /// Σ|k|·128 of a channel, before doubling.
    fn bound(&self, stage: &Stage, channel: usize) -> i64 {
        let layer = &self.network.layers()[stage.layer];
        match (&layer.operation, stage.products) {
            (Operation::FullyConnected(fc), Some(Products::Weights { .. })) => fc.accumulator_bound(channel),
            (Operation::Convolution(conv), Some(Products::Weights { .. })) => conv.accumulator_bound(channel),
            _ => 128 * stage.window.area() as i64,
        }
    }

    fn doubled(
        &self,
        stage: &Stage,
        requant: impl Iterator<Item = Requant>,
    ) -> Result<Vec<Requant>, CompileError> {
        let twice = |(channel, r): (usize, Requant)| {
            let fault = |fault| CompileError::DoubledRequant { layer: stage.name.clone(), channel, fault };
            r.doubled(self.bound(stage, channel)).map_err(fault)
        };
        requant.enumerate().map(twice).collect()
    }

    fn check_doubled(&self, stage: &Stage) -> Result<(), CompileError> {
        for channel in 0..stage.output.shape.channels {
            let bound = 2 * self.bound(stage, channel);
            if bound > i64::from(i32::MAX) {
                return Err(CompileError::DoubledAccumulator { layer: stage.name.clone(), channel, bound });
            }
        }
        Ok(())
    }
}

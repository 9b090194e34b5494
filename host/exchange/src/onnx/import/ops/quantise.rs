//! Rounding of activations: QONNX's Quant, QuantizeLinear with DequantizeLinear, and division, rounding, clip, product.
//!
//! [`Op::Quantise`] has the codes 0 ..= 2^b − 1, or −(2^(b−1) − 1) ..= 2^(b−1) − 1, one scale, and rounds ties to even.
//! A zero point is taken only where it makes the same values: the lowest code stands for 0.

use cbp_nn::Parameters;
use cbp_nn::graph::Op;

use crate::error::ImportCause;
use crate::note::Note;
use crate::onnx::import_model::step::Step;
use crate::onnx::import_model::{Importer, Value, names};
use crate::onnx::tensor::Tensor;

const REMEDY: &str =
    "use one scale, zero point 0 and ROUND; unsigned codes from 0, or signed ones with narrow range";

/// The codes of QONNX's Quant.
pub(in crate::onnx::import_model) struct QuantRange {
    pub bits: u32,
    pub signed: bool,
    pub narrow: bool,
    /// Lowest code.
    pub low: f32,
    /// Highest code.
    pub high: f32,
}

impl QuantRange {
    /// The codes that the attributes and the bit width give.
    pub(in crate::onnx::import_model) fn read(step: &Step<'_>, bits: f32) -> Result<Self, ImportCause> {
        let rounding = step.string("rounding_mode").unwrap_or("ROUND");
        if !["ROUND", "HALF_EVEN"].contains(&rounding.to_uppercase().as_str()) {
            return Err(step.refuse(
                format!("its rounding mode is {rounding}"),
                "use ROUND: to the nearest, ties to even",
            ));
        }
        if !(1.0..=16.0).contains(&bits) || bits.fract() != 0.0 {
            return Err(step.refuse(
                format!("its bit width is {bits}"),
                "use 1 to 16 bits for weights, 2 to 8 for activations",
            ));
        }
        let (signed, narrow) = (step.int("signed", 1) != 0, step.flag("narrow"));
        let codes = bits.exp2();
        let (low, high) = match (signed, narrow) {
            (true, true) => (1.0 - codes / 2.0, codes / 2.0 - 1.0),
            (true, false) => (-codes / 2.0, codes / 2.0 - 1.0),
            (false, true) => (0.0, codes - 2.0),
            (false, false) => (0.0, codes - 1.0),
        };
        // One signed narrow bit is ±0: no code at all.
        if low >= high {
            return Err(step.refuse("its codes are 0 alone", "use BipolarQuant for one bit"));
        }
        Ok(Self { bits: bits as u32, signed, narrow, low, high })
    }
}

impl<'a> Importer<'a> {
    pub(super) fn quant(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let one = |index: usize, name: &str| {
            let tensor = self.constant(step, index)?;
            tensor
                .scalar()
                .ok_or_else(|| step.refuse(format!("its {name} has {} values", tensor.data.len()), REMEDY))
        };
        let (scale, zero, bits) = (one(1, "scale")?, one(2, "zero point")?, one(3, "bit width")?);
        let range = QuantRange::read(step, bits)?;
        self.quantiser(step, step, scale, [range.low - zero, range.high - zero])
    }

    /// QuantizeLinear and the DequantizeLinear that reads it. Its codes are 8 bits: −128 ..= 127 or 0 ..= 255.
    pub(super) fn quantize_linear(&mut self, step: &Step<'a>) -> Result<(), ImportCause> {
        let back = self.only_reader(step).filter(|reader| reader.operator() == "DequantizeLinear");
        let Some(back) = back else {
            return Err(step.refuse("no DequantizeLinear follows it", "put both behind each other"));
        };
        let (scale, zero) = (self.constant(step, 1)?, self.optional(step, 2)?);
        let (own, other) = (zero.as_deref(), self.optional(&back, 2)?);
        let same = |a: Option<&Tensor>, b: Option<&Tensor>| {
            a.map_or(Some(0.0), Tensor::scalar) == b.map_or(Some(0.0), Tensor::scalar)
        };
        if self.constant(&back, 1)?.scalar() != scale.scalar() || !same(own, other.as_deref()) {
            return Err(step.refuse("it differs from the DequantizeLinear that follows", REMEDY));
        }
        let Some(scale) = scale.scalar() else {
            return Err(step.refuse("it has several scales", REMEDY));
        };
        let zero_point = own.map_or(Some(0.0), Tensor::scalar).unwrap_or(f32::NAN);
        let [low, high] = if self.has_signed_codes(step) { [-128.0, 127.0] } else { [0.0, 255.0] };
        self.done.insert(back.index);
        self.quantiser(step, &back, scale, [low - zero_point, high - zero_point])
    }

    /// Whether the zero point of a QuantizeLinear is signed, which makes its codes signed.
    fn has_signed_codes(&self, step: &Step<'a>) -> bool {
        use crate::onnx::proto::data_type::INT8;
        let Some(name) = step.input(2) else { return false };
        let of_initialiser =
            self.graph.initializer.iter().find(|tensor| tensor.name.as_deref() == Some(name));
        let of_constant = || {
            let mut steps = self.steps();
            steps.find(|step| step.proto.output.first().is_some_and(|output| output == name))?.tensor("value")
        };
        of_initialiser.or_else(of_constant).is_some_and(|tensor| tensor.data_type == Some(INT8))
    }

    /// A Clip to ±127 steps before signed 8-bit codes, whose lowest code −128 it leaves out.
    pub(super) fn clip_of_quantiser(&mut self, step: &Step<'a>) -> Result<bool, ImportCause> {
        let Some(next) = self.only_reader(step).filter(|next| next.operator() == "QuantizeLinear") else {
            return Ok(false);
        };
        let Some(back) = self.only_reader(&next).filter(|back| back.operator() == "DequantizeLinear") else {
            return Ok(false);
        };
        let scale = self.optional(&next, 1)?.and_then(|scale| scale.scalar()).unwrap_or(f32::NAN);
        let zero = self.optional(&next, 2)?.and_then(|zero| zero.scalar());
        let same = self.optional(&back, 1)?.and_then(|other| other.scalar()) == Some(scale);
        let same_zero = self.optional(&back, 2)?.and_then(|other| other.scalar()) == zero;
        let [low, high] = self.bounds(step)?;
        let is_bound = |bound: f32| (bound - 127.0 * scale).abs() <= 1e-3 * scale;
        if !(same
            && same_zero
            && zero == Some(0.0)
            && self.has_signed_codes(&next)
            && is_bound(high)
            && is_bound(-low))
        {
            return Ok(false);
        }
        self.done.extend([next.index, back.index]);
        self.quantiser(step, &back, scale, [-127.0, 127.0])?;
        Ok(true)
    }

    /// Div by a scale, Round, Clip to codes, Mul by the scale.
    pub(super) fn quantiser_of_division(
        &mut self,
        step: &Step<'a>,
        scale: &Tensor,
    ) -> Result<bool, ImportCause> {
        let next =
            |step: &Step<'a>, operator| self.only_reader(step).filter(|next| next.operator() == operator);
        let Some(round) = next(step, "Round") else { return Ok(false) };
        let (Some(clip), Some(scale)) = (next(&round, "Clip"), scale.scalar()) else { return Ok(false) };
        let Some(product) = next(&clip, "Mul") else { return Ok(false) };
        let factor = [0, 1].into_iter().find_map(|index| match self.value(&product, index) {
            Ok(Value::Constant(tensor)) => tensor.scalar(),
            _ => None,
        });
        if factor != Some(scale) {
            return Ok(false);
        }
        let bounds = self.bounds(&clip)?;
        self.done.extend([round.index, clip.index, product.index]);
        self.quantiser(step, &product, scale, bounds)?;
        Ok(true)
    }

    /// Adds the quantiser whose lowest and highest code, counted from the code of 0, these are; `last` gives its output.
    fn quantiser(
        &mut self,
        step: &Step<'a>,
        last: &Step<'a>,
        scale: f32,
        codes: [f32; 2],
    ) -> Result<(), ImportCause> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(step.refuse(format!("its scale is {scale}"), "use a scale above 0"));
        }
        let view = self.activation(step, 0)?;
        let [low, high] = codes;
        let steps = |bits: u32, signed: bool| ((1_u32 << (bits - u32::from(signed))) - 1) as f32;
        let with = |low: f32| {
            (2..=8).find_map(|bits| {
                let unsigned = (low == 0.0 && high == steps(bits, false)).then_some((bits, false));
                unsigned.or_else(|| (low == -high && high == steps(bits, true)).then_some((bits, true)))
            })
        };
        // Codes below 0 are never taken for values that are not negative.
        let is_non_negative = low < 0.0 && self.drafts.is_non_negative(view.source);
        let found = with(low).or_else(|| if is_non_negative { with(0.0) } else { None });
        let Some((bits, signed)) = found else {
            return Err(step.refuse(format!("its codes are {low} to {high} around that of 0"), REMEDY));
        };
        let name = self.drafts.free_name(&[names::of_node(step.label(), false)]);
        let parameters = Parameters::Range(scale * high);
        let op = Op::Quantise { bits, signed };
        let (source, shape) = self.drafts.push(&name, op, &[view.source], parameters)?;
        if step.index != last.index {
            self.notes.push(Note::Quantiser { node: name });
        }
        let mut result = view;
        (result.source, result.shape) = (source, shape);
        self.set(last, Value::Computed(result))
    }
}

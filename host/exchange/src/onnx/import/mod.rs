//! From the messages of a file to a model.
//!
//! - [`Importer`]: goes through the nodes of the file and keeps what each tensor is
//! - [`view`]: how a tensor of the file relates to a node's output; what is read but not yet a node
//! - [`drafts`]: the nodes of the network so far
//! - [`fold`]: operations on constants alone
//! - [`ops`]: one file per kind of operation on activations
//! - [`input`]: the network's input
//! - [`names`], [`step`]: names and settings of nodes

mod drafts;
mod fold;
mod input;
mod names;
mod ops;
mod step;
mod values;
mod view;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use cbp_nn::Model;
use cbp_nn::graph::{Op, Source};

use self::drafts::{Drafts, Grids};
use self::step::Step;
use self::view::View;
use super::proto::{GraphProto, ModelProto};
use super::tensor::Tensor;
use crate::error::ImportCause;
use crate::note::Note;

/// Oldest operator set whose arithmetic of shapes is today's.
const OLDEST_OPSET: i64 = 7;

/// A tensor of the file.
#[derive(Clone)]
enum Value {
    Constant(Rc<Tensor>),
    Computed(View),
}

/// What an import gives: the model, what was changed, and the grids of weights by node.
pub(super) type Read = (Model, Vec<Note>, Grids);

/// State of an import.
struct Importer<'a> {
    graph: &'a GraphProto,
    /// What each tensor is, by name.
    values: HashMap<&'a str, Value>,
    /// Nodes that read a tensor, by name; the network's output counts as one.
    readers: HashMap<&'a str, Vec<usize>>,
    /// Nodes with weights by the one tensor that stands for them.
    produced: HashMap<&'a str, Source>,
    /// Nodes that are already part of another.
    done: HashSet<usize>,
    drafts: Drafts,
    notes: Vec<Note>,
    /// Images of a batch in the file; 1 if that is left open. What is computed is for one image.
    batch: usize,
    opset: i64,
    output: &'a str,
}

/// Reads a model.
pub(super) fn import(model: &ModelProto) -> Result<Read, ImportCause> {
    let graph = model.graph.as_ref().filter(|graph| !graph.node.is_empty() && !graph.output.is_empty());
    let Some(graph) = graph else {
        let found = "no network that can be read";
        return Err(ImportCause::Kind { found, remedy: "name an ONNX or safetensors file" });
    };
    let opset = opset(model)?;
    let [output] = graph.output.as_slice() else {
        let names = graph.output.iter().filter_map(|output| output.name.as_deref());
        let what = format!("has several outputs ({})", names.collect::<Vec<_>>().join(", "));
        return Err(ImportCause::Model { what, remedy: "export it with one output, in evaluation mode" });
    };
    let output = output.name.as_deref().unwrap_or_default();
    let mut importer = Importer {
        graph,
        values: HashMap::new(),
        readers: HashMap::new(),
        produced: HashMap::new(),
        done: HashSet::new(),
        drafts: Drafts::new("", cbp_nn::graph::Shape::vector(1)),
        notes: Vec::new(),
        batch: 1,
        opset,
        output,
    };
    importer.read_initialisers()?;
    importer.read_input()?;
    importer.run()?;
    importer.finish()
}

/// Version of ONNX's own operators.
fn opset(model: &ModelProto) -> Result<i64, ImportCause> {
    let own = |domain: Option<&str>| matches!(domain, None | Some("" | "ai.onnx"));
    let sets = model.opset_import.iter().filter(|set| own(set.domain.as_deref()));
    let version = sets.filter_map(|set| set.version).max().unwrap_or_default();
    if version < OLDEST_OPSET {
        let what = format!("is written for operator set {version}, older than {OLDEST_OPSET}");
        return Err(ImportCause::Model { what, remedy: "export it again with opset_version=17" });
    }
    Ok(version)
}

impl<'a> Importer<'a> {
    fn steps(&self) -> impl Iterator<Item = Step<'a>> + use<'a> {
        self.graph.node.iter().enumerate().map(|(index, proto)| Step { proto, index })
    }

    fn read_initialisers(&mut self) -> Result<(), ImportCause> {
        let mut converted = BTreeMap::new();
        for proto in &self.graph.initializer {
            let name = proto.name.as_deref().unwrap_or_default();
            let (mut tensor, from) = Tensor::read(proto, name)?;
            if let Some(from) = from {
                *converted.entry(from).or_insert(0) += 1;
            }
            tensor.origin = Some(name.to_owned());
            self.values.insert(name, Value::Constant(tensor.into()));
        }
        self.notes.extend(converted.into_iter().map(|(from, tensors)| Note::Converted { from, tensors }));
        Ok(())
    }

    /// Goes through the nodes that the output needs: first those that are constant, so that the others can look ahead.
    fn run(&mut self) -> Result<(), ImportCause> {
        let needed = self.needed();
        for step in self.steps().filter(|step| needed[step.index]) {
            for name in step.proto.input.iter().filter(|name| !name.is_empty()) {
                self.readers.entry(name).or_default().push(step.index);
            }
        }
        self.readers.entry(self.output).or_default().push(usize::MAX);
        for step in self.steps().filter(|step| needed[step.index]) {
            if let Some(tensor) = self.fold_constants(&step)? {
                self.set(&step, Value::Constant(tensor))?;
                self.done.insert(step.index);
            }
        }
        for step in self.steps().filter(|step| needed[step.index]) {
            if self.done.contains(&step.index) {
                continue;
            }
            match self.fold_constants(&step)? {
                Some(tensor) => self.set(&step, Value::Constant(tensor))?,
                None => self.compute(&step)?,
            }
        }
        Ok(())
    }

    /// Which nodes the output depends on.
    fn needed(&self) -> Vec<bool> {
        let mut names = HashSet::from([self.output]);
        let mut needed = vec![false; self.graph.node.len()];
        for step in self.steps().collect::<Vec<_>>().into_iter().rev() {
            if step.proto.output.iter().any(|name| names.contains(name.as_str())) {
                needed[step.index] = true;
                names.extend(step.proto.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            }
        }
        needed
    }

    /// Checks that the last node gives what the file gives.
    fn finish(mut self) -> Result<Read, ImportCause> {
        let Some(Value::Computed(_)) = self.values.get(self.output) else {
            let what = format!("its output {} does not depend on its input", self.output);
            return Err(ImportCause::Model { what, remedy: "export the network again" });
        };
        let view = self.settled(self.output)?;
        if !view.is_image() && view.vector() != Some(None) {
            let what =
                format!("its output {} is arranged in another way than any node gives it", self.output);
            return Err(ImportCause::Model {
                what,
                remedy: "export it without the last Flatten or Transpose",
            });
        }
        if self.drafts.last() != Some(view.source) {
            let what = format!("its output {} is not its last result", self.output);
            return Err(ImportCause::Model { what, remedy: "export the network again" });
        }
        let nodes = self.drafts.nodes();
        let folded = self.steps().filter(|step| {
            step.operator() == "Conv" && step.input(1).is_some_and(|name| name.starts_with("onnx::Conv_"))
        });
        let convolutions = folded.count();
        if convolutions > 0 && !nodes.iter().any(|node| matches!(node.op, Op::BatchNorm { .. })) {
            self.notes.insert(0, Note::BatchNormFolded { convolutions });
        }
        let (model, quantised) = self.drafts.finish()?;
        Ok((model, self.notes, quantised))
    }
}

use crate::graph::{Graph, GraphError, Op, Shape, Source, Window};

/// A graph in the making, with the steps that all networks are written with.
pub(super) struct Builder {
    graph: Graph,
}

impl Builder {
    pub(super) fn new(name: &str, input: Shape) -> Self {
        Self { graph: Graph::empty(name, input) }
    }

    pub(super) fn channels(&self, source: Source) -> usize {
        self.graph.shape_of(source).channels
    }

    pub(super) fn push(&mut self, name: &str, op: Op, inputs: &[Source]) -> Result<Source, GraphError> {
        self.graph.push(name, op, inputs)
    }

    /// A convolution without bias.
    pub(super) fn convolution(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        window: Window,
    ) -> Result<Source, GraphError> {
        let inputs = self.channels(input);
        self.push(name, Op::Convolution { inputs, outputs, groups: 1, window, bias: false }, &[input])
    }

    pub(super) fn batch_norm(&mut self, name: &str, input: Source) -> Result<Source, GraphError> {
        self.push(name, Op::batch_norm(self.channels(input)), &[input])
    }

    pub(super) fn relu(&mut self, name: &str, input: Source) -> Result<Source, GraphError> {
        self.push(name, Op::RELU, &[input])
    }

    pub(super) fn max_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
    ) -> Result<Source, GraphError> {
        self.push(name, Op::MaxPool { window }, &[input])
    }

    /// A max-pool in ceil mode.
    pub(super) fn ceil_max_pool(
        &mut self,
        name: &str,
        input: Source,
        window: Window,
    ) -> Result<Source, GraphError> {
        let shape = self.graph.shape_of(input);
        // A window that does not fit is refused by name when the node is added.
        let window = window.ceil_mode([shape.height, shape.width]).unwrap_or(window);
        self.max_pool(name, input, window)
    }

    /// The mean of the image, as a vector.
    pub(super) fn global_average(&mut self, name: &str, input: Source) -> Result<Source, GraphError> {
        self.push(name, Op::AdaptiveAveragePool { height: 1, width: 1 }, &[input])
    }

    /// W·x over all values of the input.
    pub(super) fn linear(
        &mut self,
        name: &str,
        input: Source,
        outputs: usize,
        bias: bool,
    ) -> Result<Source, GraphError> {
        let inputs = self.graph.shape_of(input).values();
        self.push(name, Op::Linear { inputs, outputs, bias }, &[input])
    }

    pub(super) fn finish(self) -> Graph {
        self.graph
    }
}

//! What was measured, or predicted.

use cbp_compiler::Program;
use cbp_compiler::interpreter::Engine;
use cbp_compiler::operation::Operation;
use cbp_compiler::predict::Prediction;
use cbp_driver::Counters;
use cbp_sim::LinkReport;
use cbp_sim::Timeline;
use serde::Serialize;

/// Where the cycles of a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cycles {
    /// The array was given a step.
    pub mac_active: u64,
    /// COMPUTE waited for LOAD.
    pub load_starved: u64,
    /// COMPUTE waited for STORE.
    pub store_blocked: u64,
    /// COMPUTE waited for post-processing.
    pub ppu_bound: u64,
    /// None of these: no COMPUTE instruction was there, one began, or maxima were taken.
    pub idle: u64,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerFigures {
    /// Its name.
    pub name: String,
    /// From its first COMPUTE to the next layer's; the first layer begins, and the last ends, with the run.
    pub cycles: Option<u64>,
    /// The same, predicted.
    pub predicted_cycles: u64,
    /// Multiply-accumulates, each digit pass counted.
    pub products: u64,
    /// products / (K·N·cycles), of the predicted cycles where none were measured.
    pub mac_utilization: f64,
}

/// What went over the link.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LinkFigures {
    /// Bytes read, without headers.
    pub read_bytes: u64,
    /// Bytes written, without headers.
    pub written_bytes: u64,
    /// Share of the downstream link that was used, headers included.
    pub downstream: f64,
    /// Share of the upstream link that was used.
    pub upstream: f64,
}

impl LinkFigures {
    pub(super) fn new(report: &LinkReport) -> Self {
        Self {
            read_bytes: report.downstream.payload,
            written_bytes: report.upstream.payload,
            downstream: report.utilisation(report.downstream),
            upstream: report.utilisation(report.upstream),
        }
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The network.
    pub network: String,
    /// Images.
    pub batch: usize,
    /// Clock cycles, from the first instruction to the last write response.
    pub cycles: Option<u64>,
    /// What the cycle model says.
    pub predicted_cycles: u64,
    /// Σ(MACs × digit passes) / (K·N·cycles), of the predicted cycles where none were measured.
    pub mac_utilization: f64,
    /// The same without counting passes: Σ MACs / (K·N·cycles).
    pub mac_utilization_single_pass: f64,
    /// Where the cycles went.
    pub split: Option<Cycles>,
    /// The layers.
    pub layers: Vec<LayerFigures>,
    /// Instructions.
    pub instructions: usize,
    /// Bytes that one run reads and writes in host memory, beside instructions.
    pub bytes_read: u64,
    /// See there.
    pub bytes_written: u64,
    /// Layers whose results stay on chip.
    pub kept_layers: usize,
    /// Bytes of weights and parameters that are loaded once and stay for every further run; 0 if they do not fit.
    pub resident_bytes: u64,
    /// Cycles of loading them, not counted in `cycles`.
    pub load_cycles: Option<u64>,
    /// Over a link: what went over it.
    pub link: Option<LinkFigures>,
    /// Values compared with the scalar model.
    pub compared: u64,
    /// Those that differ.
    pub mismatches: u64,
    /// Simulated cycles per second of this run; depends on the machine and its load.
    pub simulated_cycles_per_second: Option<f64>,
    lanes: u64,
    macs: u64,
}

impl Figures {
    pub(super) fn predicted(network: &str, batch: usize, program: &Program, prediction: &Prediction) -> Self {
        let config = &program.config;
        let starts = program.instructions.iter().zip(&prediction.spans).filter_map(|((op, layer), span)| {
            matches!(op, Operation::Compute(_)).then_some((*layer, span.start))
        });
        let cycles = partition(program.layers.len(), starts, prediction.cycles);
        let lanes = (config.lanes * config.columns) as u64;
        let layers = program.layers.iter().zip(cycles).map(|(layer, cycles)| LayerFigures {
            name: layer.name.clone(),
            cycles: None,
            predicted_cycles: cycles,
            products: layer.products,
            mac_utilization: share(layer.products, lanes * cycles),
        });
        let beats = |instructions: &[(Operation, usize)], wanted: Engine| -> u64 {
            let moved = instructions.iter().filter(|(op, _)| op.engine() == Some(wanted));
            let beats = moved.map(|(op, _)| match op {
                Operation::Load(load) => load.rows.beats() as u64,
                Operation::Store(store) => store.rows.beats() as u64,
                _ => 0,
            });
            beats.sum::<u64>() * config.beat_bytes() as u64
        };
        let kept: std::collections::BTreeSet<_> = program
            .instructions
            .iter()
            .filter(|(op, _)| matches!(op, Operation::Compute(compute) if compute.target.keep.is_some()))
            .map(|(_, layer)| *layer)
            .collect();
        let mut figures = Self {
            network: network.to_owned(),
            batch,
            cycles: None,
            predicted_cycles: prediction.cycles,
            mac_utilization: 0.0,
            mac_utilization_single_pass: 0.0,
            split: None,
            layers: layers.collect(),
            instructions: program.instructions.len(),
            bytes_read: beats(&program.instructions, Engine::Load),
            bytes_written: beats(&program.instructions, Engine::Store),
            kept_layers: kept.len(),
            resident_bytes: beats(&program.prologue, Engine::Load),
            load_cycles: None,
            link: None,
            compared: 0,
            mismatches: 0,
            simulated_cycles_per_second: None,
            lanes,
            macs: program.layers.iter().map(|layer| layer.macs).sum(),
        };
        figures.utilise(prediction.cycles);
        figures
    }

    fn utilise(&mut self, cycles: u64) {
        let products = self.layers.iter().map(|layer| layer.products).sum();
        self.mac_utilization = share(products, self.lanes * cycles);
        self.mac_utilization_single_pass = share(self.macs, self.lanes * cycles);
    }

    pub(super) fn measured(&mut self, cycles: u64, before: &Counters, after: &Counters) {
        self.cycles = Some(cycles);
        self.utilise(cycles);
        let [mac_active, load_starved, store_blocked, ppu_bound] = [
            after.mac_active - before.mac_active,
            after.wait_load - before.wait_load,
            after.wait_store - before.wait_store,
            after.wait_ppu - before.wait_ppu,
        ];
        let busy = mac_active + load_starved + store_blocked + ppu_bound;
        let idle = cycles.saturating_sub(busy);
        self.split = Some(Cycles { mac_active, load_starved, store_blocked, ppu_bound, idle });
    }

    /// Cycles of every layer, from when its COMPUTEs began.
    pub(super) fn time_layers(&mut self, program: &Program, recording: &Timeline, cycles: u64) {
        let computes: Vec<usize> = program
            .instructions
            .iter()
            .filter(|(op, _)| matches!(op, Operation::Compute(_)))
            .map(|(_, layer)| *layer)
            .collect();
        let begins = recording.end.saturating_sub(cycles);
        let spans = recording.instructions_of(cbp_sim::Engine::Compute);
        let starts =
            spans.filter_map(|span| Some((*computes.get(span.index)?, span.start.saturating_sub(begins))));
        let all = partition(self.layers.len(), starts, cycles);
        for (layer, cycles) in self.layers.iter_mut().zip(all) {
            layer.cycles = Some(cycles);
            layer.mac_utilization = share(layer.products, self.lanes * cycles);
        }
    }
}

/// Cycles of each layer from the starts of its parts: until the next layer starts. Layers without parts take none.
fn partition(layers: usize, starts: impl Iterator<Item = (usize, u64)>, end: u64) -> Vec<u64> {
    let mut first: Vec<Option<u64>> = vec![None; layers];
    for (layer, start) in starts {
        first[layer] = Some(first[layer].map_or(start, |earlier| earlier.min(start)));
    }
    let mut order: Vec<(usize, u64)> =
        first.iter().enumerate().filter_map(|(layer, start)| Some((layer, (*start)?))).collect();
    order.sort_by_key(|&(_, start)| start);
    let mut cycles = vec![0; layers];
    for (i, &(layer, start)) in order.iter().enumerate() {
        let start = if i == 0 { 0 } else { start };
        cycles[layer] = order.get(i + 1).map_or(end, |next| next.1).saturating_sub(start);
    }
    cycles
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What each engine's instructions are called, in order.
pub(super) fn labels(program: &Program) -> [Vec<String>; 3] {
    let mut labels: [Vec<String>; 3] = Default::default();
    for (op, layer) in &program.instructions {
        let name = &program.layers[*layer].name;
        let (engine, kind) = match op {
            Operation::Load(load) => (cbp_sim::Engine::Load, format!("{:?}", load.destination)),
            Operation::Pack(_) => (cbp_sim::Engine::Load, "Pack".to_owned()),
            Operation::Compute(compute) if compute.maximum => {
                (cbp_sim::Engine::Compute, "Maximum".to_owned())
            }
            Operation::Compute(_) => (cbp_sim::Engine::Compute, "Products".to_owned()),
            Operation::Store(_) => (cbp_sim::Engine::Store, "Store".to_owned()),
            Operation::End => continue,
        };
        labels[engine as usize].push(format!("{name}: {kind}"));
    }
    labels
}

//! How fast this CPU trains, beside the most it could do.

use std::fs;
use std::time::{Duration, Instant};

use cbp_nn::architectures::{self, Hidden, mlp};
use cbp_nn::graph::{Graph, GraphError, Shape};
use cbp_nn::{CbpConfig, Model, TrainConfig, TrainError, Trainer, WeightSet, fma_roof};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Networks and batches that `cbp bench train` measures: those that other engines were measured with.
pub const MODELS: [(&str, usize); 3] = [("mlp", 128), ("vgg7", 32), ("resnet18", 8)];

/// How long the roof is measured before the steps, and after each.
const ROOF_TIME: Duration = Duration::from_millis(300);
const ROOF_TIME_BETWEEN: Duration = Duration::from_millis(20);

/// What to measure.
#[derive(Clone, Debug)]
pub struct TrainBench {
    /// Threads.
    pub threads: usize,
    /// Measured steps of each network; the best counts.
    pub steps: usize,
    /// Names out of [`MODELS`].
    pub models: Vec<String>,
    /// Measure too what the multipliers cost, for this weight set.
    pub overhead: Option<WeightSet>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainRow {
    /// Name.
    pub model: String,
    /// Images per step.
    pub batch: usize,
    /// Images per second of the best step: of CPU time with one thread, of wall time with more.
    pub images_per_s: f64,
    /// 10⁹ operations per second: 6 for each multiplication of the forward step (2 each for forward, input gradient,
    /// weight gradient; the first layer's input gradient is counted, though nobody needs it).
    pub gflops: f64,
    /// 10⁹ operations per second of fused multiply-adds on registers alone, one core.
    pub roof_gflops: f64,
    /// Share of the roof of all threads.
    pub fraction: f64,
    /// What all threads reached on registers alone on average, measured between the steps: it is below the roof where the
    /// clock falls under load, or something else shares the cores.
    pub sustained_gflops: f64,
    /// All steps, not the best, as a share of that.
    pub fraction_of_sustained: f64,
    /// Threads.
    pub threads: usize,
    /// CPU time of all steps over their wall time: less than the threads if other work took processors away.
    pub cpu_over_wall: f64,
    /// Most memory of the process while this network trained, in MiB.
    pub peak_mib: f64,
    /// Additional time of a step with multipliers, over the same training without them; 0.03: 3 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cbp_overhead: Option<f64>,
}

/// All networks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainFigures {
    /// One per network.
    pub rows: Vec<TrainRow>,
    /// Processes that wanted to run in the last minute, before the measurement.
    pub load: f64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum TrainBenchError {
    /// No such network.
    #[error("there is no network {0} to train; use mlp, vgg7 or resnet18")]
    Model(String),
    /// Does not happen for the networks here.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A step failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// No threads.
    #[error("cannot start {0} threads; ask for fewer")]
    Threads(usize),
}

/// Measures.
///
/// # Errors
/// An unknown network, or a step fails.
pub fn measure_training(
    bench: &TrainBench,
    mut on_row: impl FnMut(&TrainRow),
) -> Result<TrainFigures, TrainBenchError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(bench.threads).build();
    let pool = pool.map_err(|_| TrainBenchError::Threads(bench.threads))?;
    let load = fs::read_to_string("/proc/loadavg").ok();
    let load = load.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0.0);
    let mut rows = Vec::new();
    for name in &bench.models {
        let row = pool.install(|| measure_one(bench, name))?;
        on_row(&row);
        rows.push(row);
    }
    Ok(TrainFigures { rows, load })
}

fn graph(name: &str) -> Result<(Graph, usize), TrainBenchError> {
    let Some(&(_, batch)) = MODELS.iter().find(|(known, _)| *known == name) else {
        return Err(TrainBenchError::Model(name.to_owned()));
    };
    let classes = if name == "resnet18" { 1000 } else { 10 };
    // As other engines were measured: two hidden layers of 1024 with biases.
    let graph = match architectures::build(name, architectures::usual_input(name), classes) {
        Some(graph) if name != "mlp" => graph?,
        _ => mlp(Shape::vector(784), &[1024, 1024], 10, Hidden::Bias)?,
    };
    Ok((graph, batch))
}

fn measure_one(bench: &TrainBench, name: &str) -> Result<TrainRow, TrainBenchError> {
    // Makes the kernel forget the peak so far.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (graph, batch) = graph(name)?;
    let operations = 6.0 * graph.macs() as f64 * batch as f64;
    let config = TrainConfig { batch, rate: 1e-3, ..TrainConfig::default() };
    let roof = fma_roof(ROOF_TIME).best;
    let mut steps = Steps::new(Trainer::float(Model::new(graph.clone(), 1), config)?);
    steps.step()?;
    let (mut best, mut cpu, mut wall) = (f64::INFINITY, 0.0, 0.0);
    let mut sustained = 0.0;
    for _ in 0..bench.steps {
        let (step_cpu, step_wall) = steps.step()?;
        best = best.min(if bench.threads == 1 { step_cpu } else { step_wall });
        (cpu, wall) = (cpu + step_cpu, wall + step_wall);
        let threads = rayon::broadcast(|_| fma_roof(ROOF_TIME_BETWEEN).sustained);
        sustained += threads.iter().sum::<f64>() / bench.steps as f64;
    }
    let peak_mib = peak_mib();
    drop(steps);
    let cbp_overhead = bench.overhead.map(|set| overhead(graph, set, config, bench.steps)).transpose()?;
    let gflops = operations / best * 1e-9;
    Ok(TrainRow {
        model: name.to_owned(),
        batch,
        images_per_s: batch as f64 / best,
        gflops,
        roof_gflops: roof,
        fraction: gflops / (roof * bench.threads as f64),
        sustained_gflops: sustained,
        fraction_of_sustained: operations * bench.steps as f64 / wall * 1e-9 / sustained,
        threads: bench.threads,
        cpu_over_wall: cpu / wall,
        peak_mib,
        cbp_overhead,
    })
}

/// Time of the best step with multipliers over that without, less 1. The steps of both take turns.
fn overhead(
    graph: Graph,
    set: WeightSet,
    training: TrainConfig,
    steps: usize,
) -> Result<f64, TrainBenchError> {
    let model = Model::new(graph, 1);
    let trainer = |multipliers| {
        let config = CbpConfig { training, multipliers, ..CbpConfig::short(10) };
        Trainer::constrained(&model, set, config).map(Steps::new)
    };
    let (mut with, mut without) = (trainer(true)?, trainer(false)?);
    let mut best = [f64::INFINITY; 2];
    for _ in 0..=steps {
        for (steps, best) in [&mut with, &mut without].into_iter().zip(&mut best) {
            *best = best.min(steps.step()?.0);
        }
    }
    Ok(best[0] / best[1] - 1.0)
}

/// Steps over one batch of noise.
struct Steps {
    trainer: Trainer,
    workspace: cbp_nn::training::Workspace,
    images: Vec<f32>,
    labels: Vec<u32>,
}

impl Steps {
    fn new(trainer: Trainer) -> Self {
        let batch = trainer.training().batch;
        let shape = trainer.model().graph().input();
        let images = (0..batch * shape.values()).map(|i| ((i * 7919) % 255) as f32 / 255.0).collect();
        let labels = (0..batch as u32).map(|i| i % 10).collect();
        Self { workspace: trainer.workspace(), trainer, images, labels }
    }

    /// CPU and wall time of a step, in seconds.
    fn step(&mut self) -> Result<(f64, f64), TrainError> {
        self.workspace.input_mut(self.labels.len()).copy_from_slice(&self.images);
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        self.trainer.step(&mut self.workspace, &self.labels, usize::MAX)?;
        Ok((cpu_seconds() - cpu, wall.elapsed().as_secs_f64()))
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// The most memory of this process so far, in MiB; 0 if the system does not tell.
#[must_use]
pub fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

use std::time::{Duration, Instant};
use cbp_nn::architectures::{self, Hidden};
use cbp_nn::graph::Shape;
use cbp_nn::{Model, TrainConfig, Trainer, fma_roof};
fn main() {
    let threads = std::env::args().nth(1).map_or(1, |t| t.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let roof = fma_roof(Duration::from_millis(300));
    for (name, batch) in [("mlp", 128), ("vgg7", 32), ("resnet18", 8)] {
        if std::env::args().nth(2).is_some_and(|n| n != name) { continue; }
        let graph = if name == "mlp" {
            architectures::mlp(Shape::new(28, 28, 1), &[1024, 1024], 10, Hidden::Bias).unwrap()
        } else {
            architectures::build(name, architectures::usual_input(name), if name == "vgg7" { 10 } else { 1000 }).unwrap().unwrap()
        };
        let macs = graph.macs();
        let mut trainer = Trainer::float(Model::new(graph, 1), TrainConfig { batch, rate: 0.001, ..TrainConfig::default() });
        let mut workspace = trainer.workspace();
        let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
        for (i, x) in workspace.input_mut(batch).iter_mut().enumerate() { *x = ((i * 7919) % 255) as f32 / 255.0; }
        let mut best = f64::MAX;
        let mut losses = vec![];
        for _ in 0..(if name == "mlp" { 60 } else { 6 }) {
            workspace.input_mut(batch);
            let t = Instant::now();
            losses.push(trainer.step(&mut workspace, &labels, 100).unwrap().loss);
            best = best.min(t.elapsed().as_secs_f64());
        }
        let g = 6.0 * macs as f64 * batch as f64 / best * 1e-9;
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak: f64 = status.lines().find(|l| l.starts_with("VmHWM")).unwrap().split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0;
        println!("{name}: {:.1} img/s {g:.1} GFLOP/s roof {roof:.1} fraction {:.3} peak {peak:.0} MiB loss {:.3} -> {:.3}", batch as f64 / best, g / roof, losses[0], losses.last().unwrap());
    }
}

//! The demo's networks on the simulated accelerator, compared with the scalar model.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cbp_compiler::{Keep, Options as CompileOptions, compile};
use cbp_nn::data::Samples;
use cbp_sim::SimOptions;

use super::report::{Row, ends_name};
use super::train::{Trained, TrainedRow};
use super::{DemoError, Options, Progress};
use crate::compare::{compare, scalar_model};
use crate::runtime::{Session, simulator};

/// Images of one run of a program.
const BATCH: usize = 100;
/// Images between two signs of progress.
const PART: usize = 500;

/// Runs all networks, one simulated device per processor.
///
/// # Errors
/// The first that fails.
pub fn run(
    options: &Options,
    trained: &Trained,
    test: &Samples,
    progress: &dyn Progress,
) -> Result<Vec<Row>, DemoError> {
    let pixels = (0..options.images).filter_map(|i| test.bytes(i)).flatten();
    let input: Vec<i8> = pixels.map(|&p| (p ^ 0x80).cast_signed()).collect();
    let labels = &test.labels()[..options.images];
    progress.stage("running on the simulated accelerator", (options.images * trained.rows.len()) as u64);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<Row, DemoError>)>> = Mutex::default();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(trained.rows.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(index) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < trained.rows.len())
                {
                    let row = run_row(options, trained, &trained.rows[index], &input, labels, progress);
                    if let Ok(mut results) = results.lock() {
                        results.push((index, row));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().map_err(|_| DemoError::Thread)?;
    results.sort_by_key(|(index, _)| *index);
    let rows = results.into_iter().map(|(_, row)| row).collect::<Result<Vec<_>, _>>()?;
    let mismatches: u64 = rows.iter().map(|r| r.mismatches).sum();
    let compared: u64 = rows.iter().map(|r| r.compared).sum();
    progress.done(&format!(
        "{compared} values and sign masks compared with the scalar model: {mismatches} differ"
    ));
    Ok(rows)
}

fn run_row(
    options: &Options,
    trained: &Trained,
    row: &TrainedRow,
    input: &[i8],
    labels: &[u32],
    progress: &dyn Progress,
) -> Result<Row, DemoError> {
    let config = options.config();
    let network = &row.network.network;
    let keep = Keep::ActivationsAndMasks;
    let batch = BATCH.min(options.images);
    let program = compile(network, &config, CompileOptions { batch, keep, ..CompileOptions::default() })?;
    let weight_bytes = program.layers.iter().map(|l| l.weight_bytes).sum();
    // Per image, whatever the batch.
    let macs = network.macs();
    let digits: f64 = program.layers.iter().map(|l| l.products as f64).sum::<f64>() / batch as f64;
    let mut device = simulator(&config, &SimOptions::default())?;
    let mut session = Session::new(&mut device, program, keep)?;
    let (mut cycles, mut compared, mut mismatches, mut right) = (0, 0, 0, 0);
    for (input, labels) in input.chunks(PART * network.inputs()).zip(labels.chunks(PART)) {
        let run = session.run(input)?;
        let model = scalar_model(network, input)?;
        let comparison = compare(&run.layers, &model, keep);
        compared += comparison.compared;
        mismatches += comparison.mismatches;
        cycles += run.cycles;
        if let Some(Some(output)) = run.layers.last() {
            let classes = row.network.classes(&output.values);
            right += classes.iter().zip(labels).filter(|(c, l)| **c == **l as usize).count();
        }
        progress.tick(labels.len() as u64);
    }
    let images = options.images as f64;
    let slots = (config.lanes * config.columns) as f64 * cycles as f64;
    Ok(Row {
        set: row.set.name().to_owned(),
        ends: ends_name(row.ends).to_owned(),
        float_accuracy: trained.float_accuracy,
        accuracy: row.accuracy,
        device_accuracy: right as f64 / images,
        satisfied_before: row.satisfied.0,
        satisfied: row.satisfied.1,
        images: options.images,
        compared,
        mismatches,
        cycles_per_image: cycles as f64 / images,
        mac_utilization: digits * images / slots,
        macs_per_cycle: macs as f64 * images / cycles as f64,
        weight_bytes,
    })
}

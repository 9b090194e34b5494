//! The time of every instruction of a program.

use std::collections::VecDeque;

use super::{Machine, Span, Timing};
use crate::Program;
use crate::interpreter::{Engine, signals, waits};

/// One layer's share.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTime {
    /// The layer.
    pub name: String,
    /// From its first COMPUTE's start to its last STORE's end.
    pub span: Span,
    /// Steps it would take at full use, see [`crate::CompiledLayer::ideal_steps`].
    pub ideal_steps: u64,
    /// Ideal steps over the cycles of the span.
    pub utilisation: f64,
}

/// What a run of a program takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// From the first instruction's fetch to the last write response.
    pub cycles: u64,
    /// Steps issued to the array.
    pub steps: u64,
    /// Cycles in which COMPUTE waited for LOAD.
    pub wait_load: u64,
    /// Cycles in which COMPUTE waited for STORE.
    pub wait_store: u64,
    /// Ideal steps over cycles: the share of K·N MACs per cycle.
    pub utilisation: f64,
    /// Per layer.
    pub layers: Vec<LayerTime>,
    /// Per instruction, in program order.
    pub spans: Vec<Span>,
}

/// An instruction waits for a token that only a later instruction gives; the compiler makes no such program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("instruction {0} waits for a token that only a later instruction gives")]
pub struct NotOrdered(
    /// Its index.
    pub usize,
);

/// Times one run of a program.
///
/// # Errors
/// The program is not in an order in which it could run one by one.
pub fn simulate(program: &Program, timing: &Timing) -> Result<Prediction, NotOrdered> {
    let mut machine = Machine::new(&program.config, *timing);
    let mut tokens: [[VecDeque<u64>; 3]; 3] = Default::default();
    let (mut wait_load, mut wait_store) = (0, 0);
    let mut spans: Vec<Span> = Vec::with_capacity(program.instructions.len());
    for (index, (op, _)) in program.instructions.iter().enumerate() {
        let Some(engine) = op.engine() else {
            spans.push(machine.run(op, 0));
            continue;
        };
        let free = machine.free(engine);
        let mut ready = free;
        for (from, count) in waits(op).into_iter().enumerate() {
            for _ in 0..count {
                let token = tokens[from][engine as usize].pop_front().ok_or(NotOrdered(index))?;
                let waited = token.saturating_sub(ready);
                match (engine, from) {
                    (Engine::Compute, 0) => wait_load += waited,
                    (Engine::Compute, _) => wait_store += waited,
                    _ => {}
                }
                ready = ready.max(token);
            }
        }
        let span = machine.run(op, ready);
        for (to, count) in signals(op).into_iter().enumerate() {
            tokens[engine as usize][to].extend(core::iter::repeat_n(span.end, usize::from(count)));
        }
        spans.push(span);
    }
    let cycles = spans.last().map_or(0, |s| s.end);
    let layers = layers(program, &spans);
    let ideal = program.layers.iter().map(|l| l.ideal_steps).sum();
    let steps = program.layers.iter().map(|l| l.steps).sum();
    let utilisation = share(ideal, cycles);
    Ok(Prediction { cycles, steps, wait_load, wait_store, utilisation, layers, spans })
}

fn layers(program: &Program, spans: &[Span]) -> Vec<LayerTime> {
    let of = |wanted: usize| {
        let all = program.instructions.iter().zip(spans);
        all.filter(move |((_, layer), _)| *layer == wanted).map(|((op, _), span)| (op.engine(), span))
    };
    let time = |(index, layer): (usize, &crate::CompiledLayer)| {
        let computes = of(index).filter(|(e, _)| *e == Some(Engine::Compute)).map(|(_, s)| s.start);
        let stores = of(index).filter(|(e, _)| *e == Some(Engine::Store)).map(|(_, s)| s.end);
        let span = Span { start: computes.min().unwrap_or(0), end: stores.max().unwrap_or(0) };
        let utilisation = share(layer.ideal_steps, span.end.saturating_sub(span.start));
        LayerTime { name: layer.name.clone(), span, ideal_steps: layer.ideal_steps, utilisation }
    };
    program.layers.iter().enumerate().map(time).collect()
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

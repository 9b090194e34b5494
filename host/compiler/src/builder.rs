//! The program under construction: what must wait for what, and the tokens that say so.
//!
//! Instructions are pushed in an order in which they could run one after the other, each with the buffer and memory
//! ranges it touches. An instruction must wait for every earlier one of another engine that touches the same place
//! where one of the two writes. Engines run in order, so of the instructions of one engine only the last matters: it
//! signals one token, and the waiting instruction takes one, unless an earlier instruction of its engine has waited
//! as far already. So every counter ends at 0, and since everything waited for comes earlier, no program can deadlock.

use crate::interpreter::Engine;
use crate::operation::Operation;

/// What can be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Words.
    Activations,
    /// Words.
    Weights,
    /// Words.
    Parameters,
    /// Granules.
    Outputs,
    /// Bytes of a segment.
    Memory(usize),
}

/// A range of a place, read or written. Strided accesses give the range from their first to their last element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) place: Place,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) write: bool,
}

impl Access {
    pub(crate) const fn read(place: Place, start: usize, length: usize) -> Self {
        Self { place, start: start as u64, end: (start + length) as u64, write: false }
    }

    pub(crate) const fn write(place: Place, start: usize, length: usize) -> Self {
        Self { write: true, ..Self::read(place, start, length) }
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.place == other.place
            && self.start < other.end
            && other.start < self.end
            && (self.write || other.write)
    }

    fn covers(&self, other: &Self) -> bool {
        self.place == other.place && self.start <= other.start && other.end <= self.end
    }
}

#[derive(Debug)]
struct Node {
    operation: Operation,
    engine: Engine,
    layer: usize,
    /// Last instruction of each engine that this one must wait for.
    after: [Option<usize>; 3],
}

/// Instructions with the layer each belongs to.
pub(crate) type Instructions = Vec<(Operation, usize)>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    accesses: Vec<(usize, Access)>,
}

impl Builder {
    pub(crate) fn push(&mut self, layer: usize, operation: Operation, touched: &[Access]) {
        let engine = match operation {
            Operation::Load(_) => Engine::Load,
            Operation::Compute(_) => Engine::Compute,
            Operation::Store(_) => Engine::Store,
            Operation::End => return,
        };
        let index = self.nodes.len();
        let mut after = [None; 3];
        for (earlier, access) in &self.accesses {
            let other = self.nodes[*earlier].engine;
            if other != engine && touched.iter().any(|t| t.conflicts(access)) {
                after[other as usize] = after[other as usize].max(Some(*earlier));
            }
        }
        // Whoever conflicts with a write that covers an access waits for that access through the write.
        self.accesses.retain(|(_, old)| !touched.iter().any(|new| new.write && new.covers(old)));
        self.accesses.extend(touched.iter().map(|&access| (index, access)));
        self.nodes.push(Node { operation, engine, layer, after });
    }

    /// The instructions with their tokens, END last; nothing if a wait has no token counter.
    pub(crate) fn finish(mut self) -> Option<Instructions> {
        let mut frontier = [[None; 3]; 3];
        for index in 0..self.nodes.len() {
            let to = self.nodes[index].engine;
            for from in [Engine::Load, Engine::Compute, Engine::Store] {
                let needed = self.nodes[index].after[from as usize];
                let reached = &mut frontier[from as usize][to as usize];
                if let Some(giver) = needed.filter(|_| needed > *reached) {
                    *reached = needed;
                    *signal(&mut self.nodes[giver].operation, to)? += 1;
                    *wait(&mut self.nodes[index].operation, from)? += 1;
                }
            }
        }
        let last = self.nodes.last().map_or(0, |node| node.layer);
        let nodes = self.nodes.into_iter().map(|node| (node.operation, node.layer));
        Some(nodes.chain([(Operation::End, last)]).collect())
    }
}

fn wait(operation: &mut Operation, from: Engine) -> Option<&mut u8> {
    match (operation, from) {
        (Operation::Load(op), Engine::Compute) => Some(&mut op.wait_compute),
        (Operation::Load(op), Engine::Store) => Some(&mut op.wait_store),
        (Operation::Compute(op), Engine::Load) => Some(&mut op.wait_load),
        (Operation::Compute(op), Engine::Store) => Some(&mut op.wait_store),
        (Operation::Store(op), Engine::Compute) => Some(&mut op.wait_compute),
        _ => None,
    }
}

fn signal(operation: &mut Operation, to: Engine) -> Option<&mut u8> {
    match (operation, to) {
        (Operation::Load(op), Engine::Compute) => Some(&mut op.signal_compute),
        (Operation::Compute(op), Engine::Load) => Some(&mut op.signal_load),
        (Operation::Compute(op), Engine::Store) => Some(&mut op.signal_store),
        (Operation::Store(op), Engine::Compute) => Some(&mut op.signal_compute),
        (Operation::Store(op), Engine::Load) => Some(&mut op.signal_load),
        _ => None,
    }
}

//! The program under construction: what must wait for what, and the tokens that say so.
//!
//! Instructions are pushed in an order in which they could run one after the other, each with the buffer and memory
//! ranges it touches. An instruction must wait for every earlier one of another engine that touches the same place
//! where one of the two writes. Engines run in order, so of the instructions of one engine only the last matters: it
//! signals one token, and the waiting instruction takes one, unless an earlier instruction of its engine has waited
//! as far already. So every counter ends at 0, and since everything waited for comes earlier, no program can deadlock.

use std::collections::BTreeMap;

use crate::interpreter::Engine;
use crate::operation::Operation;

/// What can be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Words.
    Activations,
    /// Words.
    Weights,
    /// Words.
    Parameters,
    /// Granules.
    Residuals,
    /// Beats.
    Lines,
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

/// Who touched a piece of a place last.
#[derive(Clone, Copy, Debug, Default)]
struct Touched {
    end: u64,
    writer: Option<usize>,
    /// Last reader since then, by engine.
    readers: [Option<usize>; 3],
}

/// The pieces of one place, by their starts. They do not overlap.
#[derive(Debug, Default)]
pub(crate) struct Pieces(BTreeMap<u64, Touched>);

impl Pieces {
    /// Cuts the piece that `at` lies in.
    fn cut(&mut self, at: u64) {
        if let Some((_, piece)) = self.0.range_mut(..at).next_back()
            && piece.end > at
        {
            let rest = *piece;
            piece.end = at;
            self.0.insert(at, rest);
        }
    }

    /// Notes an access by instruction `index` of `engine`; `found` is told of every earlier instruction it follows.
    pub(crate) fn touch(
        &mut self,
        access: &Access,
        engine: Engine,
        index: usize,
        mut found: impl FnMut(usize),
    ) {
        let Access { start, end, write, place } = *access;
        // Host memory is written once, before it is read: nobody waits for its readers. (Strided accesses may seem to
        // overlap where they do not.)
        let once = matches!(place, Place::Memory(_));
        self.cut(start);
        self.cut(end);
        let mut at = start;
        let mut gaps = Vec::new();
        for (&piece_start, piece) in self.0.range_mut(start..end) {
            if at < piece_start {
                gaps.push((at, piece_start));
            }
            at = piece.end;
            piece.writer.into_iter().for_each(&mut found);
            if write {
                piece.readers.into_iter().flatten().for_each(&mut found);
            } else if !once {
                piece.readers[engine as usize] = Some(index);
            }
        }
        if write {
            while let Some((&first, _)) = self.0.range(start..end).next() {
                self.0.remove(&first);
            }
            self.0.insert(start, Touched { end, writer: Some(index), readers: [None; 3] });
            return;
        }
        if once {
            return;
        }
        if at < end {
            gaps.push((at, end));
        }
        for (start, end) in gaps {
            let mut readers = [None; 3];
            readers[engine as usize] = Some(index);
            self.0.insert(start, Touched { end, writer: None, readers });
        }
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
    places: BTreeMap<Place, Pieces>,
}

impl Builder {
    /// Adds an instruction; says which one of each other engine it must wait for.
    pub(crate) fn push(
        &mut self,
        layer: usize,
        operation: Operation,
        touched: &[Access],
    ) -> [Option<usize>; 3] {
        let Some(engine) = operation.engine() else { return [None; 3] };
        let index = self.nodes.len();
        let mut after = [None; 3];
        for access in touched.iter().filter(|access| access.start < access.end) {
            let nodes = &self.nodes;
            let pieces = self.places.entry(access.place).or_default();
            pieces.touch(access, engine, index, |earlier| {
                // Two accesses of one instruction may overlap.
                if let Some(other) = nodes.get(earlier).map(|node| node.engine)
                    && other != engine
                {
                    after[other as usize] = after[other as usize].max(Some(earlier));
                }
            });
        }
        self.nodes.push(Node { operation, engine, layer, after });
        after
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
        (Operation::Pack(op), Engine::Compute) => Some(&mut op.wait_compute),
        (Operation::Pack(op), Engine::Store) => Some(&mut op.wait_store),
        (Operation::Compute(op), Engine::Load) => Some(&mut op.wait_load),
        (Operation::Compute(op), Engine::Store) => Some(&mut op.wait_store),
        (Operation::Store(op), Engine::Compute) => Some(&mut op.wait_compute),
        _ => None,
    }
}

fn signal(operation: &mut Operation, to: Engine) -> Option<&mut u8> {
    match (operation, to) {
        (Operation::Load(op), Engine::Compute) => Some(&mut op.signal_compute),
        (Operation::Pack(op), Engine::Compute) => Some(&mut op.signal_compute),
        (Operation::Compute(op), Engine::Load) => Some(&mut op.signal_load),
        (Operation::Compute(op), Engine::Store) => Some(&mut op.signal_store),
        (Operation::Store(op), Engine::Compute) => Some(&mut op.signal_compute),
        (Operation::Store(op), Engine::Load) => Some(&mut op.signal_load),
        _ => None,
    }
}

//! The address side of LOAD: asks for the beats, possibly far ahead of their arrival.

use cbp_isa::Config;
use cbp_isa::instruction::{Destination, Opcode, load, pack};

use super::pack_walk::PACK_BITS;
use super::rows::Rows;
use crate::compute::sequencer::INSTRUCTION_BITS;
use crate::lang::arith::Concat;
use crate::lang::prelude::*;
use crate::parts::decode::decoder;
use crate::parts::{Bursts, Fifo};

decoder!(
    /// The fields of LOAD.
    LoadFields, load::FIELDS, INSTRUCTION_BITS,
    opcode, wait_compute, wait_store, signal_compute, destination, segment, offset, length, count0, stride0, count1, stride1,
    base, step0, step1, digit_step,
);

decoder!(
    /// The fields of PACK that must not be 0.
    PackCounts, pack::FIELDS, INSTRUCTION_BITS, piece, pieces, count0, count1,
);

/// What stands in a descriptor for a PACK, in place of a destination.
pub const PACK_KIND: usize = 15;
/// 16-bit pieces of what the write side needs to know of a LOAD.
pub const DESCRIPTOR_PIECES: usize = 8;
/// LOADs whose beats may be under way at the same time.
const LOADS: usize = 4;

/// Takes LOAD and PACK instructions, waits for their tokens, requests the rows of LOADs.
///
/// A PACK asks for nothing: it is handed on, takes its turn on the write side, and LOADs behind it are requested
/// meanwhile.
#[derive(LogicBlock)]
pub struct LoadAddress {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// Request nothing new.
    pub flush: Signal<In, Bit>,
    /// Head of the instruction queue.
    pub instruction: Wire<In>,
    /// The queue has an instruction.
    pub instruction_valid: Signal<In, Bit>,
    /// Remove it.
    pub instruction_pop: Signal<Out, Bit>,
    /// Tokens wanted from COMPUTE.
    pub want_compute: Wire<Out>,
    /// They are there.
    pub compute_ready: Signal<In, Bit>,
    /// Tokens wanted from STORE.
    pub want_store: Wire<Out>,
    /// They are there.
    pub store_ready: Signal<In, Bit>,
    /// Take both.
    pub take: Signal<Out, Bit>,
    /// Segment of the running instruction.
    pub segment: Wire<Out>,
    /// Its first byte.
    pub segment_base: Wire<In>,
    /// Its bytes.
    pub segment_length: Wire<In>,
    /// Largest burst, beats.
    pub limit: Wire<In>,
    /// A burst is requested.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// The read port takes it.
    pub burst_ready: Signal<In, Bit>,
    /// The write side has a LOAD to receive.
    pub descriptor_valid: Signal<Out, Bit>,
    /// No LOAD or PACK is under way.
    pub idle: Signal<Out, Bit>,
    /// That LOAD, in 16-bit pieces: length, count0, count1, base, step0, step1, digit step, kind and tokens.
    pub descriptor: Wire<Out>,
    /// It has been received.
    pub descriptor_pop: Signal<In, Bit>,
    /// The packer takes a PACK.
    pub pack_push: Signal<Out, Bit>,
    /// It.
    pub pack: Wire<Out>,
    /// The packer can take none.
    pub pack_full: Signal<In, Bit>,
    /// An access outside its segment.
    pub outside: Signal<Out, Bit>,
    /// An instruction that cannot be run.
    pub malformed: Signal<Out, Bit>,
    /// Address of the row at fault.
    pub fault_address: Wire<Out>,
    fields: LoadFields,
    counts: PackCounts,
    rows: Rows,
    bursts: Bursts,
    descriptors: Fifo,
    pieces: Concat,
    is_pack: Signal<Local, Bit>,
    bad_pack: Dff<Bit>,
    aged: Dff<Bit>,
    crowded: Dff<Bit>,
    kind: Wire<Local>,
    op_pack: Const,
    pack_kind: Const,
    running: Dff<Bit>,
    start: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    bad: Dff<Bit>,
    partial_group: Signal<Local, Bit>,
    weights_int8: Const,
}

impl LoadAddress {
    /// The address side of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            flush: Signal::default(),
            instruction: Wire::new(INSTRUCTION_BITS),
            instruction_valid: Signal::default(),
            instruction_pop: Signal::default(),
            want_compute: Wire::new(4),
            compute_ready: Signal::default(),
            want_store: Wire::new(4),
            store_ready: Signal::default(),
            take: Signal::default(),
            segment: Wire::new(4),
            segment_base: Wire::new(64),
            segment_length: Wire::new(32),
            limit: Wire::new(9),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            descriptor_valid: Signal::default(),
            idle: Signal::default(),
            descriptor: Wire::new(16 * DESCRIPTOR_PIECES),
            descriptor_pop: Signal::default(),
            pack_push: Signal::default(),
            pack: Wire::new(PACK_BITS),
            pack_full: Signal::default(),
            outside: Signal::default(),
            malformed: Signal::default(),
            fault_address: Wire::new(64),
            fields: LoadFields::default(),
            counts: PackCounts::default(),
            rows: Rows::new(config),
            bursts: Bursts::new(config, 1),
            descriptors: Fifo::new(16 * DESCRIPTOR_PIECES, LOADS),
            pieces: Concat::new(DESCRIPTOR_PIECES, 16),
            is_pack: Signal::default(),
            bad_pack: Dff::default(),
            aged: Dff::default(),
            crowded: Dff::default(),
            kind: Wire::new(4),
            op_pack: (Opcode::Pack as usize).into(),
            pack_kind: PACK_KIND.into(),
            running: Dff::default(),
            start: Signal::default(),
            good: Signal::default(),
            bad: Dff::default(),
            partial_group: Signal::default(),
            weights_int8: (Destination::WeightsInt8 as usize).into(),
        }
    }
}

impl Logic for LoadAddress {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.instruction.val();
        self.counts.word.next = self.instruction.val();
        self.is_pack.next = self.fields.opcode.val() == self.op_pack.val();
        // A PACK is looked at for a cycle, and so is the packer.
        self.crowded.d.next = self.pack_full.val();
        self.bad_pack.d.next = self.is_pack.val()
            && ((self.counts.piece.val() == 0)
                || (self.counts.pieces.val() == 0)
                || (self.counts.count0.val() == 0)
                || (self.counts.count1.val() == 0));
        self.want_compute.next = self.fields.wait_compute.val();
        self.want_store.next = self.fields.wait_store.val();
        self.start.next = self.instruction_valid.val()
            && !self.running.q.val()
            && !self.flush.val()
            && self.compute_ready.val()
            && self.store_ready.val()
            && !self.descriptors.full.val()
            && (!self.is_pack.val()
                || (self.aged.q.val() && !self.bad_pack.q.val() && !self.crowded.q.val()));
        self.take.next = self.start.val();
        self.segment.next = self.fields.segment.val();
        self.rows.go.next = self.start.val() && !self.is_pack.val();
        self.rows.offset.next = self.fields.offset.val();
        self.rows.length.next = self.fields.length.val();
        self.rows.count0.next = self.fields.count0.val();
        self.rows.stride0.next = self.fields.stride0.val();
        self.rows.count1.next = self.fields.count1.val();
        self.rows.stride1.next = self.fields.stride1.val();
        self.rows.segment.next = self.fields.segment.val();
        self.rows.segment_base.next = self.segment_base.val();
        self.rows.segment_length.next = self.segment_length.val();
        // A row that must not be read stops the walk; the error flushes everything.
        self.outside.next = self.rows.row_valid.val() && self.rows.outside.val();
        // Int8 weights come in groups of eight beats.
        self.partial_group.next = (self.fields.destination.val() == self.weights_int8.val())
            && (self.fields.length.val().get_bits::<3>(0) != 0);
        self.bad.d.next = self.partial_group.val() || (self.fields.destination.val() > 5);
        self.rows.refused.next = self.bad.q.val();
        self.malformed.next = (self.rows.row_valid.val() && self.rows.malformed.val())
            || (self.instruction_valid.val() && self.aged.q.val() && self.bad_pack.q.val());
        self.fault_address.next = self.rows.row_address.val();
        self.good.next = !self.flush.val() && self.rows.sound.val();
        self.bursts.go.next = self.rows.row_valid.val() && self.bursts.ready.val() && self.good.val();
        self.rows.row_ready.next = self.bursts.ready.val() && self.good.val();
        self.bursts.address.next = self.rows.row_address.val();
        self.bursts.beats.next = self.rows.row_beats.val();
        self.bursts.place.next = 0.into();
        self.bursts.tag.next = 0.into();
        self.bursts.limit.next = self.limit.val();
        self.burst_valid.next = self.bursts.burst_valid.val() && !self.flush.val();
        self.burst_address.next = self.bursts.burst_address.val();
        self.burst_beats.next = self.bursts.burst_beats.val();
        self.bursts.burst_ready.next = self.burst_ready.val();
        // A LOAD stays at the head until its last row is on its way.
        self.pack_push.next = self.start.val() && self.is_pack.val();
        self.pack.next = self.instruction.val().get_bits::<220>(0);
        self.instruction_pop.next =
            (self.bursts.go.val() && self.rows.row_last.val()) || self.pack_push.val();
        self.aged.d.next = self.instruction_valid.val() && !self.instruction_pop.val();
        if self.instruction_pop.val() {
            self.running.d.next = false;
        }
        if self.start.val() && !self.is_pack.val() {
            self.running.d.next = true;
        }
        self.kind.next = self.fields.destination.val();
        if self.is_pack.val() {
            self.kind.next = self.pack_kind.val();
        }
        self.pieces.parts[0].next = self.fields.length.val();
        self.pieces.parts[1].next = self.fields.count0.val();
        self.pieces.parts[2].next = self.fields.count1.val();
        self.pieces.parts[3].next = self.fields.base.val();
        self.pieces.parts[4].next = self.fields.step0.val();
        self.pieces.parts[5].next = self.fields.step1.val();
        self.pieces.parts[6].next = self.fields.digit_step.val();
        self.pieces.parts[7].next =
            unsigned_cast(self.kind.val()) | (bits_resize(self.fields.signal_compute.val(), 16) << 4);
        self.descriptors.push.next = self.start.val();
        self.descriptors.data.next = self.pieces.y.val();
        self.descriptors.pop.next = self.descriptor_pop.val();
        self.descriptor_valid.next = self.descriptors.valid.val();
        self.idle.next = self.descriptors.empty.val();
        self.descriptor.next = self.descriptors.head.val();
    }
}

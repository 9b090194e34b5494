//! Whether a command can be run.

use cbp_isa::Config;
use cbp_isa::ring::{COMMAND_BYTES, command};

use crate::lang::prelude::*;
use crate::parts::bursts::RUN_BITS;
use crate::parts::decode::decoder;

decoder!(
    /// The fields that decide it.
    CheckedFields, command::FIELDS, 8 * COMMAND_BYTES,
    program_offset, program_length, repeat,
    segment0_base, segment0_length, segment0_page, segment1_base, segment1_page,
    segment2_base, segment2_page, segment3_base, segment3_page,
    stride0, stride1, stride2, stride3,
);

/// Contiguous segments, aligned, a program inside segment 0, at least one run. The answer comes two cycles after the
/// entry is there.
#[derive(LogicBlock)]
pub struct CommandCheck {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The command entry.
    pub entry: Wire<In>,
    /// It can be run.
    pub runnable: Signal<Out, Bit>,
    /// Beats of its program.
    pub program_beats: Wire<Out>,
    fields: CheckedFields,
    paged: Wire<Local>,
    misaligned: Wire<Local>,
    program_bytes: Wire<Local>,
    program_beats_wide: Wire<Local>,
    program_end: Reg,
    sound: Reg,
    runnable_q: Reg,
    log2_instruction_beats: Const,
    beat_mask: Const,
}

impl CommandCheck {
    /// The check of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let beats = cbp_isa::instruction::INSTRUCTION_BYTES / config.beat_bytes();
        Self {
            clock: Signal::default(),
            entry: Wire::new(8 * COMMAND_BYTES),
            runnable: Signal::default(),
            program_beats: Wire::new(RUN_BITS),
            fields: CheckedFields::default(),
            paged: Wire::new(32),
            misaligned: Wire::new(64),
            program_bytes: Wire::new(33),
            program_beats_wide: Wire::new(64),
            program_end: Reg::plain(33),
            sound: Reg::plain(1),
            runnable_q: Reg::plain(1),
            log2_instruction_beats: (beats.ilog2() as usize).into(),
            beat_mask: (config.beat_bytes() - 1).into(),
        }
    }
}

impl Logic for CommandCheck {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.entry.val();
        self.paged.next = self.fields.segment0_page.val()
            | self.fields.segment1_page.val()
            | self.fields.segment2_page.val()
            | self.fields.segment3_page.val();
        self.misaligned.next = (self.fields.segment0_base.val()
            | self.fields.segment1_base.val()
            | self.fields.segment2_base.val()
            | self.fields.segment3_base.val()
            | self.fields.program_offset.val()
            | bits_resize(self.fields.stride0.val(), 64)
            | bits_resize(self.fields.stride1.val(), 64)
            | bits_resize(self.fields.stride2.val(), 64)
            | bits_resize(self.fields.stride3.val(), 64))
            & self.beat_mask.val();
        // A program that is too long for these bits is too long anyway.
        self.program_bytes.next = bits_resize(self.fields.program_length.val(), 33) << 6;
        self.program_beats_wide.next =
            bits_resize(self.fields.program_length.val(), 64) << self.log2_instruction_beats.val();
        self.program_end.d.next =
            unsigned_cast(self.fields.program_offset.val().get_bits::<32>(0)) + self.program_bytes.val();
        self.sound.d.next = (!self.paged.val().any()
            && !self.misaligned.val().any()
            && (self.fields.program_length.val() != 0)
            && (self.fields.repeat.val() != 0)
            && !self.fields.program_offset.val().get_bits::<32>(32).any()
            && (self.program_beats_wide.val() < 16_777_216))
            .into();
        self.runnable_q.d.next = (self.sound.q.val().any()
            && (self.program_end.q.val() <= unsigned_cast(self.fields.segment0_length.val())))
        .into();
        self.runnable.next = self.runnable_q.q.val().any();
        self.program_beats.next = bits_resize(self.program_beats_wide.val(), 24);
    }
}

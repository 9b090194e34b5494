//! Which STORE has been answered: its tokens are due when all its bursts are.

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::Fifo;

/// STOREs whose writes have not all been answered.
const UNANSWERED: usize = 8;
/// Bits of the count of bursts, which wraps: more than twice the writes under way.
const COUNT_BITS: usize = 8;

/// Counts bursts and answers; answers come in the order of the bursts.
#[derive(LogicBlock)]
pub struct StoreAnswers {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything.
    pub reset: Signal<In, Bit>,
    /// A burst is on its way.
    pub issue: Signal<In, Bit>,
    /// It is the last of its instruction.
    pub last: Signal<In, Bit>,
    /// The instruction's tokens for COMPUTE.
    pub signal_compute: Wire<In>,
    /// The instruction's tokens for LOAD.
    pub signal_load: Wire<In>,
    /// No further instruction can end.
    pub full: Signal<Out, Bit>,
    /// A burst is answered.
    pub answered: Signal<In, Bit>,
    /// Tokens given to COMPUTE in this cycle.
    pub give_compute: Wire<Out>,
    /// Tokens given to LOAD in this cycle.
    pub give_load: Wire<Out>,
    /// Every instruction is answered.
    pub idle: Signal<Out, Bit>,
    issued: Reg,
    answers: Reg,
    due: Concat,
    dues: Fifo,
    next_due: Split,
    ahead: Wire<Local>,
    is_due: Signal<Local, Bit>,
}

impl Default for StoreAnswers {
    fn default() -> Self {
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            issue: bit(),
            last: bit(),
            signal_compute: Wire::new(4),
            signal_load: Wire::new(4),
            full: Signal::default(),
            answered: bit(),
            give_compute: Wire::new(4),
            give_load: Wire::new(4),
            idle: Signal::default(),
            issued: Reg::with_reset(COUNT_BITS, 0),
            answers: Reg::with_reset(COUNT_BITS, 0),
            due: Concat::new(4, 4),
            dues: Fifo::new(16, UNANSWERED),
            next_due: Split::new(4, 4),
            ahead: Wire::new(COUNT_BITS),
            is_due: Signal::default(),
        }
    }
}

impl Logic for StoreAnswers {
    #[hdl_gen]
    fn update(&mut self) {
        if self.issue.val() {
            self.issued.d.next = self.issued.q.val() + 1;
        }
        if self.answered.val() {
            self.answers.d.next = self.answers.q.val() + 1;
        }
        // The number of the instruction's last burst, and its tokens.
        self.due.parts[0].next = self.issued.q.val().get_bits::<4>(0);
        self.due.parts[1].next = self.issued.q.val().get_bits::<4>(4);
        self.due.parts[2].next = self.signal_compute.val();
        self.due.parts[3].next = self.signal_load.val();
        self.dues.push.next = self.issue.val() && self.last.val();
        self.dues.data.next = self.due.y.val();
        self.full.next = self.dues.full.val();
        // Due when more bursts than came before that one are answered.
        self.next_due.x.next = self.dues.head.val();
        self.ahead.next = self.answers.q.val() - self.dues.head.val().get_bits::<8>(0);
        self.is_due.next = self.dues.valid.val() && (self.ahead.val() != 0) && !self.ahead.val().get_bit(7);
        self.dues.pop.next = self.is_due.val();
        self.give_compute.next = 0.into();
        self.give_load.next = 0.into();
        if self.is_due.val() {
            self.give_compute.next = self.next_due.parts[2].val();
            self.give_load.next = self.next_due.parts[3].val();
        }
        self.idle.next = self.dues.empty.val();
    }
}

//! What the engines did, cycle by cycle, and its picture.
//!
//! - [`Timeline`]: spans of instructions, of what each engine was doing, and windows of AXI traffic
//! - `recorder` makes it from signals inside the core (`probes`), in a model built with
//!   [`SimOptions::timeline`](crate::SimOptions)
//! - `chrome` writes it for <https://ui.perfetto.dev> or `chrome://tracing`

mod chrome;
mod probes;
mod recorder;

pub(crate) use probes::{Probes, ports};
pub(crate) use recorder::{Beats, Recorder};

/// An engine of the accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Host memory to buffers.
    Load,
    /// Array and post-processing.
    Compute,
    /// Output buffer to host memory.
    Store,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 3] = [Self::Load, Self::Compute, Self::Store];

    /// Name on its track.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "LOAD",
            Self::Compute => "COMPUTE",
            Self::Store => "STORE",
        }
    }
}

/// What an engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing to do.
    Idle,
    /// LOAD and STORE: a beat goes over AXI; COMPUTE: a step of the array.
    Active,
    /// LOAD and STORE: an instruction runs, no beat; COMPUTE: an instruction runs without a step of the array.
    Running,
    /// LOAD runs a PACK.
    Packing,
    /// COMPUTE waits for tokens from LOAD.
    WaitLoad,
    /// COMPUTE waits for tokens from STORE.
    WaitStore,
    /// COMPUTE waits for post-processing.
    WaitPpu,
}

impl State {
    /// Name in the picture.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Running => "running",
            Self::Packing => "packs",
            Self::WaitLoad => "waits for LOAD",
            Self::WaitStore => "waits for STORE",
            Self::WaitPpu => "waits for PPU",
        }
    }
}

/// An instruction: from taking its tokens to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Who ran it.
    pub engine: Engine,
    /// Which one: number among the engine's instructions since the recording began.
    pub index: usize,
    /// First cycle: of its own, or the one in which the engine's instruction before it ended.
    pub start: u64,
    /// First cycle behind it. LOAD: all data are in the buffer. COMPUTE: the last step is issued. STORE: all bursts are
    /// answered.
    pub end: u64,
}

/// A run of cycles in which an engine did the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Who.
    pub engine: Engine,
    /// What.
    pub state: State,
    /// First cycle.
    pub start: u64,
    /// First cycle behind it.
    pub end: u64,
}

/// AXI traffic of [`Timeline::WINDOW`] cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First cycle.
    pub start: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

/// A recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// First cycle.
    pub start: u64,
    /// First cycle behind it.
    pub end: u64,
    /// Instructions that ended, in the order of their ends.
    pub instructions: Vec<Span>,
    /// What was done, idle times left out, in the order of their ends.
    pub activities: Vec<Activity>,
    /// Traffic.
    pub windows: Vec<Window>,
}

impl Timeline {
    /// Cycles of a window of traffic.
    pub const WINDOW: u64 = 64;

    /// Cycles that an engine spent in a state.
    #[must_use]
    pub fn cycles(&self, engine: Engine, state: State) -> u64 {
        let those = self.activities.iter().filter(|a| a.engine == engine && a.state == state);
        those.map(|a| a.end - a.start).sum()
    }

    /// Instructions of an engine.
    pub fn instructions_of(&self, engine: Engine) -> impl Iterator<Item = &Span> {
        self.instructions.iter().filter(move |s| s.engine == engine)
    }
}

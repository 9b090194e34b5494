//! From signals of one cycle to spans.

use std::collections::VecDeque;

use super::{Activity, Engine, Probes, Span, State, Timeline, Window};

/// A running recording.
pub(crate) struct Recorder {
    timeline: Timeline,
    tracks: [Track; 3],
}

/// Beats of a cycle on AXI.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beats {
    /// A beat of any client.
    pub(crate) read: bool,
    /// A beat for LOAD.
    pub(crate) load: bool,
    pub(crate) write: bool,
    pub(crate) bytes: u64,
}

/// One engine.
struct Track {
    engine: Engine,
    /// Instructions begun and not ended: LOAD asks for the next one's data before the first one's are here.
    open: VecDeque<u64>,
    ended: usize,
    last_end: u64,
    state: State,
    since: u64,
}

impl Track {
    const fn new(engine: Engine, cycle: u64) -> Self {
        Self { engine, open: VecDeque::new(), ended: 0, last_end: cycle, state: State::Idle, since: cycle }
    }

    fn state(&mut self, cycle: u64, state: State, timeline: &mut Timeline) {
        if state == self.state {
            return;
        }
        if self.state != State::Idle {
            let Self { engine, state, since, .. } = *self;
            timeline.activities.push(Activity { engine, state, start: since, end: cycle });
        }
        (self.state, self.since) = (state, cycle);
    }

    fn ends(&mut self, cycle: u64, timeline: &mut Timeline) {
        // What began before the recording has no beginning.
        let start = self.open.pop_front().unwrap_or(timeline.start).max(self.last_end);
        let (engine, index, end) = (self.engine, self.ended, cycle + 1);
        timeline.instructions.push(Span { engine, index, start, end });
        self.ended += 1;
        self.last_end = end;
    }
}

impl Recorder {
    pub(crate) fn new(cycle: u64) -> Self {
        Self {
            timeline: Timeline { start: cycle, end: cycle, ..Timeline::default() },
            tracks: Engine::ALL.map(|engine| Track::new(engine, cycle)),
        }
    }

    /// One cycle, with the model's words.
    pub(crate) fn cycle(&mut self, cycle: u64, p: &Probes, words: &[u64], beats: Beats) {
        let is = |word: usize| words[word] != 0;
        let takes = [is(p.load_take), is(p.compute_take), is(p.store_take)];
        let ends = [is(p.load_done), is(p.compute_done), is(p.store_done)];
        for (track, take) in self.tracks.iter_mut().zip(takes) {
            if take {
                track.open.push_back(cycle);
            }
        }
        let running = |track: &Track| if track.open.is_empty() { State::Idle } else { State::Running };
        let compute = match () {
            () if is(p.step) => State::Active,
            () if is(p.wait_load) => State::WaitLoad,
            () if is(p.wait_store) => State::WaitStore,
            () if is(p.wait_ppu) => State::WaitPpu,
            () => running(&self.tracks[1]),
        };
        let load = match () {
            () if beats.load => State::Active,
            () if is(p.packing) => State::Packing,
            () => running(&self.tracks[0]),
        };
        let stored = beats.write && !self.tracks[2].open.is_empty();
        let store = if stored { State::Active } else { running(&self.tracks[2]) };
        for ((track, state), end) in self.tracks.iter_mut().zip([load, compute, store]).zip(ends) {
            track.state(cycle, state, &mut self.timeline);
            if end {
                track.ends(cycle, &mut self.timeline);
            }
            if is(p.reset) {
                track.open.clear();
            }
        }
        self.traffic(cycle, beats);
        self.timeline.end = cycle + 1;
    }

    fn traffic(&mut self, cycle: u64, beats: Beats) {
        let start = cycle - (cycle - self.timeline.start) % Timeline::WINDOW;
        let windows = &mut self.timeline.windows;
        if windows.last().is_none_or(|w| w.start != start) {
            windows.push(Window { start, ..Window::default() });
        }
        if let Some(window) = windows.last_mut() {
            window.read += u64::from(beats.read) * beats.bytes;
            window.written += u64::from(beats.write) * beats.bytes;
        }
    }

    /// Ends the recording.
    pub(crate) fn finish(mut self) -> Timeline {
        let end = self.timeline.end;
        for track in &mut self.tracks {
            track.state(end, State::Idle, &mut self.timeline);
        }
        self.timeline
    }
}

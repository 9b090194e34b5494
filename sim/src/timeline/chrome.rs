//! The trace-event format of Chrome and Perfetto.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Engine, State, Timeline};

impl Timeline {
    /// Writes the recording as JSON for <https://ui.perfetto.dev>: per engine a track of instructions and one of what it
    /// was doing, and the AXI traffic as counters. `label` names an engine's instruction by its number.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_trace(
        &self,
        mut out: impl Write,
        clock_hz: u64,
        mut label: impl FnMut(Engine, usize) -> String,
    ) -> io::Result<()> {
        let micros = |cycles: u64| cycles as f64 * 1e6 / clock_hz as f64;
        let at = |cycle: u64| micros(cycle - self.start);
        writeln!(out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        let mut separator = "";
        let mut event = |value: Value| {
            let result = write!(out, "{separator}{value}");
            separator = ",\n";
            result
        };
        event(json!({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "accelerator"}}))?;
        for engine in Engine::ALL {
            let name = engine.name();
            let name_of = |tid: u32, name: String| json!({"ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": {"name": name}});
            event(name_of(instructions(engine), name.to_owned()))?;
            event(name_of(activity(engine), format!("{name} state")))?;
        }
        for span in &self.instructions {
            event(json!({
                "ph": "X", "pid": 1, "tid": instructions(span.engine), "name": label(span.engine, span.index),
                "ts": at(span.start), "dur": micros(span.end - span.start),
                "args": {"index": span.index, "cycle": span.start, "cycles": span.end - span.start},
            }))?;
        }
        for run in &self.activities {
            let name = match (run.engine, run.state) {
                (Engine::Compute, State::Active) => "step",
                (_, State::Active) => "beats",
                (_, state) => state.name(),
            };
            event(json!({
                "ph": "X", "pid": 1, "tid": activity(run.engine), "name": name,
                "ts": at(run.start), "dur": micros(run.end - run.start), "args": {"cycles": run.end - run.start},
            }))?;
        }
        for window in &self.windows {
            event(json!({
                "ph": "C", "pid": 1, "name": "AXI bytes per cycle", "ts": at(window.start),
                "args": {
                    "read": window.read as f64 / Self::WINDOW as f64,
                    "written": window.written as f64 / Self::WINDOW as f64,
                },
            }))?;
        }
        writeln!(out, "\n]}}")
    }
}

const fn instructions(engine: Engine) -> u32 {
    2 * engine as u32 + 1
}

const fn activity(engine: Engine) -> u32 {
    2 * engine as u32 + 2
}

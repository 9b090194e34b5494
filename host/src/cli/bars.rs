//! Progress on the terminal; silent elsewhere, except for what is done.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use cbp_host::demo::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `total` ticks with what is done, its rate and the time left, or without a total a spinner; hidden where no
/// terminal shows it.
pub fn bar(name: &str, total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, style) = if total == 0 {
        (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
    } else {
        (ProgressBar::new(total), "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left")
    };
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// One bar at a time.
#[derive(Default)]
pub struct Bars {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// Takes the bar away.
    pub fn clear(&self) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(bar) = slot.take()
        {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total: u64) {
        if let Ok(mut slot) = self.bar.lock() {
            *slot = Some(bar(name, total));
        }
    }

    fn tick(&self, ticks: u64) {
        if let Ok(slot) = self.bar.lock()
            && let Some(bar) = slot.as_ref()
        {
            bar.inc(ticks);
        }
    }

    fn done(&self, message: &str) {
        self.clear();
        eprintln!("{message}");
    }
}

/// Images that could not be read, in a line: the first few by name.
pub fn bad_images(bad: &[String]) -> Option<String> {
    const NAMED: usize = 3;
    let named = bad.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = if bad.len() > NAMED { " …" } else { "" };
    (!bad.is_empty()).then(|| format!("{} images could not be read: {named}{more}", bad.len()))
}

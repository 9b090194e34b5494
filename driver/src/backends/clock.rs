//! Time on the device's scale.

use std::env;
use std::ffi::OsStr;
use std::time::{Duration, Instant};

/// Wall time per device time, for devices that are simulations behind a real kernel.
pub const TIME_SCALE: &str = "CBP_TIME_SCALE";

/// Longest sleep, so that a lost interrupt costs time but no job: device time, and bounds of it as wall time.
const NAP: Duration = Duration::from_millis(10);
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// The scale is no positive number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{TIME_SCALE} is {0:?}; it must be a positive number, wall time per device time, such as 1000")]
pub struct BadTimeScale(pub String);

/// A monotonic clock that a slow device does not outrun.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    scale: f64,
}

impl Clock {
    /// A clock at zero, with the scale of the environment.
    pub(crate) fn from_environment() -> Result<Self, BadTimeScale> {
        let scale = env::var_os(TIME_SCALE).map_or(Ok(1.0), |text| parse(&text))?;
        Ok(Self { start: Instant::now(), scale })
    }

    /// Device time since the start.
    pub(crate) fn now(&self) -> Duration {
        scaled(self.start.elapsed(), 1.0 / self.scale)
    }

    /// Wall time of a time of the device.
    pub(crate) fn wall(&self, time: Duration) -> Duration {
        scaled(time, self.scale)
    }

    /// How long to sleep now if the wait ends at `until`: wall time.
    pub(crate) fn nap(&self, until: Duration) -> Duration {
        let left = self.wall(until.saturating_sub(self.now()));
        left.min(self.wall(NAP).clamp(NAP, LONGEST_NAP))
    }
}

fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

fn parse(text: &OsStr) -> Result<f64, BadTimeScale> {
    let scale = text.to_str().and_then(|t| t.trim().parse().ok());
    let usable = scale.filter(|s: &f64| s.is_finite() && *s > 0.0 && (1.0 / s).is_finite());
    usable.ok_or_else(|| BadTimeScale(text.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales() {
        assert!((parse("250".as_ref()).unwrap() - 250.0).abs() < 1e-9);
        for wrong in ["", "0", "-1", "inf", "nan", "fast", "1e-320"] {
            assert!(parse(wrong.as_ref()).unwrap_err().to_string().contains("positive"), "{wrong}");
        }
    }

    #[test]
    fn slow_devices_have_more_time() {
        let start = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let clock = Clock { start, scale: 100.0 };
        let now = clock.now();
        assert!((Duration::from_millis(100)..Duration::from_millis(200)).contains(&now), "{now:?}");
        assert_eq!(clock.nap(Duration::MAX), LONGEST_NAP);
        assert_eq!(clock.nap(Duration::ZERO), Duration::ZERO);
        assert_eq!(Clock { start, scale: 1.0 }.nap(Duration::from_hours(1)), NAP);
    }
}

//! What every back end of the driver must do: the same cases, on whatever device they are given.
//!
//! - [`run`]: all cases, each on a device that it opens
//! - [`CaseReport`], [`Failure`]: how they went
//! - [`faults`]: what happens when something goes wrong
//! - [`soak`]: many jobs with faults in between
//! - `cases`: the cases; `work`: jobs with known results

mod cases;
pub mod faults;
pub mod soak;
pub(crate) mod work;

use std::time::Duration;

use cbp_compiler::{CompileError, ShortSegment};
use cbp_driver::{Device, Error, OutOfRange, Transport};
use cbp_numerics::NetworkError;
use serde::Serialize;

use crate::runtime::RunError;

/// Longest time, on the device's scale, that any wait of a case may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How a case went.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// What must hold.
    pub name: &'static str,
    /// Why it does not.
    pub failure: Option<String>,
}

/// Why a case does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The driver's.
    #[error(transparent)]
    Driver(#[from] Error),
    /// Beyond a memory.
    #[error(transparent)]
    Memory(#[from] OutOfRange),
    /// Beyond a segment.
    #[error(transparent)]
    Segment(#[from] ShortSegment),
    /// A fault of the generator.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The array is too small.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A network did not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Runs all cases; `open` opens the device, `seed` draws networks and images.
pub fn run<T: Transport>(
    open: &mut dyn FnMut() -> Result<Device<T>, Error>,
    seed: u64,
    mut report: impl FnMut(&CaseReport),
) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for (name, case) in cases::all::<T>() {
        let result = open().map_err(Failure::from).and_then(|mut device| case(&mut device, seed));
        reports.push(CaseReport { name, failure: result.err().map(|failure| failure.to_string()) });
        if let Some(last) = reports.last() {
            report(last);
        }
    }
    reports
}

//! The demo's table, as text and as JSON.

use std::fmt;

use cbp_nn::Ends;
use serde::Serialize;

/// One network on the device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Weight set.
    pub set: String,
    /// First and last layer: `int8` or `constrained`.
    pub ends: String,
    /// Test accuracy of the float network it came from, whole test set; 0…1, like all accuracies.
    pub float_accuracy: f64,
    /// Test accuracy as trained, whole test set.
    pub accuracy: f64,
    /// Accuracy on the device, over `images`.
    pub device_accuracy: f64,
    /// Share of latent weights within 0.05·a of a level before constrained training.
    pub satisfied_before: f64,
    /// And after it.
    pub satisfied: f64,
    /// Test images run on the device.
    pub images: usize,
    /// Values and sign masks compared with the scalar model.
    pub compared: u64,
    /// Those that differ.
    pub mismatches: u64,
    /// Clock cycles, from the first instruction to the last write response.
    pub cycles_per_image: f64,
    /// Σ(MACs × digit passes) / (K·N·cycles).
    pub mac_utilization: f64,
    /// Σ MACs / cycles, an int8 MAC counted once.
    pub macs_per_cycle: f64,
    /// Packed weights as the device reads them.
    pub weight_bytes: u64,
}

/// The whole demo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Size of the array.
    pub preset: String,
    /// Key of every random number.
    pub seed: u64,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Epochs of float and of constrained training.
    pub epochs: (u32, u32),
    /// Two rows per set.
    pub rows: Vec<Row>,
}

impl Report {
    /// Whether every value of every row was equal.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.rows.iter().all(|row| row.mismatches == 0)
    }
}

/// What the first and last layer are.
#[must_use]
pub fn ends_name(ends: Ends) -> &'static str {
    match ends {
        Ends::Float => "float",
        Ends::Int8 => "int8",
        Ends::Constrained => "constrained",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:<12} {:>7} {:>9} {:>8} {:>7} {:>11} {:>12} {:>8} {:>10} {:>9}",
            "set",
            "ends",
            "float %",
            "trained %",
            "device %",
            "images",
            "mismatches",
            "cycles/image",
            "lanes %",
            "MACs/cycle",
            "weights B"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<14} {:<12} {:>7.2} {:>9.2} {:>8.2} {:>7} {:>11} {:>12.1} {:>8.1} {:>10.1} {:>9}",
                row.set,
                row.ends,
                100.0 * row.float_accuracy,
                100.0 * row.accuracy,
                100.0 * row.device_accuracy,
                row.images,
                row.mismatches,
                row.cycles_per_image,
                100.0 * row.mac_utilization,
                row.macs_per_cycle,
                row.weight_bytes
            )?;
        }
        write!(
            f,
            "float, trained: {} test images; device: the first {} of them; array {} for two-bit shift, seed {}, epochs {} + {}",
            self.test_images,
            self.rows.first().map_or(0, |r| r.images),
            self.preset,
            self.seed,
            self.epochs.0,
            self.epochs.1
        )
    }
}

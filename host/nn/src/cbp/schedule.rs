//! When the window narrows and the multipliers rise.

use serde::{Deserialize, Serialize};

/// What the sum of an epoch is compared with after an update: any sum is below it.
const NO_PREVIOUS_SUM: f64 = 1e10;

/// g, advanced after an epoch whose summed Lagrangian did not fall, or after `patience` epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    patience: u32,
    g: u32,
    epochs_waited: u32,
    previous_sum: f64,
}

impl Schedule {
    /// g = 1. The published code has a patience of 20 epochs; 1 advances after every epoch.
    #[must_use]
    pub fn new(patience: u32) -> Self {
        Self { patience, g: 1, epochs_waited: 0, previous_sum: NO_PREVIOUS_SUM }
    }

    /// The step of the window: 1, 2, …, 10, 20, 30, …
    #[must_use]
    pub fn g(&self) -> u32 {
        self.g
    }

    /// Ends an epoch with its summed Lagrangian; true if g advanced, so that λ is to be updated with the new window.
    pub fn end_epoch(&mut self, lagrangian_sum: f64) -> bool {
        self.epochs_waited += 1;
        let advances = lagrangian_sum >= self.previous_sum || self.epochs_waited >= self.patience;
        if advances {
            self.g += if self.g < 10 { 1 } else { 10 };
            self.epochs_waited = 0;
            // The next sum holds another λ and another window, so comparing it with this one would mean nothing.
            self.previous_sum = NO_PREVIOUS_SUM;
        } else {
            self.previous_sum = lagrangian_sum;
        }
        advances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_counts_to_ten_and_then_by_tens() {
        let mut schedule = Schedule::new(1);
        let mut seen = vec![schedule.g()];
        for _ in 0..12 {
            assert!(schedule.end_epoch(0.0));
            seen.push(schedule.g());
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40]);
    }

    #[test]
    fn waits_while_the_sum_falls_and_forgets_it_after_an_update() {
        let mut schedule = Schedule::new(20);
        let advanced: Vec<bool> =
            [9.0, 8.0, 8.0, 9.0, 7.0, 7.5].into_iter().map(|sum| schedule.end_epoch(sum)).collect();
        assert_eq!(advanced, [false, false, true, false, false, true]);
    }

    #[test]
    fn patience_ends_a_long_fall() {
        let mut schedule = Schedule::new(20);
        let advanced: Vec<bool> = (0..40).map(|epoch| schedule.end_epoch(100.0 - f64::from(epoch))).collect();
        assert_eq!(advanced.iter().filter(|&&advanced| advanced).count(), 2);
        assert!(advanced[19] && advanced[39]);
    }
}

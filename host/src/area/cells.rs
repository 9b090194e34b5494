//! What one cell of a mapped netlist costs.

use std::fmt;
use std::ops::{Add, Mul};

use serde::Serialize;

/// FPGA families whose cells are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Xilinx 7 series.
    Xc7,
    /// Lattice ECP5.
    Ecp5,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 2] = [Self::Xc7, Self::Ecp5];

    /// Name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xc7 => "xc7",
            Self::Ecp5 => "ecp5",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Resources of an FPGA.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Resources {
    /// Look-up tables, those of memories and (ECP5) of carry cells included.
    pub lut: usize,
    /// Of these, look-up tables used as memory.
    pub lut_memory: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Carry cells: CARRY4 of 4 bits, CCU2C of 2 bits.
    pub carry: usize,
    /// Block RAMs: of 36 Kb on Xilinx (half of one is 0.5), of 18 Kb on ECP5.
    pub bram: f64,
    /// Hard multipliers.
    pub dsp: usize,
}

impl Add for Resources {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lut: self.lut + other.lut,
            lut_memory: self.lut_memory + other.lut_memory,
            ff: self.ff + other.ff,
            carry: self.carry + other.carry,
            bram: self.bram + other.bram,
            dsp: self.dsp + other.dsp,
        }
    }
}

impl Mul<usize> for Resources {
    type Output = Self;

    fn mul(self, count: usize) -> Self {
        Self {
            lut: self.lut * count,
            lut_memory: self.lut_memory * count,
            ff: self.ff * count,
            carry: self.carry * count,
            bram: self.bram * count as f64,
            dsp: self.dsp * count,
        }
    }
}

impl Resources {
    fn logic(lut: usize) -> Self {
        Self { lut, ..Self::default() }
    }

    fn memory(lut: usize) -> Self {
        Self { lut, lut_memory: lut, ..Self::default() }
    }

    fn bram(bram: f64) -> Self {
        Self { bram, ..Self::default() }
    }
}

/// A cell whose cost is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what a cell {cell} of {family} costs is not known; add it to host/src/area/cells.rs")]
pub struct UnknownCell {
    /// The family.
    pub family: Family,
    /// Type of the cell.
    pub cell: String,
}

/// What cells cost together.
///
/// # Errors
/// A cell that is not known: nothing is left out in silence.
pub fn cost<'a>(
    family: Family,
    cells: impl IntoIterator<Item = (&'a str, usize)>,
) -> Result<Resources, UnknownCell> {
    let mut total = Resources::default();
    for (cell, count) in cells {
        let each = match (family, cell) {
            // Yosys' notes on modules that were flattened.
            (_, "$scopeinfo") => Some(Resources::default()),
            (Family::Xc7, _) => xc7(cell),
            (Family::Ecp5, _) => ecp5(cell),
        };
        let each = each.ok_or_else(|| UnknownCell { family, cell: cell.to_owned() })?;
        total = total + each * count;
    }
    Ok(total)
}

/// Xilinx 7 series; look-up tables of memories as in UG474, table 2-3.
fn xc7(cell: &str) -> Option<Resources> {
    Some(match cell {
        "LUT1" | "LUT2" | "LUT3" | "LUT4" | "LUT5" | "LUT6" | "INV" => Resources::logic(1),
        "RAM32X1S" | "RAM64X1S" | "SRL16E" | "SRLC16E" | "SRLC32E" => Resources::memory(1),
        "RAM32X1D" | "RAM64X1D" | "RAM128X1S" => Resources::memory(2),
        "RAM32M" | "RAM64M" | "RAM128X1D" | "RAM256X1S" => Resources::memory(4),
        "FDRE" | "FDSE" | "FDCE" | "FDPE" => Resources { ff: 1, ..Resources::default() },
        "CARRY4" => Resources { carry: 1, ..Resources::default() },
        "RAMB36E1" => Resources::bram(1.0),
        "RAMB18E1" => Resources::bram(0.5),
        "DSP48E1" => Resources { dsp: 1, ..Resources::default() },
        // Beside the look-up tables, at no cost.
        "MUXF7" | "MUXF8" | "VCC" | "GND" => Resources::default(),
        _ => return None,
    })
}

/// Lattice ECP5; look-up tables of memories and carry cells as nextpnr counts them.
fn ecp5(cell: &str) -> Option<Resources> {
    Some(match cell {
        "LUT4" => Resources::logic(1),
        // Four for the data, two for the write port.
        "TRELLIS_DPR16X4" => Resources::memory(6),
        "TRELLIS_FF" => Resources { ff: 1, ..Resources::default() },
        "CCU2C" => Resources { lut: 2, carry: 1, ..Resources::default() },
        "DP16KD" => Resources::bram(1.0),
        "MULT18X18D" => Resources { dsp: 1, ..Resources::default() },
        "PFUMX" | "L6MUX21" | "VLO" | "VHI" => Resources::default(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cells_add_up() {
        let xc7 = cost(Family::Xc7, [("LUT6", 3), ("RAM32M", 2), ("FDRE", 5), ("RAMB18E1", 3), ("MUXF7", 9)]);
        let expected = Resources { lut: 11, lut_memory: 8, ff: 5, bram: 1.5, ..Resources::default() };
        assert_eq!(xc7.unwrap(), expected);
        let ecp5 = cost(Family::Ecp5, [("LUT4", 3), ("CCU2C", 2), ("TRELLIS_DPR16X4", 1), ("MULT18X18D", 4)]);
        let expected = Resources { lut: 13, lut_memory: 6, carry: 2, dsp: 4, ..Resources::default() };
        assert_eq!(ecp5.unwrap(), expected);
    }

    #[test]
    fn an_unknown_cell_is_an_error() {
        let error = cost(Family::Ecp5, [("LUT4", 1), ("LUT6", 1)]).unwrap_err();
        assert!(error.to_string().contains("LUT6 of ecp5"), "{error}");
    }
}

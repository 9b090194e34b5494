//! The parameter record of one output channel: requantisation constants (see the numerics contract).

use crate::field::fields;

/// Bytes of one record.
pub const PARAMETER_BYTES: usize = 16;

fields! {
    /// Fields of a parameter record: `y = clamp(((acc·M + B + r·R + 2^(S−1)) >> S) + z, lo, hi)`.
    parameter {
        BIAS: 48, "B, signed: bias, batch-norm shift and zero-point terms at the product's scale";
        MULTIPLIER: 16, "M, signed";
        SHIFT: 6, "S, 1…47";
        RESIDUAL_MULTIPLIER: 40, "R = `m_r` << `e_r`, signed";
    }
}

/// Encodes one channel's record.
///
/// `bias` must lie in 48 signed bits, `shift` in 1…47 and `residual` (`m_r` << `e_r`) in 40 signed bits; the compiler
/// proves all three.
#[must_use]
pub fn encode_parameter(multiplier: i16, bias: i64, shift: u8, residual: i64) -> [u8; PARAMETER_BYTES] {
    let record = u128::from(bias.cast_unsigned() & parameter::BIAS.max())
        | u128::from(multiplier.cast_unsigned()) << parameter::MULTIPLIER.lsb
        | u128::from(shift) << parameter::SHIFT.lsb
        | u128::from(residual.cast_unsigned() & parameter::RESIDUAL_MULTIPLIER.max())
            << parameter::RESIDUAL_MULTIPLIER.lsb;
    record.to_le_bytes()
}

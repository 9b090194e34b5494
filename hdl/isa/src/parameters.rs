//! The parameter record of one output channel: requantisation constants (see the numerics contract).

use crate::field::fields;

/// Bytes of one record.
pub const PARAMETER_BYTES: usize = 16;

fields! {
    /// Fields of a parameter record: `y = clamp(((acc·M + B + (r·M_R << E_R) + 2^(S−1)) >> S) + z, lo, hi)`.
    parameter {
        BIAS: 48, "B, signed: bias, batch-norm shift and zero-point terms at the product's scale";
        MULTIPLIER: 16, "M, signed";
        SHIFT: 6, "S, 1…47";
        RESIDUAL_MULTIPLIER: 16, "`M_R`, signed" reserved;
        RESIDUAL_SHIFT: 6, "`E_R`" reserved;
    }
}

/// Encodes one channel's record.
///
/// `bias` must lie in 48 signed bits and `shift` in 1…47; the compiler proves both.
#[must_use]
pub fn encode_parameter(multiplier: i16, bias: i64, shift: u8) -> [u8; PARAMETER_BYTES] {
    let record = u128::from(bias.cast_unsigned() & parameter::BIAS.max())
        | u128::from(multiplier.cast_unsigned()) << parameter::MULTIPLIER.lsb
        | u128::from(shift) << parameter::SHIFT.lsb;
    record.to_le_bytes()
}

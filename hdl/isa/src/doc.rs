//! The table as a Markdown document (`cbp isa doc`).

use core::fmt::{self, Write};

use crate::field::Field;
use crate::identity::{config_array, config_set};
use crate::instruction::{compute, load, pack, store};
use crate::ring::{ErrorCode, command, completion};
use crate::undefined::UNDEFINED;
use crate::{PRESETS, WeightSet, capability, parameters, registers};

/// Writes the document.
///
/// # Errors
/// Only those of `out`.
pub fn write_markdown(out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "# The host interface and instruction set of the CBP accelerator\n")?;
    writeln!(out, "Written by `cbp isa doc` from `hdl/isa`; do not edit. Little endian everywhere.\n")?;
    writeln!(out, "## Registers\n\n| offset | register | access | meaning |\n|---|---|---|---|")?;
    for r in registers::REGISTERS {
        writeln!(out, "| 0x{:04x} | {} | {:?} | {} |", r.offset, r.name, r.access, r.doc)?;
    }
    fields(out, "CONFIG_ARRAY", config_array::FIELDS)?;
    fields(out, "CONFIG_SET", config_set::FIELDS)?;
    writeln!(out, "\n## Capability bits\n\n| bit | name | meaning |\n|---|---|---|")?;
    for (name, bit, doc) in capability::CAPABILITIES {
        writeln!(out, "| {} | {name} | {doc} |", bit.trailing_zeros())?;
    }
    writeln!(out, "\n## Error codes\n\n| code | name | meaning |\n|---|---|---|")?;
    for code in ErrorCode::ALL {
        writeln!(out, "| {} | {code:?} | {} |", code as u32, code.doc())?;
    }
    fields(out, "Command entry (128 bytes)", command::FIELDS)?;
    fields(out, "Completion entry (32 bytes)", completion::FIELDS)?;
    fields(out, "LOAD (64 bytes)", load::FIELDS)?;
    fields(out, "COMPUTE (64 bytes)", compute::FIELDS)?;
    fields(out, "STORE (64 bytes)", store::FIELDS)?;
    fields(out, "PACK (64 bytes)", pack::FIELDS)?;
    fields(out, "Parameter record (16 bytes)", parameters::parameter::FIELDS)?;
    writeln!(out, "\nBits behind the last field mean nothing.")?;
    writeln!(
        out,
        "\n## Undefined\n\nNot refused, and what follows is not defined: other values, or a job that ends only with a reset of the device. No access leaves the job's segments all the same.\n"
    )?;
    writeln!(out, "| where | what |\n|---|---|")?;
    for (place, case) in UNDEFINED {
        writeln!(out, "| {place} | {case} |")?;
    }
    writeln!(
        out,
        "\n## Presets\n\n| preset | lanes × columns | PPU lanes | activation words | weight words | parameter words | output granules | residual granules | line beats | AXI bits | for |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    for p in PRESETS {
        let c = p.config(WeightSet::TwoBitShift);
        writeln!(
            out,
            "| {} | {} × {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            p.name,
            c.lanes,
            c.columns,
            c.ppu_lanes,
            c.activation_depth,
            c.weight_depth,
            c.parameter_depth,
            c.output_depth,
            c.residual_depth,
            c.line_depth,
            c.axi_bits,
            p.doc
        )?;
    }
    Ok(())
}

fn fields(out: &mut dyn Write, title: &str, fields: &[Field]) -> fmt::Result {
    writeln!(out, "\n## {title}\n\n| bits | field | meaning |\n|---|---|---|")?;
    for f in fields {
        let reserved = if f.reserved { " (reserved, must be 0)" } else { "" };
        writeln!(out, "| {}…{} | {} | {}{reserved} |", f.lsb, f.lsb + f.width - 1, f.name, f.doc)?;
    }
    Ok(())
}

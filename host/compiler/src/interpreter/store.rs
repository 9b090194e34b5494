//! STORE.

use cbp_isa::ring::SEGMENTS;

use super::load::check_rows;
use super::{Fault, Machine, Segments};
use crate::operation::Store;

impl Machine {
    pub(super) fn store(
        &self,
        op: &Store,
        bases: [u64; SEGMENTS],
        memory: &mut Segments,
    ) -> Result<(), Fault> {
        let beat = self.config.beat_bytes();
        check_rows(&op.rows, beat)?;
        let segment = op.rows.segment;
        let bytes = op.rows.length * beat;
        for (offset, position) in op.rows.iter() {
            let start = position * beat;
            let source = self.outputs.get(start..start + bytes);
            let source = source.ok_or(Fault::BeyondBuffer { what: "beat", position: start + bytes })?;
            let end = bases[segment] + offset + bytes as u64;
            let row = memory[segment].get_mut(end as usize - bytes..end as usize);
            row.ok_or(Fault::Segment { segment, end })?.copy_from_slice(source);
        }
        Ok(())
    }
}

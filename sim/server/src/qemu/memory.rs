//! Guest memory as QEMU tells of it.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::fstat;

use super::message::Section;
use crate::dma::{ClientMemory, Map, Maps};
use crate::error::ServerError;

/// What tells sections apart: file, address, size, offset.
type Key = (u64, u64, u64, u64, u64);

/// Keeps a card's memory as the guest has it. QEMU tells everything again at every change, mostly what was there.
#[derive(Default)]
pub(super) struct GuestMemory {
    known: Vec<Key>,
}

impl GuestMemory {
    /// The guest's memory from now on.
    pub(super) fn update(
        &mut self,
        memory: &ClientMemory,
        sections: Vec<Section>,
    ) -> Result<(), ServerError> {
        let key = |s: &Section| {
            let stat = fstat(&s.file)?;
            Ok::<_, rustix::io::Errno>((stat.st_dev, stat.st_ino, s.address, s.size, s.offset))
        };
        let keys = sections.iter().map(key).collect::<Result<Vec<Key>, _>>();
        let keys = keys.map_err(ServerError::io("cannot look at guest memory"))?;
        if keys == self.known {
            return Ok(());
        }
        let map = |section: Section| {
            let file: File = OwnedFd::into(section.file);
            Map::new(&file, section.offset, section.address, section.size, true)
        };
        let maps = sections.into_iter().map(map).collect::<Result<Vec<_>, _>>();
        let maps =
            maps.map_err(ServerError::io("cannot map guest memory: use memory-backend-memfd,share=on"))?;
        memory.replace(Maps::new(maps));
        self.known = keys;
        Ok(())
    }
}

//! Takes every second of the machine's free large pages, by their place in memory, until its input ends: none that is left
//! follows another, as on a machine that has run for long.

use std::error::Error;
use std::io::Read;

use cbp_driver::memory::{Hugepages, Pagemap};

fn main() -> Result<(), Box<dyn Error>> {
    let pages = Hugepages::read()?;
    let pagemap = Pagemap::open()?;
    let mut taken = Vec::new();
    for _ in 0..pages.free {
        let page = pages.map(1)?;
        // It has a place from the first access on.
        page.write(0, &[0])?;
        taken.push((pagemap.physical(page.address())?, page));
    }
    taken.sort_by_key(|&(place, _)| place);
    let mut odd = false;
    taken.retain(|_| {
        odd = !odd;
        odd
    });
    println!("holding {} of {} pages", taken.len(), pages.free);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

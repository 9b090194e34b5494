//! Has a board open until its input ends: `hold 0000:03:00.0`. Nobody else can open it meanwhile.

use std::error::Error;
use std::io::Read;

use cbp_driver::backends::{self, Backend};
use cbp_driver::pci::Sysfs;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: hold ADDRESS")?;
    let _board = backends::open(&Sysfs::default(), address.parse()?, Backend::Auto)?;
    println!("holding {address}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

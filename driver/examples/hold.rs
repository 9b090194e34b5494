//! Has a board open until its input ends, or the kernel wants the board back: `hold 0000:03:00.0`. Nobody else can open
//! it meanwhile.

use std::error::Error;
use std::io::Read;
use std::thread;
use std::time::Duration;

use cbp_driver::backends::{self, Backend};
use cbp_driver::pci::Sysfs;
use cbp_driver::{Transport, TransportError};

/// Between two looks at the input.
const LOOK: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: hold ADDRESS")?;
    let mut board = backends::open(&Sysfs::default(), address.parse()?, Backend::Auto)?;
    println!("holding {address}");
    let input = thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    while !input.is_finished() {
        let until = board.now() + LOOK;
        match board.wait_interrupt(until) {
            Err(error @ TransportError::Gone) => {
                println!("{error}");
                return Ok(());
            }
            waited => waited?,
        }
    }
    Ok(())
}

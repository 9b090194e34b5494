//! Data movement: the AXI master's read and write ports, and the LOAD and STORE engines.

pub mod load_address;
pub mod load_write;
pub mod read_port;
pub mod recoder;
pub mod rows;
pub mod store;
pub mod write_port;

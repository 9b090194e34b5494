//! Data movement: the AXI master's read and write ports, and the LOAD and STORE engines.

pub mod burst_log;
pub mod int8_group;
pub mod line_steps;
pub mod load;
pub mod load_address;
pub mod load_write;
pub mod pack_walk;
pub mod packer;
pub mod read_port;
pub mod recoder;
pub mod rows;
pub mod store;
pub mod store_answers;
pub mod store_data;
pub mod write_port;

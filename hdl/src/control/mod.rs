//! Control: registers, rings and jobs, instruction fetch.

pub mod axi_lite;
pub mod command_check;
pub mod completion;
pub mod counters;
pub mod error_latch;
pub mod fetch;
pub mod jobs;
pub mod register_file;
pub mod watchdog;

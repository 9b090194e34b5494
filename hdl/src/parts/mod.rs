//! Parts that several engines are made of.

pub mod buffer;
pub mod bursts;
pub mod decode;
pub mod delay;
pub mod fifo;
pub mod instruction_queue;
pub mod loop_counter;
pub mod tokens;
pub mod weight_buffer;

pub use buffer::Buffer;
pub use bursts::Bursts;
pub use delay::Delay;
pub use fifo::Fifo;
pub use instruction_queue::InstructionQueue;
pub use loop_counter::LoopCounter;
pub use tokens::Tokens;
pub use weight_buffer::WeightBuffer;

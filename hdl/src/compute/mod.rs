//! The compute engine: sequencer, array with its operand buffers, post-processing, output buffer.
//!
//! ```text
//!              ┌───────────┐ words  ┌────────────┐        ┌─────────────────┐        ┌────────┐
//! instructions │ sequencer ├───────▶│ buffers,   │ drain  │ post-processing │granules│ output │
//! ────────────▶│           │        │ columns    ├───────▶│ P lanes         ├───────▶│ buffer │
//!              └─────┬─────┘        └────────────┘        └────────▲────────┘        └────────┘
//!                    └────────────── positions ────────────────────┘
//! ```

pub mod engine;
pub mod mask_packer;
pub mod output_buffer;
pub mod position;
pub mod post_processing;
pub mod ppu_lane;
pub mod sequencer;

pub use engine::ComputeEngine;

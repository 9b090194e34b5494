//! The compute engine: sequencer, array with its operand buffers, post-processing, output buffer.
//!
//! ```text
//!              ┌───────────┐ words  ┌────────────┐        ┌─────────────────┐        ┌────────┐
//! instructions │ sequencer ├───────▶│ buffers,   │ drain  │ post-processing │granules│ output │
//! ────────────▶│           │        │ columns    ├───────▶│ P lanes         ├───────▶│ buffer │
//!              └─────┬─────┘        └────────────┘        └────────▲────────┘        └────────┘
//!                    └────────────── positions ────────────────────┘
//! ```

pub mod activation_buffer;
pub mod addresses;
pub mod arrived_write;
pub mod coordinates;
pub mod engine;
pub mod group_select;
pub mod group_tags;
pub mod lane_input;
pub mod lane_mask;
pub mod loops;
pub mod mask_packer;
pub mod maxima;
pub mod narrow_shift;
pub mod operands;
pub mod output_buffer;
pub mod position;
pub mod post_processing;
pub mod ppu_lane;
pub mod refusal;
pub mod residual_buffer;
pub mod sequencer;

pub use engine::ComputeEngine;

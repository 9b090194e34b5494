//! What the tests share: a reference forward pass, the stored networks, random networks, file messages.

#![allow(dead_code)] // each test uses a part
// What cannot go on fails its test; PyTorch and others are names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::doc_markdown)]

pub mod forward;
pub mod messages;
pub mod random;
pub mod stored;

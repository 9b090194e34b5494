//! What the tests share: a reference forward pass, the stored networks, random networks, file messages.

#![allow(dead_code)] // each test uses a part

pub mod forward;
pub mod messages;
pub mod random;
pub mod stored;

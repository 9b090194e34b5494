//! Declares small blocks for tests.

/// A block with its ports and parts, each with its value, and its update function.
macro_rules! hardware {
    ($name:ident { $($field:ident: $type:ty = $new:expr),* $(,)? } $($update:tt)*) => {
        #[derive(LogicBlock)]
        struct $name {
            $($field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $new,)* }
            }
        }

        impl Logic for $name {
            $($update)*
        }
    };
}
pub(crate) use hardware;

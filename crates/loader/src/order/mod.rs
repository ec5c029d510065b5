//! In which order an epoch takes its samples: pure functions, no file, clock or thread inside.
//!
//! | name | order | for |
//! | --- | --- | --- |
//! | `sequential-v1` | as stored | evaluation |
//! | `shuffle-v1` | every order of all samples as likely as the others | training from memory or flash |
//! | `windowed-v1` | shuffled within windows of blocks that are read forward | disks that seek |
//! | `balanced-v1` | as many samples of each class, shuffled | classes of very different size |
//!
//! A name stands for one algorithm for ever: the same (name, seed, epoch, samples) gives the same order
//! on every machine and in every later version. An order is a list of indices into a
//! [`Selection`](super::Selection), four bytes each; any position of it can be gone on from.

mod balanced;
mod stripes;
mod windowed;

use std::fmt;

pub use balanced::{ClassRepeats, balanced_order, class_repeats};
pub use stripes::{LastBatch, Stripes};
pub use windowed::{
    MIN_BLOCK_BYTES, Mixing, WINDOW_BLOCKS, forward_blocks, mixing, window_ends, windowed_order,
};

use tcolz_base::random::Random;

/// An order of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// As stored.
    #[default]
    Sequential,
    /// A true global shuffle.
    Shuffle,
    /// Shuffled within windows that are read forward.
    Windowed,
    /// As many samples of each class, shuffled.
    Balanced,
    /// [`Order::Shuffle`], or [`Order::Windowed`] where the shards do not fit into memory and lie on a disk
    /// that seeks: decided when the loader is built, see [`choose`](crate::choose). A state keeps
    /// the order that was taken, and an epoch goes on with it on every machine.
    Auto,
}

impl Order {
    /// Every order; [`Order::Auto`] stands for one of them.
    pub const ALL: [Order; 4] =
        [Order::Sequential, Order::Shuffle, Order::Windowed, Order::Balanced];

    /// Its name, with its version; `auto` has none.
    pub fn name(self) -> &'static str {
        match self {
            Order::Sequential => "sequential-v1",
            Order::Shuffle => "shuffle-v1",
            Order::Windowed => "windowed-v1",
            Order::Balanced => "balanced-v1",
            Order::Auto => "auto",
        }
    }

    /// The order of that name.
    pub fn parse(name: &str) -> Option<Order> {
        Order::ALL.into_iter().find(|order| order.name() == name)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `shuffle-v1`: the numbers below `samples` in an order that seed and epoch decide, every order as
/// likely as the others. 470,586 take 5 ms.
pub fn shuffled_order(seed: u64, epoch: u32, samples: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..samples).collect();
    Random::new(Order::Shuffle.name(), &[seed, epoch.into()]).shuffle(&mut order);
    order
}

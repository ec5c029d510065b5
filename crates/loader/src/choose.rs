//! What `auto` stands for: how the shards are read, and whether they are shuffled in windows.
//!
//! | | network or user space | rotating disk | else |
//! | --- | --- | --- | --- |
//! | [`Access::Auto`] | read | read | map |
//! | [`Order::Auto`], shards that fit into memory | `shuffle-v1` | `shuffle-v1` | `shuffle-v1` |
//! | [`Order::Auto`], shards that do not | `windowed-v1` | `windowed-v1` | `shuffle-v1` |
//!
//! A disk of unknown kind counts as one without slow seeks. The decision is a pure
//! function of [`Storage`].

use std::fmt;
use std::path::Path;

use super::order::Order;
use super::shards::Access;
use tcolz_base::storage::{Medium, available_memory_bytes};

/// Shards fit into memory if they take at most this share of what is available: the rest is for the
/// network that is trained.
const FITTING_SHARE: f64 = 0.75;

/// What is known of the shards and what they lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Whether the disk rotates; `None` where the system does not say.
    pub rotating: Option<bool>,
    /// The network or user-space file system it is.
    pub remote: Option<&'static str>,
    /// Bytes of the selected samples in their shards, all sizes counted.
    pub bytes: u64,
    /// Bytes of memory that files may be cached in; `None` where the system does not say.
    pub available: Option<u64>,
}

impl Storage {
    /// Of shards of so many bytes in a folder of this machine.
    pub fn of(folder: &Path, bytes: u64) -> Storage {
        let Medium { rotating, remote } = Medium::of(folder);
        Storage { rotating, remote, bytes, available: available_memory_bytes() }
    }

    /// True where random reads are slow.
    fn seeks(&self) -> bool {
        self.remote.is_some() || self.rotating == Some(true)
    }

    fn fits(&self) -> bool {
        self.available.is_none_or(|available| self.bytes as f64 <= available as f64 * FITTING_SHARE)
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: u64| match bytes {
            1_000_000_000.. => format!("{:.1} GB", bytes as f64 / 1e9),
            _ => format!("{:.1} MB", bytes as f64 / 1e6),
        };
        write!(f, "{} of samples on ", size(self.bytes))?;
        match (self.remote, self.rotating) {
            (Some(name), _) => write!(f, "a {name} file system")?,
            (None, Some(true)) => f.write_str("a rotating disk")?,
            (None, Some(false)) => f.write_str("a solid-state disk")?,
            (None, None) => f.write_str("a disk of unknown kind")?,
        }
        let fit = if self.fits() { "which fit" } else { "which do not fit" };
        match self.available {
            Some(available) => {
                write!(f, ", {fit} into the {} of memory left", size(available))
            }
            None => f.write_str("; how much memory is left is unknown"),
        }
    }
}

/// The choices of a loader, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// How stored bytes are got; never `Auto`.
    pub access: Access,
    /// The order of new epochs; never `Auto`. An epoch that is gone on from keeps its own.
    pub order: Order,
    /// What was chosen by itself; nothing where all was asked for.
    pub why: Option<Storage>,
}

impl fmt::Display for Choices {
    /// One sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = match self.access {
            Access::Read => "by reading files",
            _ => "through memory maps",
        };
        write!(f, "{}, {access}", self.order)?;
        match &self.why {
            Some(storage) => write!(f, ": {storage}"),
            None => f.write_str(", as asked for"),
        }
    }
}

/// What was asked for, with what suits the storage in place of `Auto`.
pub fn choose(access: Access, order: Order, storage: &Storage) -> Choices {
    let why = (access == Access::Auto || order == Order::Auto).then_some(*storage);
    let seeks = storage.seeks();
    let access = match access {
        Access::Auto if seeks => Access::Read,
        Access::Auto => Access::Map,
        asked => asked,
    };
    let order = match order {
        Order::Auto if seeks && !storage.fits() => Order::Windowed,
        Order::Auto => Order::Shuffle,
        asked => asked,
    };
    Choices { access, order, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLASH: Storage =
        Storage { rotating: Some(false), remote: None, bytes: 76, available: Some(100) };

    #[test]
    fn auto_is_what_the_table_says() {
        let turns = Storage { rotating: Some(true), ..FLASH };
        let network = Storage { remote: Some("NFS"), rotating: None, ..FLASH };
        let silent = Storage { rotating: None, ..FLASH };
        use {Access::*, Order::*};
        for (storage, large, small) in [
            (FLASH, (Map, Shuffle), (Map, Shuffle)),
            (silent, (Map, Shuffle), (Map, Shuffle)),
            (turns, (Read, Windowed), (Read, Shuffle)),
            (network, (Read, Windowed), (Read, Shuffle)),
        ] {
            let taken = |bytes| {
                let choices = choose(Access::Auto, Order::Auto, &Storage { bytes, ..storage });
                assert!(choices.why.is_some());
                (choices.access, choices.order)
            };
            assert_eq!((taken(76), taken(75)), (large, small), "{storage:?}");
        }
        let unknown = choose(Access::Auto, Order::Auto, &Storage { available: None, ..turns });
        assert_eq!((unknown.access, unknown.order), (Read, Shuffle));
    }

    #[test]
    fn what_was_asked_for_is_taken_wherever_it_lies() {
        let turns = Storage { rotating: Some(true), ..FLASH };
        for order in Order::ALL {
            for access in [Access::Map, Access::Read] {
                let choices = choose(access, order, &turns);
                assert_eq!(choices, Choices { access, order, why: None });
            }
        }
        let half = choose(Access::Auto, Order::Sequential, &turns);
        assert_eq!((half.access, half.order), (Access::Read, Order::Sequential));
    }

    #[test]
    fn one_sentence_says_what_was_taken_and_why() {
        let large = Storage {
            rotating: Some(true),
            remote: None,
            bytes: 25_100_000_000,
            available: Some(3_200_000_000),
        };
        assert_eq!(
            choose(Access::Auto, Order::Auto, &large).to_string(),
            "windowed-v1, by reading files: 25.1 GB of samples on a rotating disk, \
             which do not fit into the 3.2 GB of memory left"
        );
        let silent = Storage { rotating: None, bytes: 1_000_000_000, available: None, ..large };
        assert_eq!(
            choose(Access::Auto, Order::Shuffle, &silent).to_string(),
            "shuffle-v1, through memory maps: 1.0 GB of samples on a disk of unknown kind; how \
             much memory is left is unknown"
        );
        let asked = choose(Access::Map, Order::Balanced, &silent).to_string();
        assert_eq!(asked, "balanced-v1, through memory maps, as asked for");
    }
}

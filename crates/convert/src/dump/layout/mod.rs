//! How dumps are laid out: which layout a dump has, and why; and what each layout makes of its files.
//!
//! ```text
//! Tree ─▶ Facts ─▶ recognise (pure) ─▶ Reading ─▶ open ─▶ Listed: inputs, classes, splits
//!         names, headers, counts       layout, root, reasons
//! ```

mod b_t4sa;
mod class_folders;
mod csv;
mod facts;
mod folder;
mod kind;
mod opening;
mod reading;
mod recognise;
#[cfg(test)]
mod tests;
mod ttd;
mod whereabouts;

use super::error::DumpError;
use super::options::DumpOptions;
use super::outline::Outline;
use super::source::Source;
use super::tree::Tree;
use opening::Opening;

pub(super) use facts::Facts;
pub use kind::Layout;
pub(super) use opening::Listed;
pub use reading::{NotUsed, Reading};
pub(super) use reading::{Plan, listed};
pub(super) use recognise::{Unrecognised, recognise};

impl Reading {
    /// Reads the lists of the layout, or what stands for lists.
    pub(super) fn open(
        &self,
        options: &DumpOptions,
        source: &Source,
        tree: &Tree,
        outline: &Outline,
    ) -> Result<Listed, DumpError> {
        let (root, by_hand) = (&*self.root, &*options.lists);
        let opening = Opening { source, tree, outline, root, by_hand };
        match (&self.plan, self.layout) {
            (Plan::Lists, Layout::Ttd) => ttd::open(&opening),
            (Plan::Lists, _) => b_t4sa::open(&opening),
            (Plan::Tables(tables), _) => csv::open(&opening, tables),
            (Plan::Folders(groups), _) => folder::open(&opening, groups),
        }
    }
}

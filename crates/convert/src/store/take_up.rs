//! Going on with an interrupted conversion.

use crate::dump::DumpError;
use crate::error::ConvertError;
use crate::forecast::Forecast;
use crate::look_ahead::look_ahead;
use tcolz_pixels::View;

use super::Store;

impl Store<'_> {
    /// Goes on where an interrupted conversion stopped: what its journal holds is as if it had just been
    /// stored.
    pub(super) fn take_up(&mut self) -> Result<(), ConvertError> {
        for part in self.journal.parts().to_vec() {
            for row in self.journal.rows(&part)? {
                self.count(&row);
            }
            if let Some((split, shard)) = part.shard {
                self.taken_up_bytes += shard.bytes;
                self.splits[split].rows += shard.rows;
                self.splits[split].shards.push(shard);
            }
        }
        // Lists may lie elsewhere than the photos: one that was stored must still be there.
        if let Some((index, _)) = self.stored.last() {
            let id = &self.dump.inputs[*index as usize].sample_id;
            if self.dump.place(id).is_none() {
                let what = format!("`{id}` was converted before, and is no longer there");
                let path = self.dump.source.path().to_owned();
                return Err(DumpError::Gone { path, what }.into());
            }
        }
        if self.counts.listed > 0 {
            self.observer.resumed(self.counts.listed);
        }
        Ok(())
    }

    /// What the inputs that are left will take.
    pub(crate) fn look_ahead(&mut self, view: &View) -> Result<Forecast, ConvertError> {
        let first = self.counts.listed as usize;
        look_ahead(self.options, self.dump, view, first, self.observer)
    }
}

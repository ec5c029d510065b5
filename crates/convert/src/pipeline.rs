//! The threads of a conversion: workers read, decode and compress, the caller takes the outcomes in order.
//!
//! ```text
//!            ┌─▶ tcolz-work-0 ─┐
//! intake ────┼─▶      …        ┼──▶ outcomes ──▶ caller, in order of the inputs
//! one file   └─▶ tcolz-work-n ─┘    put in order
//! at a time
//!     ▲  window: samples read and not yet taken by the caller
//!     ▲  memory: bytes that the photos in flight need for decoding
//! ```
//!
//! A worker reads its own file, so that the bytes are in its cache when it decodes them, but only one
//! reads at a time: the inputs are gone through in groups, each group in inode order, and a disk that
//! seeks sees one reader that moves forward. Outcomes come out in input order whatever the threads do,
//! and everything that waits is bounded: memory does not grow with the dump.

use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::dump::{Dump, DumpError, Input};
use tcolz_base::usage::thread_cpu_seconds;
use tcolz_format::shard::TensorColumn;
use tcolz_photo::{DecodeLimits, orientation, probe};
use tcolz_pixels::View;
use tcolz_pixels::recipe::{Orient, Recipe};

use super::error::ConvertError;
use super::gate::Gate;
use super::outcome::{Effort, Outcome, Outcomes, outcome};
use super::prepare::Preparer;

/// Memory that the photos in flight may need together; one that needs more is decoded alone.
const PHOTO_BUDGET_BYTES: u64 = 96_000_000;
/// Stored bytes that may wait for their turn to be written.
const WINDOW_BYTES: usize = 48_000_000;
/// Bounds of the window, in samples.
const WINDOW_SAMPLES: Range<usize> = 16..512;
/// A worker's buffer for files is given back after a file larger than this.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// Runs the inputs of `dump` from number `first` on through `threads` workers and calls `take` with the
/// outcomes in input order, on the calling thread. Stops at the first error.
///
/// # Errors
/// The first error of `take`, of a worker (a defect of this program), or of starting a thread.
pub(super) fn run(
    dump: &Dump,
    first: usize,
    recipe: &Recipe,
    view: &View,
    threads: usize,
    mut take: impl FnMut(&Input, Outcome) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let sample_bytes: usize =
        TensorColumn::of_recipe(recipe).iter().map(TensorColumn::raw_bytes).sum();
    let window = (WINDOW_BYTES / sample_bytes.max(1))
        .clamp(WINDOW_SAMPLES.start.max(4 * threads), WINDOW_SAMPLES.end.max(8 * threads));
    let intake = Intake {
        dump,
        limits: DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() },
        orient: recipe.orient,
        group: window / 2,
        window: Gate::new(window as u64),
        memory: Gate::new(PHOTO_BUDGET_BYTES),
        progress: Mutex::new(Progress {
            next_group: first,
            order: Vec::new().into_iter(),
            last_read: None,
        }),
    };
    let outcomes = Outcomes::new(first, threads);

    thread::scope(|scope| {
        // Whatever way this closure is left, the workers must be let go before the scope joins them.
        let _open_gates = CloseOnDrop(&intake);
        for worker in 0..threads {
            let (intake, outcomes) = (&intake, &outcomes);
            thread::Builder::new()
                .name(format!("tcolz-work-{worker}"))
                .spawn_scoped(scope, move || {
                    let _leaves = outcomes.worker();
                    work(Preparer::new(recipe, view), intake, outcomes);
                })
                .map_err(|source| ConvertError::Threads {
                    started: worker,
                    wanted: threads,
                    source,
                })?;
        }
        let mut ready = Vec::new();
        while outcomes.next(&mut ready) {
            let count = ready.len() as u64;
            for (index, outcome) in ready.drain(..) {
                take(&dump.inputs[index], outcome?)?;
            }
            intake.window.give_back(count);
        }
        Ok(())
    })
}

struct CloseOnDrop<'a>(&'a Intake<'a>);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.window.close();
        self.0.memory.close();
    }
}

fn work(mut preparer: Preparer, intake: &Intake<'_>, outcomes: &Outcomes) {
    let mut bytes = Vec::new();
    while let Some(job) = intake.next(&mut bytes) {
        let input = &intake.dump.inputs[job.index];
        // A panic is a defect of this program; it ends the conversion with the sample's name. Without
        // this the caller would wait for an outcome that never comes.
        let (begun, cpu) = (Instant::now(), thread_cpu_seconds());
        let mut outcome = catch_unwind(AssertUnwindSafe(|| {
            outcome(&mut preparer, input, job.read?.map(|()| bytes.as_slice()))
        }))
        .unwrap_or_else(|_| Err(ConvertError::Defect { sample_id: input.sample_id.to_string() }));
        if let Ok(outcome) = &mut outcome {
            let work = begun.elapsed().as_secs_f64();
            let cpu = cpu.zip(thread_cpu_seconds()).map_or(work, |(before, after)| after - before);
            outcome.effort = Effort { read: job.read_seconds, work, cpu };
        }
        if bytes.capacity() > KEPT_BUFFER_BYTES {
            bytes = Vec::new();
        }
        intake.memory.give_back(job.memory);
        outcomes.put(job.index, outcome);
    }
}

/// Where the workers get their files from.
struct Intake<'a> {
    dump: &'a Dump,
    limits: DecodeLimits,
    orient: Orient,
    /// Inputs of a group. At most half the window, so that the group before, whose outcomes will all
    /// come, and all of this one have room together: nobody waits for a file that nobody may read.
    group: usize,
    window: Gate,
    memory: Gate,
    progress: Mutex<Progress>,
}

/// How far the reading is.
struct Progress {
    next_group: usize,
    /// What is left of the current group, in reading order: length of the file, index of the input.
    order: std::vec::IntoIter<(u64, usize)>,
    /// The last input whose file could be read.
    last_read: Option<usize>,
}

struct Job {
    index: usize,
    /// Whether the file could be read, while the source is there.
    read: Result<io::Result<()>, DumpError>,
    read_seconds: f64,
    /// Share of the memory budget, to be given back.
    memory: u64,
}

impl Intake<'_> {
    /// Reads the next file into `bytes`; `None` when there is none, or when the conversion stops.
    fn next(&self, bytes: &mut Vec<u8>) -> Option<Job> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (length, index) = loop {
            if let Some(next) = progress.order.next() {
                break next;
            }
            let inputs = self.dump.inputs.len();
            if progress.next_group >= inputs {
                return None;
            }
            let group = progress.next_group..(progress.next_group + self.group).min(inputs);
            progress.next_group = group.end;
            progress.order = self.reading_order(group).into_iter();
        };
        // Waiting happens with the lock held: whoever else comes for a file would have to wait as well,
        // and those who give back need no lock.
        if !self.window.take(1) || !self.memory.take(length) {
            return None;
        }
        let input = &self.dump.inputs[index];
        bytes.clear();
        let begun = Instant::now();
        let mut read = Ok(Ok(()));
        if input.problem.is_none() {
            read = match self.dump.read(&input.sample_id, bytes) {
                Ok(()) => {
                    progress.last_read = Some(index);
                    Ok(Ok(()))
                }
                Err(error) => self.check_source(progress.last_read).map(|()| Err(error)),
            };
        }
        let read_seconds = begun.elapsed().as_secs_f64();
        // What cannot be probed cannot be decoded either, and needs no memory.
        let decoding = probe(bytes, &self.limits).map_or(0, |probe| {
            let turned = self.orient == Orient::Exif && orientation(bytes).is_some_and(|o| o > 1);
            let whole = u64::from(probe.width) * u64::from(probe.height) * 3;
            probe.peak_bytes + if turned { whole } else { 0 }
        });
        self.memory.take_more(length, decoding).then_some(Job {
            index,
            read,
            read_seconds,
            memory: length.saturating_add(decoding),
        })
    }

    /// Lengths and indices of a group's inputs, in the order in which they lie on the disk.
    fn reading_order(&self, group: Range<usize>) -> Vec<(u64, usize)> {
        let place = |index: usize| {
            let input = &self.dump.inputs[index];
            let place = match input.problem {
                None => self.dump.place(&input.sample_id),
                Some(_) => None,
            };
            (place.map_or((0, 0), |place| (place.position, place.bytes)), index)
        };
        let mut order: Vec<((u64, u64), usize)> = group.map(place).collect();
        order.sort_unstable();
        order.into_iter().map(|((_, bytes), index)| (bytes, index)).collect()
    }

    /// Tells a file that is missing or unreadable from a source that is: half a million `missing` rows
    /// because a disk was unplugged would be a lie.
    fn check_source(&self, last_read: Option<usize>) -> Result<(), DumpError> {
        let source = &self.dump.source;
        source.check()?;
        // A link to another disk inside the dump leads nowhere, or somebody is removing files.
        let last_read = last_read.map(|index| &self.dump.inputs[index].sample_id);
        match last_read.filter(|id| self.dump.place(id).is_none()) {
            Some(id) => {
                let what = format!("`{id}` was read before, and is no longer there");
                Err(DumpError::Gone { path: source.path().to_owned(), what })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of a dump's files in the order in which they are read.
    fn read_order(dump: &Dump, group: usize) -> Vec<(usize, u64)> {
        let intake = Intake {
            dump,
            limits: DecodeLimits::default(),
            orient: Orient::Stored,
            group,
            window: Gate::new(u64::MAX),
            memory: Gate::new(u64::MAX),
            progress: Mutex::new(Progress {
                next_group: 0,
                order: Vec::new().into_iter(),
                last_read: None,
            }),
        };
        let mut bytes = Vec::new();
        let jobs = std::iter::from_fn(|| intake.next(&mut bytes));
        jobs.map(|job| {
            assert!(matches!(job.read, Ok(Ok(()))));
            let id = &dump.inputs[job.index].sample_id;
            (job.index, dump.place(id).unwrap().position)
        })
        .collect()
    }

    #[test]
    fn every_file_is_read_once_and_forward_in_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos/cat");
        std::fs::create_dir_all(&photos).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        // Neither inodes nor members are in the order of the names.
        for number in 0..100u32 {
            let name = format!("{:02}.jpg", number * 37 % 100);
            std::fs::write(photos.join(&name), [1; 700]).unwrap();
            let mut header = tar::Header::new_ustar();
            header.set_size(700);
            tar.append_data(&mut header, format!("cat/{name}"), &[1; 700][..]).unwrap();
        }
        let path = folder.path().join("photos.tar");
        std::fs::write(&path, tar.into_inner().unwrap()).unwrap();

        let dump = Dump::open(&folder.path().join("photos"), None).unwrap();
        let order = read_order(&dump, 16);
        for (number, group) in order.chunks(16).enumerate() {
            let indices = group.iter().map(|(index, _)| *index);
            assert!(indices.clone().all(|index| index / 16 == number));
            assert!(group.is_sorted_by_key(|(_, position)| *position), "{group:?}");
        }
        let mut indices: Vec<usize> = order.into_iter().map(|(index, _)| index).collect();
        indices.sort_unstable();
        assert!(indices.into_iter().eq(0..100));

        let dump = Dump::open(&path, None).unwrap();
        let order = read_order(&dump, 16);
        assert!(order.is_sorted_by_key(|(_, position)| *position), "a tar from front to back");
        assert!(order.into_iter().map(|(index, _)| index).eq(0..100));
    }
}

//! The threads of a conversion: one reads files, several prepare photos, the caller takes the
//! outcomes in order.
//!
//! ```text
//! tcolz-read ──jobs (bounded)──▶ tcolz-work-0 … n ──outcomes──▶ caller, in order of the inputs
//!     ▲  window: samples read and not yet taken by the caller
//!     ▲  budget: bytes that decoding the photos in flight will need
//! ```
//!
//! The reader goes through the inputs in groups; within a group it reads in inode order, so that a disk
//! that seeks moves forward. Outcomes come out in input order whatever the threads do, and every queue
//! is bounded: memory does not grow with the dump.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::decode::{DecodeLimits, probe};
use crate::dump::{Dump, Input, Problem};
use crate::recipe::Recipe;
use crate::sample::Status;
use crate::shard::TensorColumn;
use crate::transform::View;

use super::error::ConvertError;
use super::gate::Gate;
use super::prepare::{PrepareError, Prepared, Preparer};

/// Memory that the photos in flight may need together; one that needs more is decoded alone.
const PHOTO_BUDGET_BYTES: u64 = 96_000_000;
/// Stored bytes that may wait for their turn to be written.
const WINDOW_BYTES: usize = 48_000_000;
/// Bounds of the window, in samples.
const WINDOW_SAMPLES: Range<usize> = 16..512;
/// Files read ahead of each worker.
const JOBS_PER_WORKER: usize = 2;
/// A buffer of a file larger than this is not used again.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

/// What became of one input.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its status.
    pub(super) status: Status,
    /// Reason for the ledger.
    pub(super) reason: Option<String>,
    /// Length and BLAKE3 of the file, when it could be read.
    pub(super) source: Option<(u64, [u8; 32])>,
    /// Present when stored.
    pub(super) prepared: Option<Prepared>,
}

struct Job<'a> {
    index: usize,
    input: &'a Input,
    bytes: io::Result<Vec<u8>>,
    memory: u64,
}

type Done = (usize, Result<Outcome, ConvertError>);

/// Buffers of files that have been dealt with, for the reader to fill again: fresh memory would cost a
/// page fault for every 4 KB of every file. There are never more of them than files read ahead.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BUFFER_BYTES {
            self.lock().push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs every input of `dump` through `threads` workers and calls `take` with the outcomes in input
/// order, on the calling thread. Stops at the first error, or when `stop` is set.
///
/// # Errors
/// The first error of `take`, of a worker (a defect of the codec), or of starting a thread.
pub(super) fn run(
    dump: &Dump,
    recipe: &Recipe,
    view: &View,
    threads: usize,
    stop: &AtomicBool,
    mut take: impl FnMut(&Input, Outcome) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let sample_bytes: usize =
        TensorColumn::of_recipe(recipe).iter().map(TensorColumn::raw_bytes).sum();
    let window = (WINDOW_BYTES / sample_bytes.max(1))
        .clamp(WINDOW_SAMPLES.start.max(4 * threads), WINDOW_SAMPLES.end.max(8 * threads));
    let (window_gate, memory_gate) = (Gate::new(window as u64), Gate::new(PHOTO_BUDGET_BYTES));
    let buffers = Buffers::default();
    let (job_sender, job_receiver) = sync_channel(JOBS_PER_WORKER * threads);
    let (done_sender, done_receiver) = channel();
    let job_receiver = Mutex::new(job_receiver);
    let started = |path: &str, source| ConvertError::Io { path: path.into(), source };

    thread::scope(|scope| {
        // Whatever way this closure is left, the threads must be let go before the scope joins them.
        let _open_gates = CloseOnDrop([&window_gate, &memory_gate]);
        let done = {
            let (job_receiver, memory_gate, buffers) = (&job_receiver, &memory_gate, &buffers);
            for worker in 0..threads {
                let done_sender = done_sender.clone();
                thread::Builder::new()
                    .name(format!("tcolz-work-{worker}"))
                    .spawn_scoped(scope, move || {
                        let preparer = Preparer::new(recipe, view);
                        work(preparer, job_receiver, &done_sender, memory_gate, buffers);
                    })
                    .map_err(|error| started("worker thread", error))?;
            }
            drop(done_sender);
            done_receiver
        };
        let limits = DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() };
        let gates = [&window_gate, &memory_gate];
        let reader = Reader { dump, gates, stop, limits, buffers: &buffers, group: window / 2 };
        thread::Builder::new()
            .name("tcolz-read".to_owned())
            .spawn_scoped(scope, move || reader.read_all(&job_sender))
            .map_err(|error| started("reader thread", error))?;

        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (index, outcome) in done {
            waiting.insert(index, outcome);
            while let Some(outcome) = waiting.remove(&next) {
                take(&dump.inputs[next], outcome?)?;
                window_gate.give_back(1);
                next += 1;
            }
        }
        Ok(())
    })
}

struct CloseOnDrop<'a>([&'a Gate; 2]);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        for gate in self.0 {
            gate.close();
        }
    }
}

struct Reader<'a> {
    dump: &'a Dump,
    /// Window and memory.
    gates: [&'a Gate; 2],
    stop: &'a AtomicBool,
    limits: DecodeLimits,
    buffers: &'a Buffers,
    group: usize,
}

impl<'a> Reader<'a> {
    fn read_all(&self, jobs: &SyncSender<Job<'a>>) {
        for start in (0..self.dump.inputs.len()).step_by(self.group) {
            let end = (start + self.group).min(self.dump.inputs.len());
            for index in self.reading_order(start..end) {
                let input = &self.dump.inputs[index];
                if self.stop.load(Ordering::Relaxed) || !self.gates[0].take(1) {
                    return;
                }
                let (bytes, memory) = match &input.problem {
                    Some(_) => (Ok(Vec::new()), 0),
                    None => self.read(input),
                };
                if !self.gates[1].take(memory) {
                    return;
                }
                // A closed channel means that nobody works any more.
                if jobs.send(Job { index, input, bytes, memory }).is_err() {
                    return;
                }
            }
        }
    }

    fn read(&self, input: &Input) -> (io::Result<Vec<u8>>, u64) {
        let mut bytes = self.buffers.take();
        let result = self.dump.read(&input.sample_id, &mut bytes);
        // What cannot be probed cannot be decoded either, and needs no memory.
        let decoding = probe(&bytes, &self.limits).map_or(0, |probe| probe.peak_bytes);
        let memory = bytes.capacity() as u64 + decoding;
        (result.map(|()| bytes), memory)
    }

    #[cfg(unix)]
    fn reading_order(&self, group: Range<usize>) -> Vec<usize> {
        use std::os::unix::fs::MetadataExt;
        let mut order: Vec<(u64, usize)> = group
            .map(|index| {
                let input = &self.dump.inputs[index];
                let path = self.dump.root.join(self.dump.relative_path(&input.sample_id));
                (path.metadata().map_or(0, |metadata| metadata.ino()), index)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, index)| index).collect()
    }

    #[cfg(not(unix))]
    fn reading_order(&self, group: Range<usize>) -> Vec<usize> {
        group.collect()
    }
}

fn work(
    mut preparer: Preparer,
    jobs: &Mutex<Receiver<Job<'_>>>,
    done: &Sender<Done>,
    memory: &Gate,
    buffers: &Buffers,
) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let (index, share, input) = (job.index, job.memory, job.input);
        // A panic is a defect of this program; it ends the conversion with the sample's name. Without
        // this the other threads would wait for an outcome that never comes.
        let outcome = catch_unwind(AssertUnwindSafe(|| outcome(&mut preparer, job, buffers)))
            .unwrap_or_else(|_| {
                Err(ConvertError::Defect { sample_id: input.sample_id.to_string() })
            });
        memory.give_back(share);
        if done.send((index, outcome)).is_err() {
            // Nobody listens: the conversion is stopping. The queue is emptied, so that the reader
            // does not wait for room in it.
            while jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok() {}
            return;
        }
    }
}

fn outcome(
    preparer: &mut Preparer,
    job: Job<'_>,
    buffers: &Buffers,
) -> Result<Outcome, ConvertError> {
    let without_photo = |status, reason: String, source| {
        Ok(Outcome { status, reason: Some(reason), source, prepared: None })
    };
    match &job.input.problem {
        Some(Problem::Duplicate { first_line, label_conflict }) => {
            let code = if *label_conflict { "label conflict" } else { "duplicate" };
            let reason = format!("{code}: the same path stands on line {first_line}");
            return without_photo(Status::Duplicate, reason, None);
        }
        Some(Problem::Unusable { code, detail }) => {
            return without_photo(Status::Quarantined, format!("{code}: {detail}"), None);
        }
        None => {}
    }
    let bytes = match job.bytes {
        Ok(bytes) => bytes,
        Err(error) if is_missing(&error) => {
            return without_photo(Status::Missing, "missing: no such file".to_owned(), None);
        }
        Err(error) => {
            return without_photo(Status::Quarantined, format!("unreadable: {error}"), None);
        }
    };
    let source = Some((bytes.len() as u64, *blake3::hash(&bytes).as_bytes()));
    let prepared = preparer.prepare(&bytes);
    buffers.give_back(bytes);
    match prepared {
        Ok(prepared) => {
            let share = prepared.photo.recovered_share;
            let reason = (share < 1.0)
                .then(|| format!("truncated: {:.1} % of the rows recovered", share * 100.0));
            let (status, prepared) = (Status::Stored, Some(prepared));
            Ok(Outcome { status, reason, source, prepared })
        }
        Err(PrepareError::Decode(error)) => {
            without_photo(Status::Quarantined, format!("{}: {error}", error.code()), source)
        }
        Err(PrepareError::Codec(error)) => {
            Err(ConvertError::Codec { sample_id: job.input.sample_id.to_string(), source: error })
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

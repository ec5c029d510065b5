//! What a run uses, once a second: `resources.csv`, written by a thread of its own.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::checkpoint::Progress;
use super::error::{Result, TrainError};
use super::files::RESOURCES_FILE;
use super::rows::Rows;
use tcolz_base::usage::{process_cpu_seconds, process_sizes_bytes};
use tcolz_device::used_bytes;

/// Time between two rows.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes rows until it is dropped.
#[derive(Debug)]
pub(super) struct Sampler {
    rows: Arc<Mutex<Rows>>,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Begins; the rows of earlier processes are kept. Returns what was wrong with them.
    ///
    /// # Errors
    /// When the file cannot be written or the thread cannot be started.
    pub(super) fn begin(
        folder: &Path,
        progress: &Progress,
        device: &Device,
    ) -> Result<(Sampler, Option<String>)> {
        let (rows, fault) = Rows::resources(folder, &progress.marks, progress.seconds)?;
        let (rows, seconds) = (Arc::new(Mutex::new(rows)), progress.seconds);
        let written = Arc::clone(&rows);
        let (stop, stopped) = sync_channel(1);
        let device = device.clone();
        let sample = move || {
            let begun = Instant::now();
            let (mut time, mut cpu) = (begun, process_cpu_seconds());
            // Rows are no part of a result: a disk that refuses them does not end the run.
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let (now, used) = (Instant::now(), process_cpu_seconds());
                let load = used.zip(cpu).map(|(used, before)| {
                    100.0 * (used - before) / now.duration_since(time).as_secs_f64().max(1e-3)
                });
                (time, cpu) = (now, used);
                let sizes = process_sizes_bytes();
                let at = seconds + now.duration_since(begun).as_secs_f64();
                let mut rows = written.lock().unwrap_or_else(PoisonError::into_inner);
                let row = rows.line(format_args!(
                    "{at:.1},{},{},{},{}",
                    load.map_or(String::new(), |load| format!("{load:.0}")),
                    number(sizes.map(|(resident, _)| resident)),
                    number(sizes.map(|(_, addresses)| addresses)),
                    number(used_bytes(&device)),
                ));
                if row.and_then(|()| rows.flush()).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("tcolz-resources".to_owned()).spawn(sample);
        let thread = thread.map_err(TrainError::io(&folder.join(RESOURCES_FILE)))?;
        Ok((Sampler { rows, stop: Some(stop), thread: Some(thread) }, fault))
    }

    /// Writes down how far the file goes, unless the disk refuses: rows are no part of a result.
    pub(super) fn mark(&self, progress: &mut Progress) {
        if let Ok(mark) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).mark() {
            progress.mark(RESOURCES_FILE, mark);
        }
    }

    /// Ends; no row is written any more.
    pub(super) fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.end();
    }
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

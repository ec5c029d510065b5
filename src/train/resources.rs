//! What a run uses, once a second: `resources.csv`, written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::device;
use super::error::{Result, TrainError};
use crate::usage::{process_cpu_seconds, process_sizes_bytes};

/// Name of the file.
pub const RESOURCES_FILE: &str = "resources.csv";

/// CPU load: 100 is one core. Empty where the system or the device does not say.
const HEADER: &str = "seconds,cpu_percent,resident_bytes,virtual_bytes,device_memory_bytes";

/// Time between two rows.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes rows until it is dropped.
#[derive(Debug)]
pub(super) struct Sampler {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Begins; `seconds` of the run went by in earlier processes, whose rows are kept.
    ///
    /// # Errors
    /// When the file cannot be written or the thread cannot be started.
    pub(super) fn begin(folder: &Path, seconds: f64, device: &Device) -> Result<Sampler> {
        let path = folder.join(RESOURCES_FILE);
        let io = |source| TrainError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let file = if seconds > 0.0 {
            options.append(true).create(true).open(&path)
        } else {
            File::create(&path)
        };
        let mut file = BufWriter::new(file.map_err(io)?);
        if file.get_ref().metadata().map_err(io)?.len() == 0 {
            writeln!(file, "{HEADER}").map_err(io)?;
        }
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
                let row = writeln!(
                    file,
                    "{at:.1},{},{},{},{}",
                    load.map_or(String::new(), |load| format!("{load:.0}")),
                    number(sizes.map(|(resident, _)| resident)),
                    number(sizes.map(|(_, addresses)| addresses)),
                    number(device::used_bytes(&device)),
                );
                if row.and_then(|()| file.flush()).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("tcolz-resources".to_owned()).spawn(sample).map_err(io)?;
        Ok(Sampler { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

//! A stop that was asked for: by Ctrl-C or a signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::output::say;

/// What the first Ctrl-C says where shards are written.
pub(super) const FINISHING: &str = "finishing the shard in hand; Ctrl-C again stops at once";

/// The first Ctrl-C says `first` and asks the work to end, the second ends it at once.
pub(super) fn stop_on_ctrl_c(first: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    stop_on_signal(Some(first))
}

/// A flag that Ctrl-C, SIGTERM and SIGHUP raise, with what is said then; the second one ends the process at once.
pub(super) fn stop_on_signal(first: Option<&'static str>) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        if let Some(first) = first {
            say!("");
            say!("{first}");
        }
    })
    .context("Ctrl-C cannot be watched for")?;
    Ok(stop)
}

//! Children of this process: they end with it, and can be asked to.

use std::process::Child;

/// Asks the system to send this process SIGTERM when its parent ends, however that ends. Does nothing where there is no such
/// thing (other systems than Linux).
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        // A system that refuses leaves a child that finishes its work.
        let _ =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    }
}

/// Asks a child to end (SIGTERM); it may finish what it has in hand. One that has ended is left alone.
pub fn ask_to_end(child: &mut Child) {
    #[cfg(unix)]
    {
        let running = matches!(child.try_wait(), Ok(None));
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid.filter(|_| running) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
    #[cfg(not(unix))]
    {
        let _ = child.kill();
    }
}

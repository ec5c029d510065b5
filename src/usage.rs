//! What this process uses: memory, and the CPU time of its threads.

/// Anonymous memory of this process in bytes: what it allocated and touched, without mapped files.
/// `None` where the system does not say (`RssAnon` of `/proc/self/status`, on Linux).
pub fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// CPU time of the calling thread in seconds, user and system; `None` where the system does not say.
#[cfg(unix)]
pub fn thread_cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// CPU time of the calling thread in seconds, user and system; `None` where the system does not say.
#[cfg(not(unix))]
pub fn thread_cpu_seconds() -> Option<f64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_and_touched_is_counted() {
        let before = anonymous_bytes().unwrap();
        // Seen by nobody, the allocation would be optimised away; others give memory back meanwhile.
        let held = std::hint::black_box(vec![1u8; 256 << 20]);
        let with = anonymous_bytes().unwrap();
        assert!(with >= before + (128 << 20), "{before} {with}");
        drop(std::hint::black_box(held));
    }

    #[test]
    fn a_thread_that_sleeps_uses_no_cpu_time() {
        let before = thread_cpu_seconds().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(thread_cpu_seconds().unwrap() - before < 0.02);
    }
}

//! How much memory this process holds.

/// Anonymous memory of this process in bytes: what it allocated and touched, without mapped files.
/// `None` where the system does not say (`RssAnon` of `/proc/self/status`, on Linux).
pub fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_and_touched_is_counted() {
        let before = anonymous_bytes().unwrap();
        let held = vec![1u8; 64 << 20];
        let with = anonymous_bytes().unwrap();
        assert!(with >= before + (60 << 20), "{before} {with}");
        drop(held);
    }
}

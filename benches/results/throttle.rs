//! A disk that is made slower for this process: the system's own limit, set through a control group.
//!
//! Version 1's `blkio` group, where it may be written; with version 2 alone a group that has processes of its
//! own cannot hand the limit down. Source: Documentation/admin-guide/cgroup-v1/blkio-controller.rst of Linux.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/fs/cgroup/blkio";

/// The limit; this process leaves its group when it is dropped.
pub(crate) struct Throttle {
    group: PathBuf,
    parent: PathBuf,
}

impl Throttle {
    /// From here on this process reads no more than so many bytes a second from the disk that `path` lies on.
    pub(crate) fn begin(path: &Path, bytes_per_second: u64) -> io::Result<Throttle> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| line.split_once(":blkio:"));
        let (_, own) = own.ok_or(io::ErrorKind::Unsupported)?;
        let parent = Path::new(MOUNT).join(own.trim_start_matches('/'));
        let group = parent.join(format!("tcolz-bench-{}", std::process::id()));
        fs::create_dir(&group)?;
        let throttle = Throttle { group, parent };
        let device = fs::metadata(path)?.dev();
        // As glibc's `major` and `minor` take them apart.
        let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
        let minor = (device & 0xff) | (device >> 12 & !0xff);
        let limit = format!("{major}:{minor} {bytes_per_second}");
        fs::write(throttle.group.join("blkio.throttle.read_bps_device"), limit)?;
        enter(&throttle.group)?;
        Ok(throttle)
    }
}

fn enter(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string())
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // A group that stays is empty, and says so by its name.
        let _ = enter(&self.parent).and_then(|()| fs::remove_dir(&self.group));
    }
}

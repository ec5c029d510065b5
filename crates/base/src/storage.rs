//! Where files lie: which paths are URLs, what a local one lies on, and how much memory is left to read it.
//!
//! What is known of disks and memory comes from Linux; elsewhere nothing is known, which is said as `None`.

#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing is asked there"))]

use std::fs;
use std::path::{Path, PathBuf};

/// A URL where a path of this machine is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a URL, expected a path of this machine: {advice}")]
#[non_exhaustive]
pub struct NotLocal {
    advice: String,
}

/// Refuses a URL, which would otherwise be read as a folder called `s3:`. Every path that a person gives passes
/// through here before it is used. A folder of such a name can still be given as `./s3:/x`.
///
/// # Errors
/// [`NotLocal`] with what to do instead.
pub fn local_path(path: PathBuf) -> Result<PathBuf, NotLocal> {
    let Some((scheme, rest)) = path.to_str().and_then(split_url) else { return Ok(path) };
    let advice = match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            let host = rest.find('/').unwrap_or(0);
            format!("give its path alone, {}", &rest[host..])
        }
        "http" | "https" | "ftp" => {
            "download it first, and give the path of the download".to_owned()
        }
        _ => "URLs are not read or written yet; copy it to or from a local folder, or mount it"
            .to_owned(),
    };
    Err(NotLocal { advice })
}

/// A URL's scheme and what follows its `://` (RFC 3986, 3.1). One letter is a drive.
fn split_url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(is_part);
    is_scheme.then_some((scheme, rest))
}

/// A file's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Whether it is a rotating disk, with seeks of milliseconds; `None` where the system does not say. A virtual disk
    /// claims to rotate whatever it lies on, and is not believed.
    pub rotating: Option<bool>,
    /// The network or user-space file system it lies on.
    pub remote: Option<&'static str>,
}

impl Medium {
    /// Of the file or folder at a path.
    pub fn of(path: &Path) -> Medium {
        Medium { rotating: rotating(path), remote: remote(path) }
    }
}

/// File systems behind a network, or behind another program, by the number that `statfs` gives
/// (`linux/magic.h` and the file systems' own sources).
const REMOTE: [(u32, &str); 13] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x517B, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x1980_0202, "BeeGFS"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
];

/// The name of a remote file system by its number.
fn remote_name(magic: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
fn remote(path: &Path) -> Option<&'static str> {
    // The number has 32 bits; its type differs from one processor to another.
    remote_name(rustix::fs::statfs(path).ok()?.f_type as u32)
}

#[cfg(not(target_os = "linux"))]
fn remote(_path: &Path) -> Option<&'static str> {
    None
}

#[cfg(target_os = "linux")]
fn rotating(path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    let folder = |device: u64| {
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        PathBuf::from(format!("/sys/dev/block/{major}:{minor}"))
    };
    if let Some(found) = disk_rotates(&folder(path.metadata().ok()?.dev())) {
        return Some(found);
    }
    // Of a file system with a number of its own (btrfs, …) the table of mounts knows the disk.
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let source = fs::metadata(mount_source(&mounts, &path.canonicalize().ok()?)?).ok()?;
    disk_rotates(&folder(source.rdev()))
}

#[cfg(not(target_os = "linux"))]
fn rotating(_path: &Path) -> Option<bool> {
    None
}

/// What is mounted where a path lies: the source of the longest mount point above it, where that is a
/// device. The later of two mounts in one place hides the earlier.
fn mount_source(mountinfo: &str, path: &Path) -> Option<PathBuf> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (place, source) = line.split_once(" - ")?;
        let place = place.split(' ').nth(4)?.replace("\\040", " ");
        let source = source.split(' ').nth(1)?.replace("\\040", " ");
        path.starts_with(&place).then_some((place.len(), source))
    });
    let (_, source) = mounts.max_by_key(|(length, _)| *length)?;
    source.starts_with("/dev/").then(|| PathBuf::from(source))
}

/// Depth of disks made of disks (LVM on RAID on encryption …).
const MOST_LAYERS: u32 = 8;

/// Whether the disk behind a folder of `/sys/dev/block` rotates. A partition counts as its disk; a disk that is made of
/// others (device mapper, RAID) rotates if any of them does.
fn disk_rotates(block: &Path) -> Option<bool> {
    let mut disks = vec![(block.to_owned(), 0)];
    let mut found = None;
    while let Some((block, layer)) = disks.pop() {
        let Ok(mut folder) = block.canonicalize() else { continue };
        if folder.join("partition").exists() {
            folder.pop();
        }
        let below = fs::read_dir(folder.join("slaves")).into_iter().flatten().flatten();
        let below: Vec<_> = below.map(|entry| (entry.path(), layer + 1)).collect();
        if !below.is_empty() && layer < MOST_LAYERS {
            disks.extend(below);
            continue;
        }
        let text = fs::read_to_string(folder.join("queue/rotational")).unwrap_or_default();
        let is_virtual = folder.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            name.starts_with("virtio") || name.starts_with("vbd-")
        });
        match text.trim() {
            "1" if !is_virtual => return Some(true),
            "0" => found = Some(false),
            _ => {}
        }
    }
    found
}

/// Memory in which files can be cached without taking it from other programs: what the system has available, or what
/// this process's group may still take, whichever is less; in bytes.
pub fn available_memory_bytes() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let system = field(&meminfo, "MemAvailable:")?.checked_mul(1024)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_available(&groups, Path::new("/sys/fs/cgroup"));
    Some(group.map_or(system, |group| group.min(system)))
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The least that the memory groups above a process leave, by `/proc/self/cgroup` (versions 1 and 2).
fn group_available(groups: &str, root: &Path) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, names) = match controllers {
            "" => (root.to_owned(), ["memory.max", "memory.current"]),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), ["memory.limit_in_bytes", "memory.usage_in_bytes"])
            }
            _ => continue,
        };
        let group = root.join(path.trim_start_matches('/'));
        for folder in group.ancestors().take_while(|folder| folder.starts_with(&root)) {
            let [limit, used] = names.map(|name| {
                let text = fs::read_to_string(folder.join(name)).ok()?;
                text.trim().parse::<u64>().ok() // "max" is no limit
            });
            let (Some(limit), Some(used)) = (limit, used) else { continue };
            let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            // Pages of files can be taken back.
            let pages = |own: &str, all: &str| field(&stat, all).or_else(|| field(&stat, own));
            let cached = pages("inactive_file ", "total_inactive_file ").unwrap_or(0)
                + pages("active_file ", "total_active_file ").unwrap_or(0);
            let left = limit.saturating_sub(used.saturating_sub(cached));
            least = Some(least.map_or(left, |least| least.min(left)));
        }
    }
    least
}

#[cfg(test)]
mod url_tests {
    use super::*;

    #[test]
    fn a_url_is_refused_with_what_to_do_and_a_path_that_looks_like_one_is_taken() {
        for (url, advice) in [
            ("s3://bucket/out", "not read or written yet"),
            ("gs://bucket", "not read or written yet"),
            ("az://container/x", "not read or written yet"),
            ("abfss://c@account.dfs.core.windows.net/x", "mount it"),
            ("hdfs://", "not read or written yet"),
            ("S3://bucket", "not read or written yet"),
            ("https://host/photos.tar", "download it first"),
            ("file:///data/photos", "give its path alone, /data/photos"),
            ("file://localhost/data", "give its path alone, /data"),
        ] {
            let said = local_path(url.into()).unwrap_err().to_string();
            assert!(said.starts_with("a URL, ") && said.contains(advice), "{url}: {said}");
        }
        for path in
            ["./s3:/x", "./s3://x", "s3:/x", "/a/s3://b", "a b://c", "c://x", "://x", "3s://x", ""]
        {
            assert_eq!(local_path(path.into()).unwrap(), PathBuf::from(path));
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_partition_is_its_disk_and_a_mapped_disk_those_it_is_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let sys = folder.path();
        let disk = |name: &str, rotational: &str| {
            write(&sys.join(format!("devices/{name}/queue/rotational")), rotational);
        };
        disk("sata/sda", "1\n");
        write(&sys.join("devices/sata/sda/sda1/partition"), "1\n");
        disk("nvme/nvme0n1", "0\n");
        disk("virtio1/vda", "1\n");
        disk("virtual/dm-0", "0\n");
        disk("virtual/dm-1", "0\n");
        let block = |number: &str, device: &str| {
            fs::create_dir_all(sys.join("dev/block")).unwrap();
            symlink(sys.join("devices").join(device), sys.join("dev/block").join(number)).unwrap();
        };
        for (number, device) in [
            ("8:0", "sata/sda"),
            ("8:1", "sata/sda/sda1"),
            ("259:0", "nvme/nvme0n1"),
            ("254:0", "virtio1/vda"),
            ("253:0", "virtual/dm-0"),
            ("253:1", "virtual/dm-1"),
        ] {
            block(number, device);
        }
        // dm-1 lies on dm-0, which lies on a partition of a rotating disk and on flash.
        for (upper, lower) in
            [("dm-0", "sata/sda/sda1"), ("dm-0", "nvme/nvme0n1"), ("dm-1", "virtual/dm-0")]
        {
            let slaves = sys.join(format!("devices/virtual/{upper}/slaves"));
            fs::create_dir_all(&slaves).unwrap();
            let name = Path::new(lower).file_name().unwrap();
            symlink(sys.join("devices").join(lower), slaves.join(name)).unwrap();
        }
        let rotates = |number: &str| disk_rotates(&sys.join("dev/block").join(number));
        assert_eq!(rotates("8:0"), Some(true));
        assert_eq!(rotates("8:1"), Some(true));
        assert_eq!(rotates("259:0"), Some(false));
        assert_eq!(rotates("253:0"), Some(true), "one of two rotates");
        assert_eq!(rotates("253:1"), Some(true));
        assert_eq!(rotates("254:0"), None, "virtual disks always say 1");
        assert_eq!(rotates("0:42"), None, "no disk at all");
        // A disk that is made of itself is no endless walk.
        let slaves = sys.join("devices/sata/sda/slaves");
        fs::create_dir_all(&slaves).unwrap();
        symlink(sys.join("devices/sata/sda"), slaves.join("sda")).unwrap();
        assert_eq!(rotates("8:0"), Some(true));
    }

    #[test]
    fn the_longest_mount_point_above_a_path_tells_its_device() {
        let mounts = "22 1 0:20 / / rw - overlay overlay rw\n\
                      30 22 0:31 /sub /data rw,noatime shared:1 - btrfs /dev/sdb1 rw\n\
                      31 22 0:32 / /data/my\\040photos rw - btrfs /dev/mapper/big\\040one rw\n\
                      32 22 0:33 / /nfs rw - nfs4 server:/x rw\n";
        let source = |path: &str| mount_source(mounts, Path::new(path));
        assert_eq!(source("/data/x"), Some(PathBuf::from("/dev/sdb1")));
        assert_eq!(source("/data/my photos/y"), Some(PathBuf::from("/dev/mapper/big one")));
        assert_eq!(source("/database"), None, "an overlay is no device");
        assert_eq!(source("/nfs/z"), None);
    }

    #[test]
    fn the_narrowest_memory_group_counts_and_its_cached_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(&root.join("a/memory.max"), "1000\n");
        write(&root.join("a/memory.current"), "900\n");
        write(&root.join("a/memory.stat"), "anon 500\ninactive_file 250\nactive_file 100\n");
        write(&root.join("a/b/memory.max"), "max\n");
        write(&root.join("a/b/memory.current"), "900\n");
        assert_eq!(group_available("0::/a/b\n", root), Some(450));
        write(&root.join("a/b/memory.max"), "100\n");
        write(&root.join("a/b/memory.current"), "120\n");
        assert_eq!(group_available("0::/a/b\n", root), Some(0), "over its limit");
        write(&root.join("memory/job/memory.limit_in_bytes"), "5000\n");
        write(&root.join("memory/job/memory.usage_in_bytes"), "3000\n");
        let stat = "inactive_file 1\ntotal_inactive_file 900\ntotal_active_file 100\n";
        write(&root.join("memory/job/memory.stat"), stat);
        assert_eq!(group_available("9:name=systemd:/\n4:cpu,memory:/job\n", root), Some(3000));
        assert_eq!(group_available("0::/\n", &root.join("nothing")), None);
    }

    #[test]
    fn this_machine_tells_what_it_has() {
        let available = available_memory_bytes().unwrap();
        assert!((1 << 20..1 << 50).contains(&available), "{available}");
        assert_eq!(Medium::of(Path::new("/proc")), Medium { rotating: None, remote: None });
        assert_eq!(remote_name(0x6969), Some("NFS"));
        assert_eq!(remote_name(0xEF53), None, "ext4");
    }
}

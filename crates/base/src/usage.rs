//! What this process uses: memory, the CPU time of its threads, open files, the disk and its cache. A home of
//! `unsafe`: the system is told which pages memory is to have and when to have them back, and which signal is not to
//! end the process.

#![allow(unsafe_code, reason = "signals and limits are the system's")]

use std::fs::File;
use std::io;

/// Anonymous memory of this process in bytes: what it allocated and touched, without mapped files.
/// `None` where the system does not say (`RssAnon` of `/proc/self/status`, on Linux).
pub fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(kibibytes(&status, "RssAnon:")? * 1024)
}

/// Threads that this machine runs at a time; 1 where the system does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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

/// CPU time of all threads of this process in seconds, user and system; `None` where the system does not say.
#[cfg(unix)]
pub fn process_cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// CPU time of all threads of this process in seconds, user and system; `None` where the system does not say.
#[cfg(not(unix))]
pub fn process_cpu_seconds() -> Option<f64> {
    None
}

/// Resident and virtual size of this process in bytes, mapped files included; `None` where the system does not
/// say (`VmRSS` and `VmSize` of `/proc/self/status`, on Linux).
pub fn process_sizes_bytes() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some((kibibytes(&status, "VmRSS:")? * 1024, kibibytes(&status, "VmSize:")? * 1024))
}

/// The number behind a word of `/proc/self/status`.
fn kibibytes(status: &str, word: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(word))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Bytes that this process had read from disks so far, read ahead and page faults included; what came out
/// of the page cache is not counted. `None` where the system does not say (`/proc/self/io`, on Linux).
pub fn disk_read_bytes() -> Option<u64> {
    let io = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = io.lines().find_map(|line| line.strip_prefix("read_bytes:"))?;
    line.trim().parse().ok()
}

/// Asks the system to drop a file from the page cache, so that the next reader waits for the disk. The system may
/// decline: pages that are mapped, not yet written, or in a file system in memory, stay. [`disk_read_bytes`] tells
/// whether it did.
///
/// # Errors
/// What the system says; [`io::ErrorKind::Unsupported`] where it cannot be asked.
#[cfg(target_os = "linux")]
pub fn drop_page_cache(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Asks the system to drop a file from the page cache.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`]: this system cannot be asked.
#[cfg(not(target_os = "linux"))]
pub fn drop_page_cache(_file: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Asks the system to back this memory, which nobody has touched yet, with huge pages. A batch is written
/// from end to end past the caches, and looking up where each 4 kB of it lie took a sixth of the time of
/// raw shards. A hint: the system may decline, and small memory is left alone.
#[cfg(target_os = "linux")]
pub fn prefer_huge_pages<T>(memory: &mut [T]) {
    use rustix::mm::{Advice, madvise};
    const PAGE_BYTES: usize = 4096;
    const HUGE_PAGE_BYTES: usize = 2 << 20;
    let bytes = size_of_val(memory);
    let before = memory.as_ptr().cast::<u8>().align_offset(PAGE_BYTES);
    let pages = bytes.saturating_sub(before) / PAGE_BYTES * PAGE_BYTES;
    if pages < HUGE_PAGE_BYTES {
        return;
    }
    // SAFETY: the advice changes no byte, and the pages lie whole inside memory that is borrowed alone.
    unsafe {
        let start = memory.as_mut_ptr().cast::<u8>().add(before);
        // Not getting them costs time and nothing else.
        let _ = madvise(start.cast(), pages, Advice::LinuxHugepage);
    }
}

/// Elsewhere than on Linux, there is nothing to ask for.
#[cfg(not(target_os = "linux"))]
pub fn prefer_huge_pages<T>(_memory: &mut [T]) {}

/// Gives memory that was freed back to the system. Allocators keep it for the next allocation: after a load, for ever.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn release_free_memory() {
    crate::kept::release();
    // SAFETY: it takes no pointer, and only pages that nothing is allocated in are released.
    unsafe { libc::malloc_trim(0) };
}

/// Gives memory that was freed back to the system. Elsewhere than with glibc, the system's allocators do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn release_free_memory() {
    crate::kept::release();
}

/// Keeps memory that was freed for whoever asks next, from now on to the end of the process: for programs that free
/// and take gigabytes in each of many rounds, where the system's clearing of pages costs a tenth of the time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_free_memory() {
    // SAFETY: it takes no pointer. What glibc does not know it refuses, and nothing is lost.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Elsewhere than with glibc, there is nothing to ask for.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_free_memory() {}

/// Open files beside those that are counted: standard streams, ledgers, what libraries open for a moment.
#[cfg(unix)]
const OTHER_FILES: u64 = 32;

/// Raises the process's own (soft) limit of open files, where that is needed for so many more, as far as the system's
/// (hard) limit allows.
///
/// # Errors
/// The limit that would be needed, and the one that cannot be passed.
#[cfg(unix)]
pub fn allow_open_files(more: u64) -> Result<(), (u64, u64)> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
    let needed = open + more + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|&most| most < needed) {
        return Err((needed, most));
    }
    limit.current = Some(needed);
    // If the system refuses, the old limit stays, and opening a file will say so.
    let _ = setrlimit(Resource::Nofile, limit);
    Ok(())
}

/// Elsewhere than on Unix, there is no limit to raise.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn allow_open_files(_more: u64) -> Result<(), (u64, u64)> {
    Ok(())
}

/// The most bytes that a file of this process may have (`ulimit -f`); `None` where nothing limits them.
#[cfg(unix)]
pub fn file_size_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Elsewhere than on Unix, there is no such limit.
#[cfg(not(unix))]
pub fn file_size_limit() -> Option<u64> {
    None
}

/// From now on a write beyond [`file_size_limit`] is refused with an error, and no longer ends the process without a word. For
/// programs, not for libraries: it takes the process's SIGXFSZ, and that of its children.
pub fn refuse_too_large_files() {
    #[cfg(unix)]
    // SAFETY: a signal that is ignored runs no code.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Address space that a thread takes beside what it is given: its stack, and what glibc reserves for its allocations.
const THREAD_ADDRESS_BYTES: u64 = (2 + 64) << 20;
/// Address space that is taken for a while beside everything that is counted.
const OTHER_ADDRESS_BYTES: u64 = 96 << 20;

/// Whether the limit of this process's address space (`ulimit -v`) leaves too little for so many bytes and threads: what
/// is needed and what is left, in bytes. A process cannot go on when memory is refused, so that whoever needs much asks
/// first. `None` where there is enough, or no limit.
#[cfg(unix)]
pub fn short_of_address_space(bytes: u64, threads: usize) -> Option<(u64, u64)> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    let (_, taken) = process_sizes_bytes()?;
    let left = limit.saturating_sub(taken);
    let needed = bytes + threads as u64 * THREAD_ADDRESS_BYTES + OTHER_ADDRESS_BYTES;
    (needed > left).then_some((needed, left))
}

/// Elsewhere than on Unix, there is no such limit.
#[cfg(not(unix))]
pub fn short_of_address_space(_bytes: u64, _threads: usize) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_may_have_huge_pages_holds_what_it_held() {
        for bytes in [0, 1, 5000, (5 << 20) + 3] {
            let mut memory: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
            prefer_huge_pages(&mut memory);
            assert!((0..bytes).all(|at| memory[at] == (at % 251) as u8), "{bytes}");
        }
        prefer_huge_pages::<f32>(&mut []);
    }

    #[test]
    fn what_is_allocated_and_touched_is_counted() {
        let before = anonymous_bytes().unwrap();
        // black_box keeps the allocation from being optimised away; other tests may free memory meanwhile.
        let held = std::hint::black_box(vec![1u8; 256 << 20]);
        let with = anonymous_bytes().unwrap();
        assert!(with >= before + (128 << 20), "{before} {with}");
        drop(std::hint::black_box(held));
    }

    #[test]
    fn a_process_that_computes_uses_cpu_time_and_is_smaller_than_its_addresses() {
        let before = process_cpu_seconds().unwrap();
        let mut sum = 0u64;
        while process_cpu_seconds().unwrap() - before < 0.01 {
            sum = std::hint::black_box(sum + 1);
        }
        let (resident, addresses) = process_sizes_bytes().unwrap();
        assert!(resident > 1 << 20 && addresses > resident, "{resident} {addresses}");
    }

    #[test]
    fn a_thread_that_sleeps_uses_no_cpu_time() {
        let before = thread_cpu_seconds().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(thread_cpu_seconds().unwrap() - before < 0.02);
    }
}

//! What was measured on: processor, kernel, disk, versions. No host name, no paths.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::settings::Settings;

/// Everything, as Markdown.
pub(crate) fn facts(settings: &Settings) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(':').nth(1)).unwrap_or(" an unknown CPU").trim();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // The number alone: what follows it is the distributor's.
    let kernel = one_line("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default();
    let load = one_line("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    let date = date();
    let disk = disk(settings.work.path());
    let simd = simd();
    format!(
        "{date}; {model}, {cores} cores, {simd}; Linux {kernel}; {disk}; load average at the end {load}.\n{}.\n",
        versions()
    )
}

fn versions() -> String {
    let mut versions = vec![format!("tcolz {}", env!("CARGO_PKG_VERSION"))];
    if let Some(commit) = output("git", &["rev-parse", "--short", "HEAD"]) {
        let changed = output(
            "git",
            &["status", "--porcelain", "--", "src", "crates", "Cargo.toml", "Cargo.lock"],
        );
        versions.push(format!(
            "commit {commit}{}",
            if changed.is_some_and(|files| !files.is_empty()) { " and changes" } else { "" }
        ));
    }
    versions.push(format!("libjpeg-turbo {}", tcolz_photo::libjpeg_turbo_version()));
    versions.push(format!("zstd {}", tcolz_format::shard::format::zstd_version()));
    versions.extend(output("rustc", &["--version"]));
    versions.join(", ")
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn one_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") {
            return "AVX2";
        }
        "SSE2"
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::env::consts::ARCH
}

/// What the kernel says of the disk below `path`.
#[cfg(target_os = "linux")]
fn disk(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = path.metadata() else { return "disk unknown".to_owned() };
    let device = metadata.dev();
    let major = (device >> 8) & 0xFFF | (device >> 32) & !0xFFF;
    let minor = device & 0xFF | (device >> 12) & !0xFF;
    let block = format!("/sys/dev/block/{major}:{minor}");
    let queue = ["queue", "../queue"].map(|queue| one_line(&format!("{block}/{queue}/rotational")));
    if fs::read_link(&block).is_ok_and(|path| path.to_string_lossy().contains("virtio")) {
        return "a virtual disk".to_owned();
    }
    match queue.iter().find(|text| !text.is_empty()).map(String::as_str) {
        Some("0") => "a disk that does not turn".to_owned(),
        Some("1") => "a disk that turns".to_owned(),
        _ => "disk unknown".to_owned(),
    }
}

#[cfg(not(target_os = "linux"))]
fn disk(_path: &Path) -> String {
    "disk unknown".to_owned()
}

/// Today in UTC, `2024-05-31` (Howard Hinnant's days-to-civil).
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

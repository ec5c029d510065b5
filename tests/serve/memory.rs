//! Promise: the service takes no more memory than it says when it starts, and gives it back.

#![cfg(target_os = "linux")]

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{PATIENCE, connect, get, multipart, multipart_kind, post, read};
use crate::command::serve;
use crate::crowds::progressive;
use crate::service::save_model;

/// What may stay behind: code that was read meanwhile, pages that are partly in use.
const ALLOWED_REST: u64 = 64 << 20;

/// A size of a process in bytes.
fn size(process: u32, word: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(word)).unwrap();
    1024 * line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap()
}

/// Bodies that are sent all at a time. Each is a photo that is expensive to decode, with bytes behind it.
fn load_is_borne(clients: usize, body_bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (process, address, event) = serve(&save_model(folder.path()), &[]);
    let process_id = process.0.id();
    let most = event["most_memory_bytes"].as_u64().unwrap();
    let before = size(process_id, "VmRSS:");
    let mut photo = progressive(7300, 5470, jpeg_encoder::ColorType::Luma);
    photo.resize(body_bytes - 1000, 7);
    let whole = post("image/jpeg", &photo);
    let form = post(&multipart_kind(), &multipart(&[("file", "a", &photo)]));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let clients = (0..clients).map(|number| {
            let request = if number % 2 == 0 { &whole } else { &form };
            scope.spawn(move || {
                let mut stream = connect(address);
                let _ = stream.write_all(request);
                // One that is still sending when it is refused may find its connection reset.
                read(&mut stream).map_or(0, |answer| answer.status)
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| [0, 200, 503].contains(status)), "{statuses:?}");
    let peak = size(process_id, "VmHWM:");
    println!("{before} before, {peak} at the peak, {most} at most: {statuses:?}");
    assert!(peak < most, "{peak} of {most} bytes");
    let begun = Instant::now();
    loop {
        let now = size(process_id, "VmRSS:");
        if now < before + ALLOWED_REST {
            println!("{now} at rest");
            break;
        }
        assert!(begun.elapsed() < PATIENCE / 2, "{before} → {now} bytes");
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(get(address, "/health").status, 200);
}

#[test]
fn memory_stays_below_what_was_said_and_is_given_back() {
    load_is_borne(16, 10_000_000);
}

#[test]
#[ignore = "long"]
fn long_64_uploads_of_20_megabytes_stay_below_what_was_said_and_are_given_back() {
    load_is_borne(64, 20_000_000);
}

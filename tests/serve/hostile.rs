//! A thousand bodies and heads that nobody should send.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tcolz_base::usage::anonymous_bytes;
use tcolz_serve::Limits;

use crate::client::{PATIENCE, connect, get, multipart, multipart_kind, post, predict, send};
use crate::common::photo;
use crate::service::{Service, predictor};

/// Growth that may come from elsewhere: allocators keep what they had.
const ALLOWED_GROWTH: u64 = 48 << 20;
/// Longest body of the service under test, and how many of about this length it gets in the end: if each left
/// itself behind, they would be far more than [`ALLOWED_GROWTH`].
const BODY_BYTES: usize = 2_000_000;
const LONG_BODIES: u64 = 120;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// Bytes with something wrong.
    fn spoil(&mut self, sound: &[u8]) -> Vec<u8> {
        let mut bytes = sound.to_vec();
        match self.below(4) {
            0 => bytes.truncate(self.below(bytes.len())),
            1 => {
                for _ in 0..1 + self.below(12) {
                    let at = self.below(bytes.len());
                    bytes[at] = self.below(256) as u8;
                }
            }
            2 => {
                // The head is where sizes and counts stand.
                for _ in 0..1 + self.below(4) {
                    let at = self.below(bytes.len().min(64));
                    bytes[at] = [0, 0xFF, 0x7F, 0x80][self.below(4)];
                }
            }
            _ => {
                let (from, length) = (self.below(bytes.len()), self.below(600));
                let noise = self.bytes(length);
                let end = (from + self.below(600)).min(bytes.len());
                bytes.splice(from..end, noise);
            }
        }
        bytes
    }
}

fn sound_images() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let demo = tcolz_demo::make_dump(folder.path(), 3).unwrap();
    let mut images: Vec<_> =
        demo.oddities.iter().map(|line| demo.root.join(&line.sample_id)).collect();
    images.extend(demo.photos.iter().map(|photo| demo.root.join(photo)));
    let mut images: Vec<Vec<u8>> = images
        .into_iter()
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|bytes| (64..400_000).contains(&bytes.len()))
        .collect();
    images.push(photo(1, 120, 80));
    images
}

/// Asks and looks whether the answer is one that such a request may get.
fn ask(address: SocketAddr, number: u64, request: &[u8]) -> u16 {
    let Some(answer) = send(address, request) else { return 0 };
    let status = answer.status;
    assert!(
        matches!(status, 200 | 400 | 404 | 405 | 408 | 411 | 413..=415 | 421 | 422 | 431),
        "{number}: {answer:?}"
    );
    if status != 200 && !answer.body.is_empty() {
        assert!(!answer.json()["error"]["message"].as_str().unwrap().is_empty(), "{number}");
    }
    status
}

/// Promises more than it sends, and waits or goes away.
fn unfinished(address: SocketAddr, seed: u64, image: &[u8]) -> u16 {
    let mut request = post("image/jpeg", image);
    request.truncate(request.len() - 1 - image.len() / 2);
    if seed % 33 == 3 {
        let _ = connect(address).write_all(&request);
        return 0;
    }
    let status = ask(address, seed, &request);
    assert!([408, 0].contains(&status), "{seed}: {status}");
    status
}

fn body(random: &mut Random, images: &[Vec<u8>]) -> Vec<u8> {
    let image = &images[random.below(images.len())];
    match random.below(8) {
        0..4 => post("image/jpeg", &random.spoil(image)),
        4 => {
            let spoiled = random.spoil(image);
            post(&multipart_kind(), &multipart(&[("file", "x", &spoiled), ("file", "y", image)]))
        }
        5 => {
            let whole = multipart(&[("file", "x", &image[..image.len().min(3000)])]);
            post(&multipart_kind(), &random.spoil(&whole))
        }
        6 => {
            let kinds = [
                "multipart/form-data",
                "multipart/form-data; boundary=",
                "multipart/form-data; boundary=\"",
                "multipart/mixed; boundary=x",
                "multipart/form-data; boundary=another",
                "\u{1}",
            ];
            post(kinds[random.below(kinds.len())], &multipart(&[("file", "x", image)]))
        }
        _ => {
            let count = random.below(5000);
            post("application/octet-stream", &random.bytes(count))
        }
    }
}

fn head(random: &mut Random) -> Vec<u8> {
    let sound = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody";
    match random.below(5) {
        0 => [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'a'; 100_000], b"\r\n\r\n"].concat(),
        1 => {
            let many: String = (0..500).map(|number| format!("X-{number}: 1\r\n")).collect();
            format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes()
        }
        2 => [&b"GET /"[..], &vec![b'b'; 200_000]].concat(),
        3 => {
            let length = ["-1", "99999999999999999999999", "1, 2", "0x10"][random.below(4)];
            format!("POST /predict HTTP/1.1\r\nContent-Length: {length}\r\n\r\nabc").into_bytes()
        }
        _ => {
            let mut spoiled = random.spoil(sound);
            // So that a head cut short is not waited for.
            spoiled.extend_from_slice(b"\r\n\r\n");
            spoiled
        }
    }
}

#[test]
fn a_thousand_hostile_requests_are_answered_as_they_deserve_and_memory_stays_flat() {
    // In a process of its own, whose memory no other test uses.
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own)
        .args(["--ignored", "--exact", "hostile::in_a_process_of_its_own"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn in_a_process_of_its_own() {
    let limits = Limits {
        body_bytes: BODY_BYTES,
        head: Duration::from_secs(2),
        body: Duration::from_millis(250),
        ..Limits::default()
    };
    let service = Service::start(predictor(), limits);
    let address = service.address;
    let images = sound_images();
    let round = |seeds: std::ops::Range<u64>| {
        let statuses: Vec<u16> = thread::scope(|scope| {
            let (seeds, images) = (&seeds, &images);
            let clients = (0..4).map(|client| {
                scope.spawn(move || {
                    let own = seeds.clone().skip(client).step_by(4);
                    own.map(|seed| {
                        let mut random = Random(seed);
                        let request = match seed % 33 {
                            0 | 8 | 16 | 24 => head(&mut random),
                            3 | 19 => return unfinished(address, seed, &images[0]),
                            _ => body(&mut random, images),
                        };
                        ask(address, seed, &request)
                    })
                    .collect::<Vec<_>>()
                })
            });
            let clients: Vec<_> = clients.collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let of = |found: u16| statuses.iter().filter(|&&status| status == found).count();
        assert!(of(422) + of(415) > statuses.len() / 5, "{statuses:?}");
        assert!(of(0) < statuses.len() / 8, "few are closed without a word: {statuses:?}");
    };
    round(0..200);
    let before = anonymous_bytes();
    round(200..1000);
    for seed in 0..LONG_BODIES {
        let mut long = Random(seed).bytes(4096).repeat(BODY_BYTES / 4096);
        long[..2].copy_from_slice(&[0xFF, 0xD8]);
        let status = ask(address, seed, &post("image/jpeg", &long));
        assert!([415, 422, 408].contains(&status), "{status}");
    }
    if let (Some(before), Some(after)) = (before, anonymous_bytes()) {
        println!("{before} → {after} bytes");
        assert!(after < before + ALLOWED_GROWTH, "{before} → {after} bytes");
    }
    // Those who went away may be noticed last.
    let begun = Instant::now();
    loop {
        let metrics = String::from_utf8(get(address, "/metrics").body).unwrap();
        let has = |line| metrics.lines().any(|found| found == line);
        if has("tcolz_upload_bytes 0") && has("tcolz_in_hand_images 0") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "something is left behind: {metrics}");
    }
    assert_eq!(get(address, "/health").status, 200);
    assert_eq!(predict(address, &photo(9, 50, 50)).status, 200);
}

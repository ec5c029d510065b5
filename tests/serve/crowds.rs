//! Promise: whatever some clients take, the others are answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use jpeg_encoder::{ColorType, Encoder};
use tcolz_serve::Limits;

#[cfg(target_os = "linux")]
use crate::client::connect_from;
use crate::client::{connect, get, post, predict, read, send};
use crate::common::photo;
use crate::limits::wait_for;
use crate::service::{Obedient, Service, predictor, wide};

/// What an honest client may wait for, on a machine that is busy with other tests. What was held back waited for ten
/// seconds and more.
const AT_ONCE: Duration = Duration::from_secs(5);
/// An address of this machine that is another client. Other systems have but one.
#[cfg(target_os = "linux")]
const OTHER_CLIENT: [u8; 4] = [127, 0, 0, 2];

fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    let took = begun.elapsed();
    assert!(took < AT_ONCE, "{what}: {took:?}");
    result
}

/// Connections that send these bytes and no more.
fn silent(address: SocketAddr, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let connections = (0..count).map(|_| {
        let mut stream = connect(address);
        stream.write_all(bytes).unwrap();
        stream
    });
    connections.collect()
}

fn silent_connections_keep_nobody_waiting(connections: usize, silent_ones: usize) {
    let limits = Limits { connections, head: Duration::from_secs(60), ..Limits::default() };
    let service = Service::start(predictor(), limits);
    let (address, image) = (service.address, photo(1, 60, 50));
    tcolz_base::usage::allow_open_files(2 * silent_ones as u64).unwrap();
    // Idle after an answer, within a head, before one.
    let answered = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for bytes in [&answered[..], b"GET /health HTTP/1.1\r\nHost: l", b""] {
        let held = silent(address, silent_ones, bytes);
        for number in 0..4 {
            in_time(&format!("{number}"), || assert_eq!(get(address, "/health").status, 200));
            in_time(&format!("{number}"), || assert_eq!(predict(address, &image).status, 200));
        }
        drop(held);
    }
}

#[test]
fn silent_connections_at_all_places_keep_nobody_waiting() {
    silent_connections_keep_nobody_waiting(8, 12);
}

#[test]
#[ignore = "long"]
fn long_six_hundred_silent_connections_keep_nobody_waiting() {
    silent_connections_keep_nobody_waiting(Limits::default().connections, 600);
}

#[test]
fn a_whole_request_keeps_its_place_and_the_oldest_silent_one_goes() {
    let (classifier, gate) = Obedient::held();
    let limits = Limits { connections: 3, ..Limits::default() };
    let service = Service::start(classifier, limits);
    let address = service.address;
    let mut asking = connect(address);
    asking.write_all(&post("image/png", &wide(20))).unwrap();
    wait_for(address, "tcolz_in_hand_images 1");
    let mut silent = silent(address, 4, b"");
    assert_eq!(get(address, "/health").status, 200);
    assert!(read(&mut silent[0]).is_none(), "the oldest is closed");
    let youngest = silent.last_mut().unwrap();
    youngest.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(read(youngest).unwrap().status, 200);
    gate.open();
    assert_eq!(read(&mut asking).unwrap().status, 200);
}

#[cfg(target_os = "linux")]
#[test]
fn bodies_that_arrive_slowly_give_up_their_places_and_are_told_so() {
    let limits = Limits { connections: 4, body: Duration::from_secs(60), ..Limits::default() };
    let service = Service::start(Obedient::new(), limits);
    // Asked for its body, it is known to be waited for.
    let slow = || {
        let head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
        let mut stream = silent(service.address, 1, head).remove(0);
        stream.read_exact(&mut [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()]).unwrap();
        stream
    };
    let mut held: Vec<_> = (0..4).map(|_| slow()).collect();
    // Those of another client need no patience with them.
    let mut other = connect_from(OTHER_CLIENT, service.address);
    in_time("another client", || {
        other.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(read(&mut other).unwrap().status, 200);
    });
    let told = read(&mut held[0]).unwrap();
    assert_eq!((told.status, told.code()), (503, "busy".to_owned()));
    drop(other);
    held.push(slow());
    in_time("the same client", || assert_eq!(get(service.address, "/health").status, 200));
}

#[cfg(target_os = "linux")]
#[test]
fn uploads_that_stall_give_up_their_memory() {
    let limits = Limits {
        body_bytes: 60_000,
        upload_bytes: 60_000,
        body: Duration::from_secs(60),
        ..Limits::default()
    };
    let service = Service::start(Obedient::new(), limits);
    let address = service.address;
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 59000\r\n\r\n";
    let stalled = [head.as_bytes(), &vec![7; 50_000]].concat();
    let body = post("image/jpeg", &vec![7; 40_000]);
    let mut slow = silent(address, 1, &stalled).remove(0);
    wait_for(address, "tcolz_upload_bytes 50176");
    let mut other = connect_from(OTHER_CLIENT, address);
    other.write_all(&body).unwrap();
    assert_eq!(read(&mut other).unwrap().status, 415, "it was read");
    assert_eq!(read(&mut slow).unwrap().code(), "busy");
    let mut slow = silent(address, 1, &stalled).remove(0);
    wait_for(address, "tcolz_upload_bytes 50176");
    assert_eq!(
        send(address, &body).unwrap().status,
        503,
        "its own client's is left alone at first"
    );
    thread::sleep(Duration::from_millis(2100));
    assert_eq!(send(address, &body).unwrap().status, 415);
    assert_eq!(read(&mut slow).unwrap().code(), "busy");
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_fills_the_queue_leaves_room_for_others() {
    let (classifier, gate) = Obedient::held();
    let limits = Limits { queue_images: 6, batch_images: 1, ..Limits::default() };
    let service = Service::start(classifier, limits);
    let (address, image) = (service.address, wide(20));
    let mut greedy = silent(address, 6, &post("image/png", &image));
    wait_for(address, "tcolz_in_hand_images 6");
    let mut other = connect_from(OTHER_CLIENT, address);
    other.write_all(&post("image/png", &image)).unwrap();
    // One of the six had to go for it, and none goes for a seventh.
    wait_for(address, "tcolz_images_total{result=\"busy\"} 1");
    let one_more = predict(address, &image);
    assert_eq!((one_more.status, one_more.code()), (503, "busy".to_owned()));
    gate.open();
    assert_eq!(read(&mut other).unwrap().status, 200);
    let mut statuses: Vec<_> = greedy.iter_mut().map(|one| read(one).unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 503]);
}

#[test]
fn clients_that_leave_their_closed_connections_open_keep_nobody_waiting() {
    let limits = Limits { connections: 4, ..Limits::default() };
    let service = Service::start(Obedient::new(), limits);
    let close = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut left = Vec::new();
    in_time("200 of them", || {
        for _ in 0..200 {
            let mut stream = silent(service.address, 1, close).remove(0);
            assert_eq!(read(&mut stream).unwrap().status, 200);
            left.push(stream);
        }
    });
}

#[test]
fn being_stopped_waits_for_no_silent_connection() {
    let limits = Limits { head: Duration::from_secs(60), ..Limits::default() };
    let service = Service::start(Obedient::new(), limits);
    let answered = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let held = [&b""[..], b"GET /hea", answered].map(|bytes| silent(service.address, 3, bytes));
    wait_for(service.address, "tcolz_connections 10");
    in_time("it ends", || assert_eq!(service.stop(), 0, "nobody is cut off"));
    drop(held);
}

/// A JPEG of several scans.
pub(crate) fn progressive(width: u16, height: u16, color: ColorType) -> Vec<u8> {
    let channels = if color == ColorType::Rgb { 3 } else { 1 };
    let pixel = |at: usize| ((at / channels / 7) ^ (at / usize::from(width) / 5)) as u8;
    let pixels: Vec<u8> =
        (0..usize::from(width) * usize::from(height) * channels).map(pixel).collect();
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 80);
    encoder.set_progressive(true);
    encoder.encode(&pixels, width, height, color).unwrap();
    jpeg
}

/// Some clients send expensive photos without end; the slowest of the small photos that are sent beside them.
fn beside_dear_photos(expensive: &[u8], clients: usize) -> Duration {
    let service = Service::start(predictor(), Limits::default());
    let (address, small) = (service.address, photo(1, 200, 150));
    assert_eq!(predict(address, &small).status, 200);
    let mut held = silent(address, clients, &post("image/jpeg", expensive));
    let mut slowest = Duration::ZERO;
    for _ in 0..12 {
        let begun = Instant::now();
        assert_eq!(predict(address, &small).status, 200);
        slowest = slowest.max(begun.elapsed());
        thread::sleep(Duration::from_millis(50));
    }
    let is_answered = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        stream.read(&mut [0; 1]).is_ok()
    };
    let answered = held.iter_mut().filter_map(|stream| is_answered(stream).then_some(())).count();
    assert!(answered < clients, "the small ones were sent while large ones waited");
    slowest
}

#[test]
fn small_photos_overtake_large_progressive_ones() {
    let expensive = progressive(6000, 4000, ColorType::Luma);
    let slowest = beside_dear_photos(&expensive, 24);
    assert!(slowest < AT_ONCE, "{slowest:?}");
}

#[test]
#[ignore = "long"]
fn long_small_photos_overtake_32_progressive_ones_of_40_megapixels() {
    let expensive = progressive(7300, 5470, ColorType::Rgb);
    let slowest = beside_dear_photos(&expensive, 32);
    println!("the slowest took {slowest:?}");
    assert!(slowest < AT_ONCE, "{slowest:?}");
}

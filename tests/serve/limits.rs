//! What is too much is refused, what is too slow is cut off, what is in hand is finished.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tcolz_serve::Limits;

use crate::client::{
    PATIENCE, connect, get, multipart, multipart_kind, post, predict, predict_all, read, send,
};
use crate::service::{Obedient, PANICS_AT_ONCE, PANICS_LATER, Service, wide};

const SHORT: Duration = Duration::from_millis(300);

/// Asks again and again until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the service's metrics have this line.
pub(crate) fn wait_for(address: SocketAddr, line: &str) {
    wait_until(line, || {
        let metrics = String::from_utf8(get(address, "/metrics").body).unwrap();
        metrics.lines().any(|found| found == line)
    });
}

/// Whether it answers; a client whom a busy machine made slow may be cut off.
fn is_well(address: SocketAddr) -> bool {
    let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    send(address, request).is_some_and(|answer| answer.status == 200)
}

fn start(limits: Limits) -> Service {
    Service::start(Obedient::new(), limits)
}

#[test]
fn a_full_queue_is_told_with_503_and_when_to_come_back() {
    let limits = Limits { queue_images: 2, batch_images: 1, ..Limits::default() };
    let (classifier, gate) = Obedient::held();
    let service = Service::start(classifier, limits);
    let (address, image) = (service.address, wide(20));
    thread::scope(|scope| {
        let taken: Vec<_> = (0..2).map(|_| scope.spawn(|| predict(address, &image))).collect();
        wait_for(address, "tcolz_in_hand_images 2");
        for _ in 0..20 {
            let answer = predict(address, &image);
            assert_eq!((answer.status, answer.code()), (503, "busy".to_owned()), "{answer:?}");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds));
        }
        gate.open();
        for client in taken {
            assert_eq!(client.join().unwrap().status, 200, "those in hand are finished");
        }
    });
    let parts = [("a", &image[..]), ("b", &image), ("c", &image)];
    assert_eq!(predict_all(address, &parts).status, 413, "they would never be taken");
    assert_eq!(predict_all(address, &parts[..2]).status, 200, "it has recovered");
}

#[test]
fn what_is_in_hand_at_a_time_is_inferred_together_and_what_is_alone_waits_for_nothing() {
    // Longer than an answer may take.
    let limits = Limits { batch_wait: Duration::from_secs(600), ..Limits::default() };
    let (classifier, gate) = Obedient::held();
    let service = Service::start(classifier, limits);
    let (address, image) = (service.address, wide(20));
    thread::scope(|scope| {
        let alone = scope.spawn(|| predict(address, &image));
        wait_for(address, "tcolz_batch_images_count 1");
        let four = scope.spawn(|| predict_all(address, &[("x", &image[..]); 4]));
        wait_for(address, "tcolz_in_hand_images 5");
        gate.open();
        assert_eq!((alone.join().unwrap().status, four.join().unwrap().status), (200, 200));
    });
    wait_for(address, "tcolz_batch_images_count 2");
    wait_for(address, "tcolz_batch_images_sum 5.0");
    assert_eq!(predict(address, &image).status, 200);
}

#[test]
fn a_panic_in_one_request_ends_neither_the_service_nor_the_requests_beside_it() {
    let service = start(Limits::default());
    let (panics, sound) = ([wide(PANICS_AT_ONCE), wide(PANICS_LATER)], wide(20));
    for round in 0..3 {
        let parts =
            [("a", &sound[..]), ("b", &panics[0]), ("c", &sound), ("d", &panics[1]), ("e", &sound)];
        let json = predict_all(service.address, &parts).json();
        for (index, failed) in [false, true, false, true, false].into_iter().enumerate() {
            let image = &json["images"][index];
            let code = image["error"]["code"].as_str();
            assert_eq!(code, failed.then_some("defect"), "round {round}: {json}");
        }
        let alone = predict(service.address, &panics[round % 2]);
        assert_eq!((alone.status, alone.code()), (500, "defect".to_owned()));
    }
}

#[test]
fn bodies_and_requests_that_are_too_large_are_refused_before_they_are_read() {
    let limits = Limits { body_bytes: 10_000, request_images: 3, ..Limits::default() };
    let service = start(limits);
    // Promised and not sent: the answer comes at once.
    let promise = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n";
    let answer = send(service.address, promise.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()));
    // Sent all the same: the client finds the answer and no reset connection.
    let answer = send(service.address, &post("image/png", &vec![7; 3_000_000])).unwrap();
    assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()));
    // Not promised but sent in chunks, alone and within a form.
    for kind in ["image/png".to_owned(), multipart_kind()] {
        let body = multipart(&[("file", "a", &vec![7; 30_000])]);
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        );
        let request = [head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        let answer = send(service.address, &request).unwrap();
        assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()), "{kind}");
    }
    let image = wide(20);
    let answer = predict_all(service.address, &[("x", &image[..]); 4]);
    assert_eq!((answer.status, answer.code()), (413, "too-many".to_owned()));
    assert_eq!(predict_all(service.address, &[("x", &image[..]); 3]).status, 200);
}

#[test]
fn uploads_beyond_the_memory_for_them_are_refused_until_others_are_done() {
    let limits = Limits { body_bytes: 60_000, upload_bytes: 60_000, ..Limits::default() };
    let service = start(limits);
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 59000\r\n\r\n";
    let mut slow = connect(service.address);
    slow.write_all(&[head.as_bytes(), &vec![7; 50_000]].concat()).unwrap();
    // In units of 1,024 bytes.
    wait_for(service.address, "tcolz_upload_bytes 50176");
    let beside = predict(service.address, &vec![7; 40_000]);
    assert_eq!((beside.status, beside.code()), (503, "busy".to_owned()));
    assert_eq!(predict(service.address, &wide(20)).status, 200, "small ones still fit");
    drop(slow);
    wait_for(service.address, "tcolz_upload_bytes 0");
    assert_eq!(predict(service.address, &vec![7; 40_000]).status, 415, "there is room again");
}

#[test]
fn slow_clients_are_cut_off() {
    let service = start(Limits { body: SHORT, ..Limits::default() });
    let slow_body = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nslow";
    let begun = Instant::now();
    let answer = send(service.address, slow_body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.code()), (408, "too-slow".to_owned()));
    assert!(begun.elapsed() >= SHORT);
    // One that always has a little more.
    let mut trickle = connect(service.address);
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    trickle.write_all(head.as_bytes()).unwrap();
    trickle.set_nonblocking(true).unwrap();
    wait_until("the trickle is answered", || {
        // Refused once it is cut off.
        let _ = trickle.write(b"x");
        trickle.peek(&mut [0]).is_ok()
    });
    trickle.set_nonblocking(false).unwrap();
    assert_eq!(read(&mut trickle).unwrap().status, 408);
    assert!(is_well(service.address));
    let service = start(Limits { head: SHORT, ..Limits::default() });
    for head in ["", "GET /health HT", "GET /health HTTP/1.1\r\nHost: t"] {
        let mut stream = connect(service.address);
        stream.write_all(head.as_bytes()).unwrap();
        assert!(read(&mut stream).is_none_or(|answer| answer.status == 408), "{head}");
    }
    wait_until("it is well", || is_well(service.address));
}

#[test]
fn clients_that_do_not_take_their_answers_are_cut_off() {
    let limits =
        Limits { write: SHORT, connections: 1, head: Duration::from_secs(60), ..Limits::default() };
    let service = start(limits);
    let mut greedy = connect(service.address);
    // Asks for far more than the buffers between the two hold, and takes nothing.
    let ask = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20_000);
    greedy.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = greedy.write_all(&ask);
    // The only place is free again.
    assert_eq!(get(service.address, "/health").status, 200);
}

#[test]
fn more_connections_than_places_wait_for_one() {
    let limits = Limits { connections: 2, head: SHORT, ..Limits::default() };
    let service = start(limits);
    let idle: Vec<_> = (0..3).map(|_| connect(service.address)).collect();
    wait_until("those that say nothing are cut off", || is_well(service.address));
    drop(idle);
}

#[test]
fn an_answer_that_takes_too_long_is_refused() {
    let (classifier, gate) = Obedient::held();
    let limits = Limits { answer: SHORT, batch_images: 1, ..Limits::default() };
    let service = Service::start(classifier, limits);
    let answer = predict(service.address, &wide(20));
    assert_eq!((answer.status, answer.code()), (503, "busy".to_owned()));
    assert!(answer.header("retry-after").is_some());
    gate.open();
}

#[test]
fn being_stopped_finishes_what_is_in_hand_and_takes_nothing_new() {
    let (classifier, gate) = Obedient::held();
    let service = Service::start(classifier, Limits::default());
    let address = service.address;
    let mut idle = connect(address);
    let client = thread::spawn(move || {
        let mut stream = connect(address);
        stream.write_all(&post("image/png", &wide(20))).unwrap();
        read(&mut stream)
    });
    wait_for(address, "tcolz_in_hand_images 1");
    let stop = thread::spawn(move || service.stop());
    wait_until("nobody listens any more", || TcpStream::connect(address).is_err());
    assert!(read(&mut idle).is_none(), "connections without a request are closed");
    assert!(!stop.is_finished() && !client.is_finished(), "what is in hand is waited for");
    gate.open();
    let answer = client.join().unwrap().expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(stop.join().unwrap(), 0, "nobody is cut off");
}

#[test]
fn being_stopped_waits_only_so_long_for_clients_that_do_not_end() {
    let limits = Limits { grace: Duration::from_secs(1), ..Limits::default() };
    let service = start(limits);
    let mut slow = connect(service.address);
    let head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nslow";
    slow.write_all(head.as_bytes()).unwrap();
    // It, and the one that asks.
    wait_for(service.address, "tcolz_connections 2");
    assert_eq!(service.stop(), 1);
}

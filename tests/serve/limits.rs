//! What is too much is refused, what is too slow is cut off, what is in hand is finished.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tcolz::serve::Limits;

use crate::client::{
    connect, get, multipart, multipart_kind, post, predict, predict_all, read, send,
};
use crate::service::{Obedient, PANICS_AT_ONCE, PANICS_LATER, Service, wide};

const SHORT: Duration = Duration::from_millis(300);

/// Waits until the service's metrics have this line.
fn wait_for(address: SocketAddr, line: &str) {
    let begun = Instant::now();
    loop {
        let metrics = String::from_utf8(get(address, "/metrics").body).unwrap();
        if metrics.lines().any(|found| found == line) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no {line}: {metrics}");
    }
}

fn start(infers: Duration, limits: Limits) -> Service {
    Service::start(Obedient::new(infers), limits)
}

#[test]
fn a_full_queue_is_told_with_503_and_when_to_come_back() {
    let limits = Limits { queue_images: 2, batch_images: 1, ..Limits::default() };
    let service = start(Duration::from_secs(1), limits);
    let (address, image) = (service.address, wide(20));
    let statuses = thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| predict(address, &image))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let (done, refused): (Vec<_>, Vec<_>) =
        statuses.iter().partition(|answer| answer.status == 200);
    assert!(done.len() >= 2 && !refused.is_empty(), "{statuses:?}");
    for answer in refused {
        assert_eq!((answer.status, answer.code()), (503, "busy".to_owned()), "{answer:?}");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
    }
    let parts = [("a", &image[..]), ("b", &image), ("c", &image)];
    assert_eq!(predict_all(address, &parts).status, 413, "they would never be taken");
    assert_eq!(predict_all(address, &parts[..2]).status, 200);
    assert_eq!(predict(address, &image).status, 200, "it has recovered");
}

#[test]
fn a_panic_in_one_request_ends_neither_the_service_nor_the_requests_beside_it() {
    let service = start(Duration::from_millis(20), Limits::default());
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
    let service = start(Duration::ZERO, limits);
    // Promised and not sent: the answer comes at once.
    let promise = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 9999999999\r\n\r\n";
    let answer = send(service.address, promise.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()));
    // Sent all the same: the client finds the answer and no reset connection.
    let answer = send(service.address, &post("image/png", &vec![7; 3_000_000])).unwrap();
    assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()));
    // Not promised but sent in chunks, alone and within a form.
    for kind in ["image/png".to_owned(), multipart_kind()] {
        let body = multipart(&[("file", "a", &vec![7; 30_000])]);
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
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
    let service = start(Duration::ZERO, limits);
    let head = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 59000\r\n\r\n";
    let mut slow = connect(service.address);
    slow.write_all(&[head.as_bytes(), &vec![7; 50_000]].concat()).unwrap();
    let begun = Instant::now();
    let beside = loop {
        // It takes a moment until the slow one's bytes are read.
        let beside = predict(service.address, &vec![7; 40_000]);
        if beside.status != 415 || begun.elapsed() > Duration::from_secs(10) {
            break beside;
        }
    };
    assert_eq!((beside.status, beside.code()), (503, "busy".to_owned()));
    assert_eq!(predict(service.address, &wide(20)).status, 200, "small ones still fit");
    drop(slow);
    let begun = Instant::now();
    while predict(service.address, &vec![7; 40_000]).status != 415 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the memory is given back");
    }
}

#[test]
fn slow_clients_are_cut_off() {
    let limits = Limits { head: SHORT, body: SHORT, ..Limits::default() };
    let service = start(Duration::ZERO, limits);
    let slow_body = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nslow";
    let begun = Instant::now();
    let answer = send(service.address, slow_body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.code()), (408, "too-slow".to_owned()));
    assert!(begun.elapsed() >= SHORT);
    for head in ["", "GET /health HT", "GET /health HTTP/1.1\r\nHost: t"] {
        let mut stream = connect(service.address);
        stream.write_all(head.as_bytes()).unwrap();
        let begun = Instant::now();
        assert!(read(&mut stream).is_none_or(|answer| answer.status == 408), "{head}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{head}");
    }
    assert_eq!(get(service.address, "/health").status, 200);
}

#[test]
fn clients_that_do_not_take_their_answers_are_cut_off() {
    let limits =
        Limits { write: SHORT, connections: 1, head: Duration::from_secs(60), ..Limits::default() };
    let service = start(Duration::ZERO, limits);
    let mut greedy = connect(service.address);
    // Asks for far more than the buffers between the two hold, and takes nothing.
    let ask = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(20_000);
    greedy.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = greedy.write_all(&ask);
    // The only place is free again.
    assert_eq!(get(service.address, "/health").status, 200);
}

#[test]
fn more_connections_than_places_wait_for_one() {
    let limits = Limits { connections: 2, head: SHORT, ..Limits::default() };
    let service = start(Duration::ZERO, limits);
    let idle: Vec<_> = (0..6).map(|_| connect(service.address)).collect();
    assert_eq!(get(service.address, "/health").status, 200, "those that say nothing are cut off");
    drop(idle);
}

#[test]
fn an_answer_that_takes_too_long_is_refused() {
    let limits = Limits { answer: SHORT, batch_images: 1, ..Limits::default() };
    let service = start(2 * SHORT, limits);
    let answer = predict(service.address, &wide(20));
    assert_eq!((answer.status, answer.code()), (503, "busy".to_owned()));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn being_stopped_finishes_what_is_in_hand_and_takes_nothing_new() {
    let service = start(Duration::from_secs(1), Limits::default());
    let address = service.address;
    let mut idle = connect(address);
    let client = thread::spawn(move || {
        let mut stream = connect(address);
        stream.write_all(&post("image/png", &wide(20))).unwrap();
        read(&mut stream)
    });
    wait_for(address, "tcolz_in_hand_images 1");
    assert_eq!(service.stop(), 0, "nobody is cut off");
    let answer = client.join().unwrap().expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(read(&mut idle).is_none(), "connections without a request are closed");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn being_stopped_waits_only_so_long_for_clients_that_do_not_end() {
    let limits = Limits { grace: SHORT, ..Limits::default() };
    let service = start(Duration::ZERO, limits);
    let mut slow = connect(service.address);
    let head = "POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nslow";
    slow.write_all(head.as_bytes()).unwrap();
    // It, and the one that asks.
    wait_for(service.address, "tcolz_connections 2");
    let begun = Instant::now();
    assert_eq!(service.stop(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

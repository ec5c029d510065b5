//! Promise: what HTTP allows and clients seldom send is answered, and no more is read than will be used.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use tcolz_serve::Limits;

use crate::client::{connect, get, predict, read, send};
use crate::limits::wait_for;
use crate::service::{Obedient, Service, wide};

fn with_head(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /predict HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked_only_where_it_will_be_read() {
    let limits = Limits { body_bytes: 10_000, ..Limits::default() };
    let service = Service::start(Obedient::new(), limits);
    let image = wide(20);
    let mut polite = connect(service.address);
    let head = format!("Expect: 100-continue\r\nContent-Length: {}", image.len());
    polite.write_all(&with_head(&head, b"")).unwrap();
    let mut asked = [0; 25];
    polite.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    polite.write_all(&image).unwrap();
    assert_eq!(read(&mut polite).unwrap().status, 200);
    let long = with_head("Expect: 100-continue\r\nContent-Length: 10001", b"");
    assert_eq!(send(service.address, &long).unwrap().status, 413, "and not asked");
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let limits = Limits { body_bytes: 100_000, ..Limits::default() };
    let service = Service::start(Obedient::new(), limits);
    let chunk = [&b"2000\r\n"[..], &[7; 0x2000], b"\r\n"].concat();
    let endless = with_head("Transfer-Encoding: chunked", &chunk.repeat(100));
    let answer = send(service.address, &endless).unwrap();
    assert_eq!((answer.status, answer.code()), (413, "too-long".to_owned()));
    // A length that the chunks go beyond.
    let end = b"0\r\n\r\n".to_vec();
    let longer = [chunk.repeat(2), end].concat();
    let both = with_head("Content-Length: 5\r\nTransfer-Encoding: chunked", &longer);
    assert_eq!(send(service.address, &both).unwrap().status, 415, "the chunks are what counts");
    assert_eq!(predict(service.address, &wide(20)).status, 200);
}

#[test]
fn heads_of_parts_without_end_are_refused_early() {
    let service = Service::start(Obedient::new(), Limits::default());
    let kind = "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked";
    for begin in ["--x\r\nContent-Disposition: form-data; name=\"file\"\r\nX: ", "no boundary "] {
        let mut stream = connect(service.address);
        let chunk = [b"1000\r\n".as_slice(), &[b'y'; 0x1000], b"\r\n"].concat();
        let begin = format!("{:x}\r\n{begin}\r\n", begin.len());
        stream.write_all(&with_head(kind, begin.as_bytes())).unwrap();
        let begun = Instant::now();
        // 4 MB, a fifth of what a body may have.
        for _ in 0..1000 {
            if stream.write_all(&chunk).is_err() {
                break;
            }
        }
        let answer = read(&mut stream).unwrap();
        assert_eq!((answer.status, answer.code()), (400, "malformed".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_client_that_goes_away_while_it_is_worked_for_leaves_nothing_behind() {
    let (classifier, gate) = Obedient::held();
    let service = Service::start(classifier, Limits { batch_images: 1, ..Limits::default() });
    let address = service.address;
    let image = wide(20);
    let head = format!("Content-Length: {}", image.len());
    for ends in [Shutdown::Write, Shutdown::Both] {
        let mut stream = connect(address);
        stream.write_all(&with_head(&head, &image)).unwrap();
        stream.shutdown(ends).unwrap();
        if ends == Shutdown::Write {
            assert!(read(&mut stream).is_none(), "half a connection is taken for none");
        }
    }
    // The one that asks.
    wait_for(address, "tcolz_connections 1");
    gate.open();
    wait_for(address, "tcolz_in_hand_images 0");
    wait_for(address, "tcolz_upload_bytes 0");
    assert_eq!(get(address, "/health").status, 200);
}

//! A small HTTP client that can also misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for bytes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection from this address of this machine.
#[cfg(target_os = "linux")]
pub(crate) fn connect_from(client: [u8; 4], address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((client, 0))).unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads one answer; `None` where the connection was closed or reset instead.
pub(crate) fn read(stream: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
            Ok(_) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer within {PATIENCE:?}")
            }
            Err(_) => return None,
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let mut response = Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: bytes.split_off(end + 4),
    };
    let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
    while response.body.len() < length {
        match stream.read(&mut buffer).unwrap() {
            0 => panic!("an answer that ends too early: {response:?}"),
            read => response.body.extend_from_slice(&buffer[..read]),
        }
    }
    assert_eq!(response.body.len(), length, "one answer at a time");
    Some(response)
}

/// Sends bytes on a connection of their own. The service may answer before it has read all.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Option<Response> {
    let mut stream = connect(address);
    let _ = stream.write_all(request);
    read(&mut stream)
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    send(address, request.as_bytes()).unwrap()
}

/// A request with a body.
pub(crate) fn post(kind: &str, body: &[u8]) -> Vec<u8> {
    let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    let length = body.len();
    let head = format!(
        "POST /predict HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends an image as the whole body.
pub(crate) fn predict(address: SocketAddr, image: &[u8]) -> Response {
    send(address, &post("image/jpeg", image)).unwrap()
}

pub(crate) const BOUNDARY: &str = "a-boundary-of-the-tests";

pub(crate) fn multipart_kind() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A multipart body of parts: field, name of the file, bytes.
pub(crate) fn multipart(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, bytes) in parts {
        write!(
            body,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n"
        )
        .unwrap();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    write!(body, "--{BOUNDARY}--\r\n").unwrap();
    body
}

/// Sends images as parts `file`.
pub(crate) fn predict_all(address: SocketAddr, images: &[(&str, &[u8])]) -> Response {
    let parts: Vec<_> = images.iter().map(|(name, bytes)| ("file", *name, *bytes)).collect();
    send(address, &post(&multipart_kind(), &multipart(&parts))).unwrap()
}

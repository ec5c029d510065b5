//! Where the service listens, and its limits.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::ServeError;

/// Only this machine: there is neither a password nor encryption.
pub const DEFAULT_BIND: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// What a service is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Address and port; port 0 takes any free one.
    pub bind: SocketAddr,
    /// Names and addresses by which clients may ask, beside `localhost`, loopback addresses and the one of `bind` (any
    /// address, where that is unspecified). Requests to others are refused.
    pub hosts: Vec<String>,
    /// The name of the model in the answers, such as its file's.
    pub name: String,
    /// What clients may take.
    pub limits: Limits,
}

impl ServeOptions {
    /// A service of this name on [`DEFAULT_BIND`].
    pub fn new(name: impl Into<String>) -> ServeOptions {
        ServeOptions {
            bind: DEFAULT_BIND,
            hosts: Vec::new(),
            name: name.into(),
            limits: Limits::default(),
        }
    }
}

/// What clients may take. Together they bound the memory ([`Server::most_memory_bytes`](super::Server::most_memory_bytes)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body of one request. Photos of phones are 2 to 8 MB.
    pub body_bytes: usize,
    /// Images in one request; never more than the queue takes.
    pub request_images: usize,
    /// Bytes of all bodies that are held at a time; more are refused with 503. Slow ones make room for others.
    pub upload_bytes: usize,
    /// Images that are waiting or being worked on; more are refused with 503, first those of the client with the most.
    pub queue_images: usize,
    /// Connections at a time. For one more, one from which no request is at hand is closed; where there is none it waits in
    /// the system's backlog.
    pub connections: usize,
    /// Time for the head of a request to arrive, and for an idle connection to send its next one.
    pub head: Duration,
    /// Time for the body of a request to arrive: what is slower is cut off.
    pub body: Duration,
    /// Time from the body's end to the answer; later ones are refused with 503.
    pub answer: Duration,
    /// Time for a client to take what it asked for.
    pub write: Duration,
    /// Time for what is in hand when the service is stopped.
    pub grace: Duration,
    /// Images that are inferred together. More cost memory and gain little.
    pub batch_images: usize,
    /// How long a decoded image waits for others that are still being decoded. Alone it never waits.
    pub batch_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes: 20_000_000,
            request_images: 32,
            upload_bytes: 256_000_000,
            queue_images: 128,
            connections: 512,
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            answer: Duration::from_secs(30),
            write: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            batch_images: 16,
            batch_wait: Duration::from_millis(4),
        }
    }
}

impl Limits {
    /// Tests that something can be served within them.
    ///
    /// # Errors
    /// [`ServeError::Limit`].
    pub(super) fn check(&self) -> Result<(), ServeError> {
        let least = [
            (self.body_bytes, "bytes of a body"),
            (self.request_images, "images of a request"),
            (self.queue_images, "images in the queue"),
            (self.connections, "connections"),
            (self.batch_images, "images of a batch"),
        ];
        if let Some((_, what)) = least.iter().find(|(limit, _)| *limit == 0) {
            return Err(ServeError::Limit(format!("expected at least 1 for {what}, found 0")));
        }
        if self.upload_bytes < self.body_bytes {
            return Err(ServeError::Limit(format!(
                "one body may be of {} bytes, but all of them together only of {}",
                self.body_bytes, self.upload_bytes
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_leave_no_room_are_refused_in_words() {
        Limits::default().check().unwrap();
        let said = |limits: Limits| limits.check().unwrap_err().to_string();
        let none = Limits { queue_images: 0, ..Limits::default() };
        assert!(said(none).contains("images in the queue"));
        let small = Limits { upload_bytes: 10, ..Limits::default() };
        assert!(said(small).contains("only of 10"));
    }

    #[test]
    fn only_this_machine_is_served_unless_asked_otherwise() {
        assert!(DEFAULT_BIND.ip().is_loopback());
    }
}

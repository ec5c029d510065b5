//! Which requests are meant for this service: those that name it, and no other site's.
//!
//! A page of another site may make its name lead to this machine (DNS rebinding) and then ask here as if it were its own
//! service. Such a request still carries the page's name as its `Host`, so names are answered only where they are known.
//! An address cannot be made to lead elsewhere. What a page sends to a service that is not its own carries its `Origin`.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::ServeError;
use super::refusal::Refusal;
use tcolz_base::door::given;

/// Characters of a name that are given back in an answer.
const NAME_CHARACTERS: usize = 100;

/// The hosts that a service answers to.
#[derive(Debug)]
pub(super) struct Hosts {
    bound: IpAddr,
    /// Names and addresses beside its own, as [`plain`] writes them.
    named: Vec<String>,
}

impl Hosts {
    /// A service at this address, which answers to these names, too.
    ///
    /// # Errors
    /// [`ServeError::Host`] for what is neither a name nor an address.
    pub(super) fn new(bound: IpAddr, named: &[String]) -> Result<Hosts, ServeError> {
        let named = named.iter().map(|name| {
            let plain = plain(name);
            let is_name = |plain: &str| {
                !plain.is_empty()
                    && plain
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
            };
            let known = plain.parse::<IpAddr>().is_ok() || is_name(&plain);
            known.then_some(plain).ok_or_else(|| ServeError::Host(name.clone()))
        });
        Ok(Hosts { bound, named: named.collect::<Result<_, _>>()? })
    }

    /// Looks at the head of a request.
    ///
    /// # Errors
    /// A [`Refusal`] of a request to another host, and of one that another site's page sends.
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        let host = match headers.get(header::HOST) {
            Some(_) => Some(authority(headers, header::HOST)?),
            // No browser sends a request without one.
            None => None,
        };
        // A proxy's form of a request, which goes before the header.
        let whole = request.uri().authority();
        for host in host.iter().chain(whole) {
            if !self.knows(host) {
                return Err(wrong_host(host));
            }
        }
        if *request.method() != Method::POST || !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        // `null`, of a page that has no site, is none of ours either.
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let origin = origin.and_then(|origin| origin.split_once("://"));
        let origin = origin.and_then(|(_, site)| site.parse::<Authority>().ok());
        let own = origin.as_ref().is_some_and(|origin| {
            whole.or(host.as_ref()) == Some(origin) || self.named.contains(&plain(origin.host()))
        });
        if own { Ok(()) } else { Err(foreign(origin.as_ref())) }
    }

    fn knows(&self, host: &Authority) -> bool {
        let name = plain(host.host());
        let own = match name.parse::<IpAddr>() {
            Ok(address) => {
                self.bound.is_unspecified() || address.is_loopback() || address == self.bound
            }
            Err(_) => name == "localhost",
        };
        own || self.named.contains(&name)
    }
}

/// A name in lower case without the dot that may end it, an address without brackets.
fn plain(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

/// The only header of this name.
fn authority(headers: &HeaderMap, name: HeaderName) -> Result<Authority, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()?.parse::<Authority>().ok());
    match (value, values.next()) {
        (Some(authority), None) if !authority.as_str().contains('@') => Ok(authority),
        _ => {
            let message = "expected one host in the head of the request";
            Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", message).closing())
        }
    }
}

fn wrong_host(host: &Authority) -> Refusal {
    let name: String = plain(host.host()).chars().take(NAME_CHARACTERS).collect();
    let message = format!(
        "this service does not answer to the name `{name}`: ask by its address, or start it with {}",
        given("hosts", &name)
    );
    Refusal::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", message).closing()
}

fn foreign(origin: Option<&Authority>) -> Refusal {
    let message = match origin.map(|origin| plain(origin.host())) {
        Some(name) => {
            let name: String = name.chars().take(NAME_CHARACTERS).collect();
            format!(
                "a page of `{name}` may not send photos here, unless the service is started with {}",
                given("hosts", &name)
            )
        }
        None => "a page without a site of its own may not send photos here".to_owned(),
    };
    Refusal::new(StatusCode::FORBIDDEN, "foreign-origin", message).closing()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn status(hosts: &Hosts, method: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri("/predict");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match hosts.check(&request.body(Body::empty()).unwrap()) {
            Ok(()) => 200,
            Err(refusal) => refusal.status.as_u16(),
        }
    }

    fn hosts(bound: &str, named: &[&str]) -> Hosts {
        let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
        Hosts::new(bound.parse().unwrap(), &named).unwrap()
    }

    #[test]
    fn names_are_answered_only_where_they_are_known() {
        let own = hosts("192.0.2.7", &["Photos.Example", "198.51.100.9", "2001:db8::9"]);
        let get = |hosts: &Hosts, host| status(hosts, "GET", &[("host", host)]);
        for known in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:5000",
            "192.0.2.7",
            "photos.example:443",
            "photos.example.",
            "198.51.100.9",
            "[2001:db8::9]:5000",
        ] {
            assert_eq!(get(&own, known), 200, "{known}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "photos.example.evil.example",
            "192.0.2.8",
            "[2001:db8::7]",
            "127.0.0.1.evil.example",
            "2130706433",
        ] {
            assert_eq!(get(&own, other), 421, "{other}");
        }
        for broken in ["", "a b", "[::1", "user@localhost"] {
            assert_eq!(get(&own, broken), 400, "{broken}");
        }
        assert_eq!(status(&own, "GET", &[("host", "localhost"), ("host", "evil.example")]), 400);
        assert_eq!(status(&own, "GET", &[]), 200, "no browser asks without a host");
        let all = hosts("0.0.0.0", &[]);
        assert_eq!((get(&all, "10.1.2.3:5000"), get(&all, "evil.example")), (200, 421));
    }

    #[test]
    fn the_target_of_a_request_counts_as_its_host() {
        let own = hosts("127.0.0.1", &[]);
        let request = |target: &str| {
            let request = Request::builder().uri(target).header("host", "localhost");
            own.check(&request.body(Body::empty()).unwrap()).is_ok()
        };
        assert!(request("http://localhost/model") && !request("http://evil.example/model"));
    }

    #[test]
    fn only_pages_of_its_own_send_photos() {
        let own = hosts("127.0.0.1", &["photos.example"]);
        let post = |origin| status(&own, "POST", &[("host", "localhost:5000"), ("origin", origin)]);
        assert_eq!((post("http://localhost:5000"), post("https://photos.example")), (200, 200));
        for foreign in [
            "http://localhost:3000",
            "http://evil.example",
            "https://photos.example.evil.example",
            "null",
            "",
            "http://127.0.0.1:5000",
        ] {
            assert_eq!(post(foreign), 403, "{foreign}");
        }
        let get = [("host", "localhost"), ("origin", "http://evil.example")];
        assert_eq!(status(&own, "GET", &get), 200, "what it asks for it cannot read");
        assert_eq!(status(&own, "POST", &get[..1]), 200, "not a browser");
    }

    #[test]
    fn what_is_no_host_is_refused_at_once() {
        for wrong in ["http://x", "x:80", "a b", "", ".", "*", "x/y", "u@x"] {
            let error = Hosts::new(IpAddr::from([127, 0, 0, 1]), &[wrong.to_owned()]);
            assert!(error.unwrap_err().to_string().contains("`hosts`: expected a name"), "{wrong}");
        }
    }
}

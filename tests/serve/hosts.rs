//! Promise: no page of another site reads what the service knows, or has it work.

use crate::client::{Response, send};
use crate::command::serve;
use crate::common::photo;
use crate::service::{save_model, shared};

/// A request with these lines in its head.
fn ask(method: &str, path: &str, lines: &[&str]) -> Response {
    let image = photo(1, 30, 20);
    let body = if method == "POST" { &image[..] } else { b"" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{}\r\nContent-Length: {}\r\n\r\n",
        lines.join("\r\n"),
        body.len()
    );
    send(shared(), &[head.as_bytes(), body].concat()).unwrap()
}

#[test]
fn a_name_that_leads_here_by_dns_rebinding_reads_nothing() {
    for path in ["/", "/model", "/metrics", "/health", "/samples/0.jpg"] {
        let answer = ask("GET", path, &["Host: evil.example:5000"]);
        assert_eq!((answer.status, answer.code()), (421, "wrong-host".to_owned()), "{path}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("`hosts: evil.example`"), "{message}");
    }
    let answer = ask("POST", "/predict", &["Host: evil.example", "Origin: http://evil.example"]);
    assert_eq!(answer.status, 421);
    let port = shared().port();
    for own in ["localhost", "127.0.0.1", "[::1]", &format!("127.0.0.1:{port}")] {
        assert_eq!(ask("GET", "/model", &[&format!("Host: {own}")]).status, 200, "{own}");
    }
}

#[test]
fn pages_of_other_sites_have_no_photo_looked_at() {
    let host = format!("Host: {}", shared());
    let from = |path: &str, origin: &str| ask("POST", path, &[&host, &format!("Origin: {origin}")]);
    let own = format!("http://{}", shared());
    for path in ["/predict", "/map"] {
        for foreign in ["http://evil.example", "null", "http://127.0.0.1:1"] {
            let answer = from(path, foreign);
            assert_eq!((answer.status, answer.code()), (403, "foreign-origin".to_owned()));
        }
        assert_eq!(from(path, &own).status, 200, "its own page");
        assert_eq!(ask("POST", path, &[&host]).status, 200, "no browser");
    }
}

#[test]
fn the_command_answers_to_the_names_that_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let model = save_model(folder.path());
    let arguments = ["--host", "Photos.Example", "--host", "2001:db8::7"];
    let (_process, address, _) = serve(&model, &arguments);
    let status = |host: &str| {
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n");
        send(address, request.as_bytes()).unwrap().status
    };
    let of = ["photos.example", "[2001:DB8::7]:80", "localhost", "other.example"].map(status);
    assert_eq!(of, [200, 200, 200, 421]);
    let output =
        crate::common::tcolz().arg("serve").arg(&model).args(["--host", "http://x"]).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("--host: expected a name or an address"), "{said}");
}

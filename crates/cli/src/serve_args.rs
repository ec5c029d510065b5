//! The arguments of `tcolz serve`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use tcolz_serve::{DEFAULT_BIND, Limits};
use tcolz_train::DeviceChoice;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz serve runs/NAME                        then open http://127.0.0.1:5000/\n  curl -F file=@photo.jpg http://127.0.0.1:5000/predict\n  curl --data-binary @photo.jpg http://127.0.0.1:5000/predict | jq .label\n\nPaths: / (the page), POST /predict, /model, /health, /metrics (Prometheus). An answer holds the label, a probability for each class, recovered_share (below 1 for a truncated photo) and notes. Uploads are held in memory only, and the most memory that it takes is printed at the start. What is too much at a time gets 503 and when to come back; the client that has the most is the first to get it. Ctrl-C or SIGTERM finishes what is in hand. Whoever reaches the address may use it: only this machine does unless --bind says otherwise. It is asked by address or as localhost; behind a proxy, or by any other name, it needs --host NAME."
)]
pub(crate) struct ServeArgs {
    /// The folder of a run, or a model file
    pub(crate) model: PathBuf,
    /// Port, or address and port; port 0 takes any free one
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value_t = DEFAULT_BIND, value_parser = parse_bind)]
    pub(crate) bind: SocketAddr,
    /// A name by which clients ask, such as photos.example; may be given several times. Addresses of --bind and localhost
    /// are answered always, other names never
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Longest body of a request, in MB (1,000,000 bytes)
    #[arg(long = "max-body-mb", value_name = "MB", default_value = "20", value_parser = parse_body_megabytes)]
    pub(crate) max_body: usize,
    /// Images that may wait or be worked on; more are refused, first those of the client with the most
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue_images, value_parser = parse_at_least_one)]
    pub(crate) queue: usize,
    /// Connections at a time; for one more, one that sends no request is closed
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, value_parser = parse_at_least_one)]
    pub(crate) connections: usize,
    /// Give no label to truncated photos; else they get one with a note, unless the model's recipe refuses them
    #[arg(long)]
    pub(crate) refuse_truncated: bool,
    /// Where the network computes: auto (a GPU where there is one), cpu, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = |text: &str| text.parse::<DeviceChoice>())]
    pub(crate) device: DeviceChoice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A port alone is one of this machine only, as by default; names are looked up.
fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    const EXPECTED: &str = "expected a port, or an address and a port, such as 127.0.0.1:5000";
    let text = text.trim();
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(DEFAULT_BIND.ip(), port));
    }
    let named = text
        .rsplit_once(':')
        .filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let Some((host, _)) = named else { return Err(EXPECTED.to_owned()) };
    let found = text
        .to_socket_addrs()
        .map_err(|_unknown| format!("this machine knows no address of `{host}`; {EXPECTED}"))?;
    // As most clients do, where a name has both.
    let found: Vec<_> = found.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| EXPECTED.to_owned())
}

fn parse_body_megabytes(text: &str) -> Result<usize, String> {
    match text.trim().parse::<f64>() {
        Ok(megabytes) if (0.001..=1000.0).contains(&megabytes) => Ok((megabytes * 1e6) as usize),
        _ => Err("expected megabytes, 0.001 to 1000".to_owned()),
    }
}

fn parse_at_least_one(text: &str) -> Result<usize, String> {
    match text.trim().parse::<usize>() {
        Ok(number @ 1..=100_000) => Ok(number),
        _ => Err("expected a number from 1 to 100000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine_and_names_are_looked_up() {
        let bind = |text: &str| parse_bind(text).unwrap().to_string();
        assert_eq!(bind("5000"), "127.0.0.1:5000");
        assert_eq!(bind("0"), "127.0.0.1:0");
        assert_eq!(bind("localhost:5001"), "127.0.0.1:5001");
        assert_eq!(bind("0.0.0.0:80"), "0.0.0.0:80");
        assert_eq!(bind("[::1]:5000"), "[::1]:5000");
        for wrong in
            ["x", "localhost", "127.0.0.1", ":5000", "127.0.0.1:99999", "99999", "a:b", "::1", ""]
        {
            let error = parse_bind(wrong).unwrap_err();
            assert!(
                error.contains("expected a port, or an address and a port"),
                "{wrong}: {error}"
            );
        }
        let error = parse_bind("no-such-host.invalid:5000").unwrap_err();
        assert!(error.contains("no address of `no-such-host.invalid`"), "{error}");
    }
}

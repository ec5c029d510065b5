//! The arguments of `tcolz serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use tcolz::serve::{DEFAULT_BIND, Limits};
use tcolz::train::DeviceChoice;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tcolz serve runs/NAME                        then open http://127.0.0.1:5000/\n  curl -F file=@photo.jpg http://127.0.0.1:5000/predict\n  curl --data-binary @photo.jpg http://127.0.0.1:5000/predict | jq .label\n\nPaths: / (the page), POST /predict, /model, /health, /metrics (Prometheus). Uploads are held in memory only. What is too much at a time gets 503 and when to come back. Ctrl-C or SIGTERM finishes what is in hand. Whoever reaches the address may use it: only this machine does unless --bind says otherwise."
)]
pub(crate) struct ServeArgs {
    /// The folder of a run, or a model file
    pub(crate) model: PathBuf,
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = DEFAULT_BIND)]
    pub(crate) bind: SocketAddr,
    /// Longest body of a request, in MB (1,000,000 bytes)
    #[arg(long = "max-body-mb", value_name = "MB", default_value = "20", value_parser = parse_body_megabytes)]
    pub(crate) max_body: usize,
    /// Images that may wait or be worked on; more are refused
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue_images, value_parser = parse_at_least_one)]
    pub(crate) queue: usize,
    /// Connections at a time; more have to wait
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, value_parser = parse_at_least_one)]
    pub(crate) connections: usize,
    /// Where the network computes: auto (a GPU where there is one), cpu, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = |text: &str| text.parse::<DeviceChoice>())]
    pub(crate) device: DeviceChoice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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

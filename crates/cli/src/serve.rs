//! `tcolz serve`: the micro-service and its page.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use serde_json::json;
use tcolz_predict::Predictor;
use tcolz_serve::{Limits, ServeOptions, Server, Stopper};
use tcolz_train::evaluate::find_model;
use tcolz_train::open_device;

use super::ending::Ending;
use super::output::{one_line, plural, print, say, say_no_gpu};
use super::serve_args::ServeArgs;

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Ending> {
    let (file, model) = find_model(&args.model, Path::new("DATASET"))?;
    let defaults = Limits::default();
    let mut options = ServeOptions::new(name(&file));
    options.bind = args.bind;
    options.hosts = args.host.clone();
    options.limits = Limits {
        body_bytes: args.max_body,
        upload_bytes: defaults.upload_bytes.max(4 * args.max_body),
        queue_images: args.queue,
        connections: args.connections,
        ..defaults
    };
    say_no_gpu(args.device);
    let mut predictor = Predictor::new(&model, &open_device(args.device)?)?;
    drop(model);
    if args.refuse_truncated {
        predictor = predictor.refusing_truncated();
    }
    let predictor = Arc::new(predictor);
    let network = predictor.facts().network.name();
    let server = Server::bind(&options, predictor)?;
    stop_on_signal(server.stopper())?;
    let address = server.address();
    let most_memory_bytes = server.most_memory_bytes();
    if args.json {
        let listening = json!({
            "event": "listening",
            "address": address,
            "model": options.name,
            "most_memory_bytes": most_memory_bytes,
        });
        print(&format!("{listening}\n"));
    } else {
        let memory = most_memory_bytes
            .map(|bytes| format!("takes at most {} MB of memory\n", bytes / 1_000_000));
        print(&format!(
            "{} ({network}) is served at http://{address}/\n{}stop with Ctrl-C\n",
            one_line(&options.name),
            memory.unwrap_or_default()
        ));
    }
    if !address.ip().is_loopback() {
        say!(
            "warning: {address} can be reached from other machines, without a password and without encryption"
        );
    }
    let cut_off = server.run();
    if cut_off > 0 {
        say!("{} took too long and had to be cut off", plural(cut_off as u64, "connection"));
    }
    Ok(Ending::Done)
}

/// What a model is called: by its file, or by its run, whose best model every run calls the same.
fn name(file: &Path) -> String {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let run = whole.parent().and_then(Path::file_name);
    let name = match (whole.file_stem(), run) {
        (Some(stem), Some(run)) if stem == "best" => run,
        (stem, _) => stem.unwrap_or(whole.as_os_str()),
    };
    name.to_string_lossy().into_owned()
}

/// The first Ctrl-C (or SIGTERM) finishes what is in hand, the second ends at once.
fn stop_on_signal(stopper: Stopper) -> anyhow::Result<()> {
    let again = Arc::new(AtomicBool::new(false));
    ctrlc::set_handler(move || {
        if again.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        say!("");
        say!("finishing what is in hand; Ctrl-C again stops at once");
        stopper.stop();
    })
    .context("Ctrl-C cannot be watched for")
}

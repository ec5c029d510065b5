//! The page in a real Chromium, driven by `tests/browser/`: `make test-browser`.

use std::path::Path;
use std::process::Command;

use tcolz_serve::Limits;

use crate::service::{Service, predictor};

#[test]
#[ignore = "needs Chromium and Node.js: make test-browser"]
fn the_page_works_in_a_browser() {
    let service = Service::start(predictor(), Limits::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "page.test.mjs"])
        .current_dir(folder)
        .env("TCOLZ_URL", format!("http://{}", service.address))
        .status()
        .unwrap();
    assert!(status.success());
}

//! What is answered when all is well, and in which words when it is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use candle_core::Device;
use serde_json::Value;
use tcolz_predict::Predictor;
use tcolz_serve::Limits;

use crate::client::{get, multipart, multipart_kind, post, predict, predict_all, send};
use crate::common::photo;
use crate::service::{Service, shared, small_model};

fn probabilities(answer: &Value) -> [f64; 3] {
    ["negative", "neutral", "positive"].map(|class| answer[class].as_f64().unwrap())
}

#[test]
fn a_photo_gets_a_probability_for_each_class_and_the_likeliest_as_its_label() {
    let answer = predict(shared(), &photo(3, 90, 70));
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let found = probabilities(&json);
    assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{json}");
    let most = found.iter().copied().fold(0.0, f64::max);
    assert_eq!(json[json["label"].as_str().unwrap()].as_f64(), Some(most));
    assert_eq!(json["model"], "small");
    assert!(json["milliseconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_whole_body_and_a_part_of_a_form_are_the_same_to_it() {
    let image = photo(4, 64, 90);
    let raw = predict(shared(), &image).json();
    let form = predict_all(shared(), &[("cat.png", &image)]).json();
    assert_eq!(probabilities(&raw), probabilities(&form));
    assert_eq!((&form["file"], raw.get("file")), (&Value::from("cat.png"), None));
    // What curl says of --data-binary.
    let curl = send(shared(), &post("application/x-www-form-urlencoded", &image)).unwrap();
    assert_eq!(probabilities(&raw), probabilities(&curl.json()));
    let unnamed = send(shared(), &post("", &image)).unwrap();
    assert_eq!(probabilities(&raw), probabilities(&unnamed.json()));
}

#[test]
fn several_photos_get_an_answer_each_in_their_order() {
    let images: Vec<_> = (0..5).map(|number| photo(number, 50 + 9 * number, 60)).collect();
    let names = ["a", "b", "c", "d", "e"];
    let parts: Vec<_> = names.iter().zip(&images).map(|(&name, image)| (name, &**image)).collect();
    let answer = predict_all(shared(), &parts);
    assert_eq!(answer.status, 200);
    let json = answer.json();
    for (number, image) in images.iter().enumerate() {
        let together = &json["images"][number];
        assert_eq!(together["file"], names[number]);
        let alone = predict(shared(), image).json();
        for (a, b) in probabilities(together).iter().zip(probabilities(&alone)) {
            assert!((a - b).abs() < 1e-5, "{json}");
        }
    }
}

#[test]
fn a_bad_photo_among_good_ones_gets_a_reason_and_the_others_their_labels() {
    let good = photo(1, 40, 40);
    let answer = predict_all(shared(), &[("good", &good), ("bad", b"GIF89a but no more")]);
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert!(json["images"][0]["label"].is_string(), "{json}");
    assert!(json["images"][1]["error"]["message"].is_string(), "{json}");
    let all_bad = predict_all(shared(), &[("x", b"what"), ("y", b"GIF89a but no more")]);
    assert_eq!(
        (all_bad.status, all_bad.code()),
        (415, "unknown-format".to_owned()),
        "the first one's"
    );
}

#[test]
fn what_is_no_whole_photo_gets_a_status_a_code_and_a_sentence() {
    let png = photo(2, 300, 200);
    // An IHDR that claims 60,000 × 60,000 pixels.
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let crc = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let cases: [(&[u8], u16, &str); 6] = [
        (b"<!DOCTYPE html><p>", 415, "unknown-format"),
        (b"\xFF\xD8\xFF", 422, ""),
        (&png[..png.len() / 2], 422, "truncated"),
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0", 422, ""),
        (&huge, 413, "too-many-pixels"),
        (b"", 400, "no-file"),
    ];
    for (body, status, code) in cases {
        let answer = predict(shared(), body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(code.is_empty() || answer.code() == code, "{answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("expected"), "{message}");
    }
    let empty = predict_all(shared(), &[("nothing", b"")]);
    assert_eq!((empty.status, empty.code()), (400, "empty".to_owned()));
    let other = send(shared(), &post(&multipart_kind(), &multipart(&[("photo", "a", &png)])));
    assert_eq!(other.unwrap().code(), "no-file");
}

/// As `tcolz predict` does, and `tcolz convert` stores it.
#[test]
fn a_truncated_photo_gets_its_label_with_a_note_and_none_where_that_is_asked_for() {
    let whole = tcolz_demo::photo(1, 2, (320, 240)).unwrap();
    let cut = &whole[..whole.len() / 2];
    let answer = predict(shared(), cut);
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let share = json["recovered_share"].as_f64().unwrap();
    assert!((0.1..0.9).contains(&share) && json["label"].is_string(), "{json}");
    let note = json["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("truncated: ") && note.ends_with(" % of its rows are there"),
        "{note}"
    );
    let sound = predict(shared(), &whole).json();
    assert_eq!((&sound["recovered_share"], &sound["notes"]), (&1.0.into(), &Value::Array(vec![])));
    let both = predict_all(shared(), &[("whole", &whole), ("cut", cut)]).json();
    assert_eq!(both["images"][0]["notes"], sound["notes"]);
    assert_eq!(both["images"][1]["notes"], json["notes"]);

    let model = Predictor::new(&small_model(), &Device::Cpu).unwrap().refusing_truncated();
    let strict = Service::start(Arc::new(model), Limits::default());
    let refused = predict(strict.address, cut);
    assert_eq!((refused.status, refused.code()), (422, "truncated".to_owned()));
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("expected a whole jpeg file") && message.contains("% of its rows"),
        "{message}"
    );
    assert_eq!(predict(strict.address, &whole).status, 200);
}

/// The CRC of PNG's chunks (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn health_model_and_metrics_tell_what_they_should() {
    let address = shared();
    predict(address, &photo(5, 40, 40));
    predict(address, b"no photo");
    assert_eq!(get(address, "/health").json()["status"], "ok");
    let model = get(address, "/model").json();
    assert_eq!(model["classes"], serde_json::json!(["negative", "neutral", "positive"]));
    assert_eq!((&model["recipe"]["sizes"][0], &model["size"]), (&64.into(), &64.into()));
    let metrics = get(address, "/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(metrics.body).unwrap();
    for name in [
        "tcolz_requests_total{path=\"/predict\",status=\"200\"}",
        "tcolz_requests_total{path=\"/predict\",status=\"415\"}",
        "tcolz_images_total{result=\"labelled\"}",
        "tcolz_images_total{result=\"unknown-format\"}",
        "tcolz_predict_seconds_bucket",
        "tcolz_batch_images_count",
        "tcolz_in_hand_images",
        "tcolz_connections",
        "tcolz_upload_bytes",
        "tcolz_memory_bytes",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn the_page_may_load_nothing_but_itself_and_every_answer_says_so() {
    let page = get(shared(), "/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("style-src 'sha256-"));
    for rule in [
        "default-src 'none'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "media-src blob: mediastream:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|found| found == rule), "{rule}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'));
    for path in ["/", "/model", "/samples/0.jpg", "/nothing", "/metrics", "/predict"] {
        let answer = get(shared(), path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("deny"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn sample_images_are_photos_that_it_can_label() {
    let count = get(shared(), "/model").json()["samples"].as_u64().unwrap();
    let samples: BTreeSet<Vec<u8>> =
        (0..count).map(|number| get(shared(), &format!("/samples/{number}.jpg")).body).collect();
    assert_eq!(samples.len() as u64, count, "each is another one");
    assert!(samples.iter().all(|sample| predict(shared(), sample).status == 200));
    assert_eq!(get(shared(), &format!("/samples/{count}.jpg")).status, 404);
}

#[test]
fn wrong_paths_and_methods_are_answered_in_json() {
    let missing = get(shared(), "/predictions");
    assert_eq!((missing.status, missing.code()), (404, "no-such-page".to_owned()));
    let wrong = get(shared(), "/predict");
    assert_eq!((wrong.status, wrong.code()), (405, "wrong-method".to_owned()));
    assert_eq!(wrong.header("allow"), Some("post"));
}

#[test]
fn a_map_says_for_each_part_what_the_label_loses_without_it() {
    let image = photo(6, 130, 90);
    let map = |body: &[u8]| {
        let request = post("image/png", body);
        send(shared(), &[b"POST /map", &request[b"POST /predict".len()..]].concat()).unwrap()
    };
    let answer = map(&image);
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let alone = predict(shared(), &image).json();
    assert_eq!(json["label"], alone["label"]);
    for (a, b) in probabilities(&json).iter().zip(probabilities(&alone)) {
        assert!((a - b).abs() < 1e-5, "{json}");
    }
    let rows = json["map"].as_array().unwrap();
    let weights: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap().iter().map(|weight| weight.as_f64().unwrap()))
        .collect();
    assert_eq!((rows.len(), weights.len()), (7, 49));
    assert!(weights.iter().all(|weight| weight.abs() <= 1.0));
    assert!(weights.iter().any(|weight| weight.abs() > 1e-6), "hiding something changes something");
    assert_eq!(map(b"no photo").status, 415);
}

//! The page: one HTML file with its style and script in it, and what it may do.

use axum::body::Bytes;
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::ServeError;
use tcolz_demo as demo;
use tcolz_demo::CLASSES;

const HTML: &str = include_str!("../templates/serve.html");
const STYLE: &str = include_str!("../templates/serve.css");
const SCRIPT: &str = include_str!("../templates/serve.js");

/// Width and height of the sample images, in pixels.
const SAMPLE_SIZE: (u16, u16) = (360, 270);
/// Sample images, of each class in turn.
const SAMPLES: usize = 6;
/// The first number of the pictures that are drawn: those of `tcolz demo` begin at 0.
const FIRST_PICTURE: u64 = 7_000;

/// The page and what belongs to it.
pub(super) struct Page {
    pub(super) html: Bytes,
    /// Its content security policy: its own style and script by their hashes, images and requests of this
    /// service, what was chosen or the camera sees, and nothing else.
    pub(super) policy: HeaderValue,
    /// JPEG files.
    pub(super) samples: Vec<Bytes>,
}

impl Page {
    pub(super) fn new() -> Result<Page, ServeError> {
        let html = HTML.replacen("{{style}}", STYLE, 1).replacen("{{script}}", SCRIPT, 1);
        let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let policy = [
            "default-src 'none'".to_owned(),
            format!("style-src {}", hash(STYLE)),
            format!("script-src {}", hash(SCRIPT)),
            "img-src 'self' blob: data:".to_owned(),
            "connect-src 'self'".to_owned(),
            "media-src blob: mediastream:".to_owned(),
            "base-uri 'none'".to_owned(),
            "form-action 'none'".to_owned(),
            "frame-ancestors 'none'".to_owned(),
        ];
        let policy = HeaderValue::from_str(&policy.join("; "));
        let samples = (0..SAMPLES).map(|sample| {
            let (number, class) = (FIRST_PICTURE + sample as u64, sample % CLASSES.len());
            let photo = demo::photo(number, class, SAMPLE_SIZE).map(Bytes::from);
            photo.map_err(|error| ServeError::Sample(Box::new(error)))
        });
        Ok(Page {
            html: html.into(),
            policy: policy.expect("base64 and the words above are of ASCII"),
            samples: samples.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_nothing_from_anywhere() {
        let page = Page::new().unwrap();
        let html = str::from_utf8(&page.html).unwrap();
        assert!(!html.contains("{{"), "every placeholder is filled");
        for outside in ["http://", "https://", "@import", "url(", " onclick", "style=\""] {
            // The namespace of SVG is a name, not a place.
            let text = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(outside), "{outside}");
        }
        let policy = page.policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn style_and_script_stand_in_the_page_as_they_were_hashed() {
        let page = Page::new().unwrap();
        let html = str::from_utf8(&page.html).unwrap();
        for (open, text, close) in
            [("<style>", STYLE, "</style>"), ("<script>", SCRIPT, "</script>")]
        {
            assert_eq!(html.matches(open).count(), 1);
            assert!(html.contains(&format!("{open}{text}{close}")), "{open}");
        }
    }

    #[test]
    fn sample_images_are_small_photos() {
        let page = Page::new().unwrap();
        assert_eq!(page.samples.len(), SAMPLES);
        assert!(page.samples.iter().all(|jpeg| jpeg.len() < 60_000 && jpeg[..2] == [0xFF, 0xD8]));
    }
}

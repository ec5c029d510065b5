//! The body of a request → image files, within limits. Nothing is written to disk.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::extract::multipart::MultipartError;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::{RequestExt, extract::DefaultBodyLimit};
use http_body_util::{BodyExt, LengthLimitError};

use super::budget::{Budget, Upload};
use super::options::Limits;
use super::parts::Parts;
use super::places::Place;
use super::refusal::Refusal;

/// The name of the multipart field that holds images.
const FIELD: &str = "file";
/// Parts of a multipart body beside its images.
const OTHER_PARTS: usize = 32;
/// Characters of a file's name that are given back in an answer.
const NAME_CHARACTERS: usize = 200;
/// An image file in memory.
pub(super) struct File {
    /// What the client calls it.
    pub(super) name: Option<String>,
    /// The body that it lies in, and where.
    upload: Arc<Upload>,
    range: Range<usize>,
}

impl File {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.upload.bytes()[self.range.clone()]
    }
}

/// The layer that [`read`] needs: axum's own readers stop at this many bytes.
pub(super) fn limit(limits: &Limits) -> DefaultBodyLimit {
    DefaultBodyLimit::max(limits.body_bytes)
}

/// Reads the images of a request: the parts `file` of a multipart body, else the whole body.
///
/// # Errors
/// A [`Refusal`]: too long, too many, malformed, nothing there, no memory left.
pub(super) async fn read(
    request: Request,
    limits: &Limits,
    budget: &Budget,
    place: &Place,
) -> Result<Vec<File>, Refusal> {
    let declared = header(&request, CONTENT_LENGTH).parse::<u64>();
    if declared.as_ref().is_ok_and(|length| *length > limits.body_bytes as u64) {
        return Err(too_long(limits));
    }
    // No more than that arrives.
    let capacity = declared.map_or(limits.body_bytes, |length| length as usize);
    let mut upload = Upload::with_capacity(capacity)?;
    let kind = header(&request, CONTENT_TYPE).trim_start();
    if kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
        return multipart(request, upload, limits, budget, place).await;
    }
    let mut body: Body = request.with_limited_body().into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error, limits))?;
        if let Ok(chunk) = frame.into_data() {
            upload.push(&chunk, budget, place).await?;
        }
    }
    let range = 0..upload.bytes().len();
    if range.is_empty() {
        return Err(none());
    }
    Ok(vec![File { name: None, upload: Arc::new(upload), range }])
}

/// The value of a header; empty where it is not there or not text.
fn header(request: &Request, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn multipart(
    request: Request,
    mut upload: Upload,
    limits: &Limits,
    budget: &Budget,
    place: &Place,
) -> Result<Vec<File>, Refusal> {
    let mut parts = Parts::of(request).await.map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, "malformed", error.body_text()).closing()
    })?;
    let (mut found, mut others) = (Vec::new(), 0);
    let fault = |error| malformed(&error, limits);
    while let Some(mut part) = parts.next().await.map_err(fault)? {
        if part.name() != Some(FIELD) {
            others += 1;
            if others > OTHER_PARTS {
                let message = format!("expected parts called `{FIELD}`, found too many others");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", message).closing());
            }
            // What is not asked for is read past and not kept.
            while part.chunk().await.map_err(fault)?.is_some() {}
            continue;
        }
        if found.len() == limits.request_images {
            return Err(Refusal::too_many(limits.request_images).closing());
        }
        let name = part.file_name().map(|name| name.chars().take(NAME_CHARACTERS).collect());
        let begin = upload.bytes().len();
        while let Some(chunk) = part.chunk().await.map_err(fault)? {
            upload.push(&chunk, budget, place).await?;
        }
        found.push((name, begin..upload.bytes().len()));
    }
    if found.is_empty() {
        return Err(none());
    }
    let upload = Arc::new(upload);
    let file = |(name, range)| File { name, upload: Arc::clone(&upload), range };
    Ok(found.into_iter().map(file).collect())
}

fn none() -> Refusal {
    let message = format!(
        "expected an image: the whole body, or a part `{FIELD}` of a multipart body; found none"
    );
    Refusal::new(StatusCode::BAD_REQUEST, "no-file", message)
}

fn too_long(limits: &Limits) -> Refusal {
    let message = format!("expected at most {} bytes in a request, found more", limits.body_bytes);
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", message).closing()
}

fn malformed(error: &MultipartError, limits: &Limits) -> Refusal {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_long(limits);
    }
    let message = format!("not a well-formed multipart body: {}", error.body_text());
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", message).closing()
}

fn broken(error: &axum::Error, limits: &Limits) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_long(limits);
        }
        cause = error.source();
    }
    let message = format!("the body of the request is not whole: {error}");
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", message).closing()
}

//! The body of a request → image files, within limits. Nothing is written to disk.

use std::error::Error;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::{RequestExt, extract::DefaultBodyLimit};
use http_body_util::{BodyExt, LengthLimitError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::options::Limits;
use super::refusal::Refusal;

/// The name of the multipart field that holds images.
const FIELD: &str = "file";
/// Parts of a multipart body beside its images.
const OTHER_PARTS: usize = 32;
/// Characters of a file's name that are given back in an answer.
const NAME_CHARACTERS: usize = 200;
/// What a permit of the budget stands for: a semaphore counts to 2³² at most.
const UNIT_BYTES: usize = 1024;

/// An image file in memory.
pub(super) struct File {
    /// What the client calls it.
    pub(super) name: Option<String>,
    pub(super) bytes: Vec<u8>,
    /// Its share of the memory for uploads, given back when it is dropped.
    _held: Option<OwnedSemaphorePermit>,
}

/// The memory for uploads: what arrives takes from it chunk by chunk, so that a client which promises much
/// and sends little holds little.
#[derive(Clone)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    units: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Budget {
        let units = limits.upload_bytes.div_ceil(UNIT_BYTES);
        Budget { free: Arc::new(Semaphore::new(units)), units }
    }

    /// Bytes of it that are taken.
    pub(super) fn held(&self) -> usize {
        (self.units - self.free.available_permits()) * UNIT_BYTES
    }
}

/// A file that is arriving.
struct Arriving {
    budget: Budget,
    bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

impl Arriving {
    fn new(budget: &Budget) -> Arriving {
        Arriving { budget: budget.clone(), bytes: Vec::new(), held: None }
    }

    fn push(&mut self, chunk: &Bytes) -> Result<(), Refusal> {
        let units = |bytes: usize| bytes.div_ceil(UNIT_BYTES);
        let more = units(self.bytes.len() + chunk.len()) - units(self.bytes.len());
        // Chunks are of the connection's buffer, far below 4 TB.
        let permit = Arc::clone(&self.budget.free).try_acquire_many_owned(more as u32);
        let permit = permit.map_err(|_full| {
            Refusal::busy("too many uploads are arriving at a time: try again", 2).closing()
        })?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            held => *held = Some(permit),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn file(self, name: Option<String>) -> File {
        File { name, bytes: self.bytes, _held: self.held }
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
) -> Result<Vec<File>, Refusal> {
    let declared = header(&request, CONTENT_LENGTH).parse::<u64>();
    if declared.is_ok_and(|length| length > limits.body_bytes as u64) {
        return Err(too_long(limits));
    }
    let kind = header(&request, CONTENT_TYPE).trim_start();
    if kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
        return multipart(request, limits, budget).await;
    }
    let mut body: Body = request.with_limited_body().into_body();
    let mut arriving = Arriving::new(budget);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error, limits))?;
        if let Ok(chunk) = frame.into_data() {
            arriving.push(&chunk)?;
        }
    }
    if arriving.bytes.is_empty() {
        return Err(none());
    }
    Ok(vec![arriving.file(None)])
}

/// The value of a header; empty where it is not there or not text.
fn header(request: &Request, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn multipart(
    request: Request,
    limits: &Limits,
    budget: &Budget,
) -> Result<Vec<File>, Refusal> {
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, "malformed", error.body_text()).closing()
    })?;
    let (mut files, mut others) = (Vec::new(), 0);
    let fault = |error| malformed(&error, limits);
    while let Some(mut field) = multipart.next_field().await.map_err(fault)? {
        if field.name() != Some(FIELD) {
            others += 1;
            if others > OTHER_PARTS {
                let message = format!("expected parts called `{FIELD}`, found too many others");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", message).closing());
            }
            // What is not asked for is read past and not kept.
            while field.chunk().await.map_err(fault)?.is_some() {}
            continue;
        }
        if files.len() == limits.request_images {
            return Err(Refusal::too_many(limits.request_images).closing());
        }
        let name = field.file_name().map(|name| name.chars().take(NAME_CHARACTERS).collect());
        let mut arriving = Arriving::new(budget);
        while let Some(chunk) = field.chunk().await.map_err(fault)? {
            arriving.push(&chunk)?;
        }
        files.push(arriving.file(name));
    }
    if files.is_empty() { Err(none()) } else { Ok(files) }
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

//! The parts of a multipart body, a chunk at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use hyper::body::Frame;

/// Bytes of all heads of parts together, and of what the reader of parts holds back beside them.
pub(super) const HEADS_BYTES: usize = 64 * 1024;

/// A multipart body.
pub(super) struct Parts {
    multipart: Multipart,
    taken: Arc<AtomicUsize>,
}

/// One of its parts.
pub(super) struct Part<'a> {
    field: Field<'a>,
    taken: &'a AtomicUsize,
}

impl Parts {
    pub(super) async fn of(request: Request) -> Result<Parts, MultipartRejection> {
        let taken = Arc::new(AtomicUsize::new(0));
        let paced =
            |body| Body::new(Paced { body, given: 0, taken: Arc::clone(&taken), rests: false });
        let multipart = Multipart::from_request(request.map(paced), &()).await?;
        Ok(Parts { multipart, taken })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Part<'_>>, MultipartError> {
        let field = self.multipart.next_field().await?;
        Ok(field.map(|field| Part { field, taken: &self.taken }))
    }
}

impl Part<'_> {
    /// The name of the form's field.
    pub(super) fn name(&self) -> Option<&str> {
        self.field.name()
    }

    pub(super) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        let chunk = self.field.chunk().await?;
        let bytes = chunk.as_ref().map_or(0, Bytes::len);
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(chunk)
    }
}

/// A body that is read no faster than its parts are taken. The reader of parts asks for chunks until none is there, so it
/// would hold a whole body that arrives quickly, and it searches all that it holds for each of them.
struct Paced {
    body: Body,
    given: usize,
    taken: Arc<AtomicUsize>,
    /// Whether the next chunk is kept for the next time.
    rests: bool,
}

/// More than [`HEADS_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error("expected parts whose heads have at most {HEADS_BYTES} bytes together, found more")]
struct LongHeads;

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.given - self.taken.load(Ordering::Relaxed) > HEADS_BYTES {
            return Poll::Ready(Some(Err(axum::Error::new(LongHeads))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.given += frame.data_ref().map_or(0, Bytes::len);
            self.rests = true;
        }
        Poll::Ready(frame)
    }
}

//! What is answered when there is no label: a status, a word for programs, a sentence for people.

use axum::Json;
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::classifier::Fault;
use tcolz_photo::DecodeError;

/// A request, or one of its images, that gets no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// A stable word.
    pub(super) code: &'static str,
    /// What was expected, what was found, what to try.
    pub(super) message: String,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
    /// Whether the rest of the request is not worth waiting for.
    closes: bool,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal { status, code, message: message.into(), retry_after: None, closes: false }
    }

    /// Too much is in hand already.
    pub(super) fn busy(message: impl Into<String>, seconds: u64) -> Refusal {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
        Refusal { retry_after: Some(seconds), ..refusal }
    }

    /// More images than would ever be taken.
    pub(super) fn too_many(limit: usize) -> Refusal {
        let message =
            format!("expected at most {limit} images in a request: send the others in another one");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many", message)
    }

    /// A fault of this program.
    pub(super) fn defect() -> Refusal {
        let message = "the service failed at this request; it goes on with the others";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message)
    }

    /// A network that gives something else than probabilities.
    pub(super) fn no_probabilities() -> Refusal {
        let message = "the network gave no probabilities: its weights may be damaged";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", message)
    }

    /// The same, and the connection is closed.
    pub(super) fn closing(self) -> Refusal {
        Refusal { closes: true, ..self }
    }

    /// As part of an answer: `{"code", "message"}`.
    pub(super) fn as_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        let message = fault.to_string();
        let (status, code) = match &fault {
            Fault::Decode(error) => (status(error), error.code()),
            Fault::Network(_) => return Refusal::defect(),
        };
        match fault {
            Fault::Decode(DecodeError::OutOfMemory { .. }) => Refusal::busy(message, 5),
            _ => Refusal::new(status, code, message),
        }
    }
}

fn status(error: &DecodeError) -> StatusCode {
    match error {
        DecodeError::Empty => StatusCode::BAD_REQUEST,
        DecodeError::UnknownFormat { .. } | DecodeError::Unsupported { .. } => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        DecodeError::TooManyPixels { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "error": self.as_json() }))).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

//! Paths → handlers, and the headers that every answer carries.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;

use super::answer;
use super::metrics::MEDIA_TYPE;
use super::refusal::Refusal;
use super::service::Service;
use super::upload;

/// What is counted by its path; everything else is counted as `other`.
const PATHS: [&str; 7] =
    ["/", "/predict", "/map", "/model", "/health", "/metrics", "/samples/{name}"];

/// Headers of every answer. Nothing of another site may be loaded, embed this one or read it.
const HEADERS: [(HeaderName, &str); 7] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The policy of what is no page: it may do nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Every path of the service.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/predict", post(answer::predict))
        .route("/map", post(answer::map))
        .route("/model", get(model))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/samples/{name}", get(sample))
        .fallback(missing)
        .method_not_allowed_fallback(wrong_method)
        .layer(upload::limit(&service.limits))
        .layer(CatchPanicLayer::custom(|_panic: Box<dyn Any + Send>| {
            Refusal::defect().into_response()
        }))
        .layer(from_fn_with_state(Arc::clone(&service), finish))
        .with_state(service)
}

/// Answers what is meant for this service, counts the answer and gives it the headers that it has not yet.
async fn finish(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let path = PATHS.into_iter().find(|path| matched == Some(path)).unwrap_or("other");
    let mut response = match service.hosts.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    service.metrics.answered(path, response.status().as_u16());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    response
}

async fn page(State(service): State<Arc<Service>>) -> Response {
    let policy = [(CONTENT_SECURITY_POLICY, service.page.policy.clone())];
    (policy, Html(service.page.html.clone())).into_response()
}

async fn sample(State(service): State<Arc<Service>>, Path(name): Path<String>) -> Response {
    let number = name.strip_suffix(".jpg").and_then(|number| number.parse::<usize>().ok());
    match number.and_then(|number| service.page.samples.get(number)) {
        Some(jpeg) => ([(CONTENT_TYPE, "image/jpeg")], jpeg.clone()).into_response(),
        None => missing().await.into_response(),
    }
}

/// What is known of the model.
async fn model(State(service): State<Arc<Service>>) -> Json<Value> {
    let facts = service.facts();
    let limits = &service.limits;
    let mut model = json!({ "name": service.name });
    if let (Some(model), Ok(Value::Object(facts))) =
        (model.as_object_mut(), serde_json::to_value(facts))
    {
        model.extend(facts);
        let limits = json!({
            "body_bytes": limits.body_bytes,
            "images": limits.request_images,
            "pixels": service.facts().recipe.max_pixels,
        });
        model.insert("limits".to_owned(), limits);
        model.insert("samples".to_owned(), service.page.samples.len().into());
    }
    Json(model)
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    if service.stopping.load(Ordering::Relaxed) {
        return Refusal::busy("the service is being stopped", 5).into_response();
    }
    Json(json!({ "status": "ok", "model": service.name })).into_response()
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], service.metrics.text(service.budget.held())).into_response()
}

async fn missing() -> Refusal {
    let message = "expected /, /predict, /map, /model, /health or /metrics";
    Refusal::new(StatusCode::NOT_FOUND, "no-such-page", message)
}

async fn wrong_method() -> Refusal {
    let message =
        "images are sent to /predict or /map with POST; everything else is asked for with GET";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", message)
}

//! `POST /predict`: images → probabilities in JSON.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::time::{timeout, timeout_at};

use super::batcher::Answer;
use super::refusal::Refusal;
use super::routes::Service;
use super::{ServeError, upload};

/// Keys of an answer beside the classes.
const KEYS: [&str; 6] = ["label", "model", "milliseconds", "file", "images", "error"];

/// Refuses classes that the answer's own keys would hide.
pub(super) fn check_classes(classes: &[String]) -> Result<(), ServeError> {
    match classes.iter().find(|class| KEYS.contains(&class.as_str())) {
        Some(class) => Err(ServeError::ClassName(class.clone())),
        None => Ok(()),
    }
}

/// Labels the images of a request.
///
/// One image: `{"negative": p, …, "label", "model", "milliseconds"}`, or a status from 400 on and
/// `{"error": {"code", "message"}}`. Several: `{"images": […], "model", "milliseconds"}`, each with its
/// `file` and probabilities or `error`; the status is that of the first error where no image has a label.
pub(super) async fn predict(State(service): State<Arc<Service>>, request: Request) -> Response {
    let begun = Instant::now();
    let answered = answer(&service, request, begun).await;
    service.metrics.predicted(begun.elapsed());
    answered.unwrap_or_else(|refusal| {
        service.metrics.image(refusal.code);
        refusal.into_response()
    })
}

async fn answer(service: &Service, request: Request, begun: Instant) -> Result<Response, Refusal> {
    let limits = &service.limits;
    let read = upload::read(request, limits, &service.budget);
    let files = timeout(limits.body, read).await.map_err(|_elapsed| {
        let message = format!("expected the whole request within {} s", limits.body.as_secs_f64());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message).closing()
    })??;
    let mut names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
    let mut waiting = service.batcher.submit(files)?;
    let deadline = tokio::time::Instant::now() + limits.answer;
    let late = |_elapsed| {
        let seconds = limits.answer.as_secs_f64();
        Refusal::busy(format!("no answer within {seconds} s: try again"), 5)
    };
    let mut answers: Vec<Answer> = Vec::with_capacity(waiting.len());
    for receiver in &mut waiting {
        let answer = timeout_at(deadline, receiver).await.map_err(late)?;
        answers.push(answer.unwrap_or_else(|_gone| Err(Refusal::defect())));
    }
    let facts = |mut answer: Map<String, Value>| {
        answer.insert("model".to_owned(), service.name.clone().into());
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        answer.insert("milliseconds".to_owned(), ((milliseconds * 100.0).round() / 100.0).into());
        Json(Value::Object(answer))
    };
    if answers.len() == 1 {
        let probabilities = answers.remove(0)?;
        let mut answer = Map::new();
        if let Some(name) = names.remove(0) {
            answer.insert("file".to_owned(), name.into());
        }
        service.label(&mut answer, &probabilities);
        return Ok(facts(answer).into_response());
    }
    let first_error = answers.iter().find_map(|answer| answer.as_ref().err());
    let status = match first_error {
        Some(refusal) if answers.iter().all(Result::is_err) => refusal.status,
        _ => StatusCode::OK,
    };
    let images: Vec<Value> = names
        .into_iter()
        .zip(&answers)
        .map(|(name, answer)| {
            let mut image = Map::from_iter([("file".to_owned(), json!(name))]);
            match answer {
                Ok(probabilities) => service.label(&mut image, probabilities),
                Err(refusal) => {
                    service.metrics.image(refusal.code);
                    image.insert("error".to_owned(), refusal.as_json());
                }
            }
            Value::Object(image)
        })
        .collect();
    let answer = Map::from_iter([("images".to_owned(), images.into())]);
    Ok((status, facts(answer)).into_response())
}

impl Service {
    /// Adds probabilities by class, and the likeliest class as the label.
    fn label(&self, answer: &mut Map<String, Value>, probabilities: &[f32]) {
        self.metrics.image("labelled");
        let classes = &self.facts().classes;
        let mut likeliest = 0;
        for (class, &probability) in probabilities.iter().enumerate() {
            // As a float64 of the same value: no digit is lost.
            answer.insert(classes[class].clone(), json!(probability));
            if probability > probabilities[likeliest] {
                likeliest = class;
            }
        }
        answer.insert("label".to_owned(), classes[likeliest].clone().into());
    }
}

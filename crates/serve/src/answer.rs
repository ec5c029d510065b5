//! `POST /predict` and `POST /map`: images → probabilities in JSON.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Extension;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot::Receiver;
use tokio::time::{timeout, timeout_at};

use super::places::{Place, Stage};
use super::queue::{Answer, Labelled};
use super::refusal::Refusal;
use super::service::Service;
use super::{occlusion, upload};

/// Labels the images of a request.
///
/// One image: `{"negative": p, …, "label", "recovered_share", "notes", "model", "milliseconds"}`, or a status from
/// 400 on and `{"error": {"code", "message"}}`. Of a truncated photo `recovered_share` is below 1, and a note says so. Several: `{"images": […], "model", "milliseconds"}`, each with its
/// `file` and probabilities or `error`; where no image has a label the first one's `error` and status are
/// the answer's own.
pub(super) async fn predict(
    State(service): State<Arc<Service>>,
    Extension(place): Extension<Arc<Place>>,
    request: Request,
) -> Response {
    let begun = Instant::now();
    let answered = labels(&service, &place, request, begun).await;
    service.metrics.predicted(begun.elapsed());
    answered.unwrap_or_else(|refusal| service.refused(refusal))
}

/// Labels one image and says which parts of it spoke for the label: the answer of [`predict`] with
/// `"map": [[weight]]`, rows from the top of the network's input, as [`occlusion`] says.
pub(super) async fn map(
    State(service): State<Arc<Service>>,
    Extension(place): Extension<Arc<Place>>,
    request: Request,
) -> Response {
    let begun = Instant::now();
    let answered = parts(&service, &place, request, begun).await;
    answered.unwrap_or_else(|refusal| service.refused(refusal))
}

async fn labels(
    service: &Service,
    place: &Place,
    request: Request,
    begun: Instant,
) -> Result<Response, Refusal> {
    let files = service.read(place, request).await?;
    let mut names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
    let mut answers = service.wait(service.batcher.submit(place.client, files)?).await?;
    if answers.len() == 1 {
        let labelled = answers.remove(0)?;
        let mut answer = named(names.remove(0));
        service.label(&mut answer, &labelled);
        return Ok(service.signed(answer, begun).into_response());
    }
    let none = answers.iter().all(Result::is_err);
    let failed = answers.first().and_then(|answer| answer.as_ref().err()).filter(|_| none).cloned();
    let images = names.into_iter().zip(&answers).map(|(name, answer)| {
        let mut image = named(name);
        match answer {
            Ok(labelled) => {
                service.label(&mut image, labelled);
            }
            Err(refusal) => {
                service.metrics.image(refusal.code);
                image.insert("error".to_owned(), refusal.as_json());
            }
        }
        Value::Object(image)
    });
    let mut answer = Map::from_iter([("images".to_owned(), images.collect())]);
    let mut status = StatusCode::OK;
    if let Some(refusal) = failed {
        status = refusal.status;
        answer.insert("error".to_owned(), refusal.as_json());
    }
    Ok((status, service.signed(answer, begun)).into_response())
}

async fn parts(
    service: &Service,
    place: &Place,
    request: Request,
    begun: Instant,
) -> Result<Response, Refusal> {
    let mut files = service.read(place, request).await?;
    let file = match (files.pop(), files.is_empty()) {
        (Some(file), true) => file,
        _ => {
            let message = "expected one image in a request for a map, found several";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "too-many", message));
        }
    };
    let mut answer = named(file.name.clone());
    let answers = service.wait(service.batcher.submit_occluded(place.client, file)?).await?;
    let rows = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let label = service.label(&mut answer, &rows[0]);
    let of_label: Vec<f32> = rows.iter().map(|row| row.probabilities[label]).collect();
    answer.insert("map".to_owned(), json!(occlusion::weights(&of_label)));
    Ok(service.signed(answer, begun).into_response())
}

fn named(file: Option<String>) -> Map<String, Value> {
    file.map(|name| ("file".to_owned(), name.into())).into_iter().collect()
}

impl Service {
    /// The files of a request, in time.
    async fn read(&self, place: &Place, request: Request) -> Result<Vec<upload::File>, Refusal> {
        let limits = &self.limits;
        self.used.store(true, Ordering::Relaxed);
        let read = timeout(limits.body, upload::read(request, limits, &self.budget, place));
        let files = tokio::select! {
            read = read => read.map_err(|_elapsed| {
                let seconds = limits.body.as_secs_f64();
                let message = format!("expected the whole request within {seconds} s");
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message).closing()
            })??,
            () = place.given_up(Stage::Arriving) => {
                let message = "the request arrived slowly and others needed its room: try again";
                return Err(Refusal::busy(message, 2).closing());
            }
        };
        place.enter(Stage::Answering);
        Ok(files)
    }

    /// All answers, in time.
    async fn wait(&self, receivers: Vec<Receiver<Answer>>) -> Result<Vec<Answer>, Refusal> {
        let deadline = tokio::time::Instant::now() + self.limits.answer;
        let mut answers = Vec::with_capacity(receivers.len());
        // Those not yet waited for are held here: dropped, they would tell that nobody waits.
        for receiver in receivers {
            let answer = timeout_at(deadline, receiver).await.map_err(|_elapsed| {
                let seconds = self.limits.answer.as_secs_f64();
                Refusal::busy(format!("no answer within {seconds} s: try again"), 5)
            })?;
            answers.push(answer.unwrap_or_else(|_gone| Err(Refusal::defect())));
        }
        Ok(answers)
    }

    /// Adds probabilities by class, the likeliest class as the label, and what is to be said of the photo. Returns the
    /// label's place.
    fn label(&self, answer: &mut Map<String, Value>, labelled: &Labelled) -> usize {
        let Labelled { probabilities, photo } = labelled;
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
        // A class of such a name keeps its place: models that have one were served before there were notes.
        answer.entry("recovered_share").or_insert_with(|| json!(photo.recovered_share));
        answer.entry("notes").or_insert_with(|| json!(photo.notes()));
        likeliest
    }

    /// An answer with the model's name and the time that it took.
    fn signed(&self, mut answer: Map<String, Value>, begun: Instant) -> Json<Value> {
        answer.insert("model".to_owned(), self.name.clone().into());
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        answer.insert("milliseconds".to_owned(), ((milliseconds * 100.0).round() / 100.0).into());
        Json(Value::Object(answer))
    }

    fn refused(&self, refusal: Refusal) -> Response {
        self.metrics.image(refusal.code);
        refusal.into_response()
    }
}

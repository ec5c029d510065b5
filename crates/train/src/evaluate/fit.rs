//! Whether a dataset holds what a model was trained on: the same pixels from the same photos.

use tcolz_base::door::{call, given, option};
use tcolz_format::dataset::Dataset;
use tcolz_nn::ModelFacts;
use tcolz_pixels::Operation;
use tcolz_pixels::recipe::{DecodeMode, Dtype};

use super::EvaluateError;

/// Tests that photos of `dataset` became the tensors that photos became in training: fit, filter, decoding, size and
/// view. How they are stored does not matter.
///
/// # Errors
/// [`EvaluateError::Recipe`], naming the choice and how to convert as the model needs it.
pub fn check_recipe(model: &ModelFacts, dataset: &Dataset) -> Result<(), EvaluateError> {
    let (ours, theirs) = (&model.recipe, &dataset.meta().recipe);
    let command = || {
        let options = [
            ("sizes", &*model.size.to_string()),
            ("fit", ours.fit.as_str()),
            ("filter", ours.filter.as_str()),
            ("decode", ours.decode.as_str()),
        ];
        format!("convert the photos with {}", call("convert", &["SRC", "OUT"], &options))
    };
    let differs = |what: &dyn ToString, expected: String, found: String, hint: String| {
        let (dataset, what) = (dataset.root().to_owned(), what.to_string());
        Err(EvaluateError::Recipe { dataset, what, expected, found, hint })
    };
    for (what, expected, found) in [
        ("fit", ours.fit.as_str(), theirs.fit.as_str()),
        ("filter", ours.filter.as_str(), theirs.filter.as_str()),
        ("decode", ours.decode.as_str(), theirs.decode.as_str()),
    ] {
        if expected != found {
            return differs(&option(what), expected.to_owned(), found.to_owned(), command());
        }
    }
    let sizes = |sizes: &[u32]| sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    if !theirs.sizes.contains(&model.size) {
        return differs(&option("sizes"), model.size.to_string(), sizes(&theirs.sizes), command());
    }
    // A scaled decode is made for the largest size, and the others from it.
    if ours.decode == DecodeMode::Scaled && ours.largest_size() != theirs.largest_size() {
        let [expected, found] = [ours, theirs].map(|recipe| recipe.largest_size().to_string());
        let hint = format!(
            "a scaled decode depends on it: convert with {}, too",
            given("sizes", &expected)
        );
        return differs(&"the largest size", expected, found, hint);
    }
    let view = &model.view;
    if theirs.dtype != Dtype::U8 && theirs.view != view.name {
        let u8 = given("dtype", "u8");
        let hint = format!("{} tensors hold one view: convert with {u8}", theirs.dtype);
        return differs(&"the view", view.name.clone(), theirs.view.clone(), hint);
    }
    let found = dataset.meta().views.iter().find(|found| found.name == view.name);
    if found != Some(view) {
        let found =
            found.map_or("no such view".to_owned(), |found| format!("{:?}", found.operations));
        let values = view.operations.iter().find_map(|operation| match operation {
            Operation::Subtract(values) => Some(values.map(|value| value.to_string()).join(",")),
            Operation::Divide(_) => None,
        });
        let hint = match values.filter(|_| view.name == "mean") {
            Some(values) => format!("convert the photos with {}", given("mean", values)),
            None => "the dataset is of another version: convert the photos again".to_owned(),
        };
        let expected = format!("{} {:?}", view.name, view.operations);
        return differs(&"the view", expected, found, hint);
    }
    Ok(())
}

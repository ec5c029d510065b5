//! What models will be evaluated on although they are trained on it, known before the first job.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::StudyError;
use super::job::Work;
use super::plan::Plan;
use tcolz_base::numbers::count;
use tcolz_loader::Selection;
use tcolz_train::evaluate::{KnownSeen, SeenCounts};
use tcolz_train::samples_seen;

impl Plan {
    /// A sentence for each model and benchmark, fold or curve that share photos; its seeds are taken together.
    ///
    /// # Errors
    /// When a dataset cannot be read.
    pub fn leaks(&self) -> Result<Vec<String>, StudyError> {
        let mut seen: BTreeMap<usize, KnownSeen> = BTreeMap::new();
        let mut found: Vec<(String, u64, u64)> = Vec::new();
        for job in &self.jobs {
            let Work::Evaluate { train, dataset, select, .. } = &job.work else { continue };
            let Work::Train { options, dataset: trained } = &self.jobs[*train].work else {
                continue;
            };
            if !seen.contains_key(train) {
                let photos = samples_seen(&self.datasets[trained], options)?;
                seen.insert(*train, Ok(Arc::new(photos)));
            }
            let dataset = &self.datasets[dataset];
            let counts = SeenCounts::of(dataset, select, &seen[train])?;
            let trained = counts.trained.unwrap_or(0);
            if trained == 0 {
                continue;
            }
            let samples = Selection::of(dataset, select)?.len() as u64;
            let what = job.words.split(", seed ").next().unwrap_or(&job.words).to_owned();
            match found.iter_mut().find(|(known, ..)| *known == what) {
                Some((_, most, _)) => *most = trained.max(*most),
                None => found.push((what, trained, samples)),
            }
        }
        let sentence = |(what, trained, samples): (String, u64, u64)| {
            format!("{what}: {} of {} photos are trained on", count(trained), count(samples))
        };
        Ok(found.into_iter().map(sentence).collect())
    }
}

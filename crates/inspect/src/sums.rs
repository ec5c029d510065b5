//! Adds rows of the ledger up into [`Statistics`].

use std::collections::BTreeMap;

use tcolz_format::dataset::{Counts, Dataset, DatasetError, DatasetMeta, LedgerRow, SplitMeta};
use tcolz_format::sample::Status;
use tcolz_format::shard::TensorColumn;
use tcolz_pixels::ChannelSums;

use super::channels::{ChannelStatistics, possible};
use super::distribution::Distribution;
use super::facts::Facts;
use super::histogram::Bins;
use super::statistics::{
    ClassStatistics, SourceStatistics, SplitStatistics, Statistics, TensorStatistics,
};
use super::text_scores::{ScoreSums, TextScores};

/// Statistics in the making.
pub(super) struct Sums<'a> {
    meta: &'a DatasetMeta,
    /// For each split: its counts, and its classes, the last for samples without a label.
    splits: Vec<(Counts, Vec<Group>)>,
    reasons: BTreeMap<String, u64>,
    remarks: BTreeMap<String, u64>,
    recovered: u64,
    formats: BTreeMap<(&'static str, bool), u64>,
    bytes: Vec<u64>,
    sides: [Vec<u64>; 2],
    qualities: Vec<u64>,
    orientations: BTreeMap<u8, u64>,
    agreement: BTreeMap<u8, u64>,
    bins: Bins,
}

/// Samples of one class in one split, and the sums of each tensor column.
#[derive(Clone)]
struct Group {
    samples: u64,
    sums: Vec<ChannelSums>,
    scores: ScoreSums,
}

impl Group {
    fn empty(columns: usize) -> Group {
        let sums = vec![ChannelSums::default(); columns];
        Group { samples: 0, sums, scores: ScoreSums::default() }
    }

    fn merge(&mut self, other: &Group) {
        self.samples += other.samples;
        self.scores.merge(&other.scores);
        for (sums, other) in self.sums.iter_mut().zip(&other.sums) {
            sums.merge(other);
        }
    }

    fn of<'g>(groups: impl IntoIterator<Item = &'g Group>, columns: usize) -> Group {
        groups.into_iter().fold(Group::empty(columns), |mut all, group| {
            all.merge(group);
            all
        })
    }

    fn channels(&self, columns: &[TensorColumn]) -> Vec<ChannelStatistics> {
        let of = |(sums, column): (&ChannelSums, &TensorColumn)| {
            ChannelStatistics::of(sums, self.samples * u64::from(column.size()).pow(2))
        };
        self.sums.iter().zip(columns).map(of).collect()
    }
}

impl<'a> Sums<'a> {
    pub(super) fn new(meta: &'a DatasetMeta) -> Sums<'a> {
        let empty = vec![Group::empty(meta.columns.len()); meta.classes.len() + 1];
        Sums {
            meta,
            splits: vec![(Counts::default(), empty); meta.splits.len()],
            reasons: BTreeMap::new(),
            remarks: BTreeMap::new(),
            recovered: 0,
            formats: BTreeMap::new(),
            bytes: Vec::new(),
            sides: [Vec::new(), Vec::new()],
            qualities: Vec::new(),
            orientations: BTreeMap::new(),
            agreement: BTreeMap::new(),
            bins: Bins::new(),
        }
    }

    /// Adds one row; what is wrong with it as a sentence.
    pub(super) fn add(&mut self, facts: &Facts<'_>) -> Result<(), String> {
        let names = &self.meta.splits;
        let Some(split) = names.iter().position(|split| *split.name == *facts.split) else {
            return Err(format!("dataset.json has no split `{}`", facts.split));
        };
        let (counts, groups) = &mut self.splits[split];
        counts.add(facts.status);
        let code = facts.reason.map(|text| text.split_once(':').map_or(text, |(code, _)| code));
        if facts.status != Status::Stored {
            count(&mut self.reasons, code.unwrap_or("unknown"));
            return Ok(());
        }
        if let Some(code) = code {
            count(&mut self.remarks, code);
        }
        let last = groups.len() - 1;
        let class = facts.label.map_or(last, usize::from);
        if facts.label.is_some() && class >= last {
            return Err(format!("label {class}, but there are {last} classes"));
        }
        groups[class].samples += 1;
        for ((all, sums), column) in
            groups[class].sums.iter_mut().zip(&facts.sums).zip(&self.meta.columns)
        {
            match sums {
                Some(sums) if possible(sums, column) => all.merge(sums),
                _ => return Err(format!("no picture has the sums of {}", column.name)),
            }
        }
        self.bytes.extend(facts.source_bytes);
        if let Some(scores) = facts.text_scores {
            groups[class].scores.add(scores);
        }
        let largest = self.meta.columns.last().map_or(1, |column| u64::from(column.size()));
        self.bins.add(facts, largest.pow(2));
        if let Some(agreement) = facts.agreement {
            *self.agreement.entry(agreement).or_default() += 1;
        }
        if let Some(photo) = facts.photo {
            self.recovered += u64::from(photo.recovered_share < 1.0);
            *self.formats.entry((photo.format.as_str(), photo.progressive)).or_default() += 1;
            self.sides[0].push(photo.width.into());
            self.sides[1].push(photo.height.into());
            self.qualities.extend(photo.jpeg_quality.map(u64::from));
            if let Some(orientation) = photo.exif_orientation {
                *self.orientations.entry(orientation).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Adds what other rows add up to.
    pub(super) fn merge(&mut self, mut other: Sums<'a>) {
        for ((counts, groups), (other, others)) in self.splits.iter_mut().zip(&other.splits) {
            *counts = sum_of([&*counts, other]);
            groups.iter_mut().zip(others).for_each(|(group, other)| group.merge(other));
        }
        merge(&mut self.reasons, other.reasons);
        merge(&mut self.remarks, other.remarks);
        merge(&mut self.formats, other.formats);
        merge(&mut self.orientations, other.orientations);
        merge(&mut self.agreement, other.agreement);
        self.recovered += other.recovered;
        self.bins.merge(&other.bins);
        self.bytes.append(&mut other.bytes);
        self.qualities.append(&mut other.qualities);
        self.sides.iter_mut().zip(&mut other.sides).for_each(|(sides, other)| sides.append(other));
    }

    pub(super) fn finish(self) -> Statistics {
        let (meta, columns) = (self.meta, &self.meta.columns);
        let of = |groups: &mut dyn Iterator<Item = &Group>| Group::of(groups, columns.len());
        let split = |(split, (counts, groups)): (&SplitMeta, &(Counts, Vec<Group>))| {
            let all = of(&mut groups.iter());
            let (by_class, unlabelled) = groups.split_at(groups.len() - 1);
            SplitStatistics {
                name: split.name.clone(),
                counts: *counts,
                samples: all.samples,
                by_class: by_class.iter().map(|group| group.samples).collect(),
                unlabelled: unlabelled.iter().map(|group| group.samples).sum(),
                channels: all.channels(columns),
            }
        };
        let class = |(index, name): (usize, &String)| {
            let all = of(&mut self.splits.iter().map(|(_, groups)| &groups[index]));
            let channels = all.channels(columns);
            ClassStatistics { name: name.clone(), samples: all.samples, channels }
        };
        let all = of(&mut self.splits.iter().flat_map(|(_, groups)| groups));
        let tensor = |(column, channels): (&TensorColumn, ChannelStatistics)| TensorStatistics {
            column: column.name.clone(),
            tensor: column.describe(),
            codec: column.encoding.clone().unwrap_or_else(|| column.codec.to_string()),
            raw_bytes: all.samples * column.raw_bytes() as u64,
            channels,
        };
        let format = |((format, progressive), number): ((&str, bool), u64)| {
            let progressive = if progressive { " (progressive)" } else { "" };
            (format!("{format}{progressive}"), number)
        };
        let scores = |(index, name): (usize, Option<&String>)| {
            let all = of(&mut self.splits.iter().map(|(_, groups)| &groups[index]));
            all.scores.finish(name.cloned())
        };
        let names = meta.classes.iter().map(Some).chain([None]);
        let text_scores = TextScores { by_class: names.enumerate().map(scores).collect() };
        let [width, height] = self.sides.map(Distribution::of);
        Statistics {
            counts: sum_of(self.splits.iter().map(|(counts, _)| counts)),
            splits: meta.splits.iter().zip(&self.splits).map(split).collect(),
            class_statistics: meta.classes.iter().enumerate().map(class).collect(),
            reasons: self.reasons,
            remarks: self.remarks,
            recovered: self.recovered,
            formats: self.formats.into_iter().map(format).collect(),
            source: SourceStatistics {
                bytes: Distribution::of(self.bytes),
                width,
                height,
                jpeg_quality: Distribution::of(self.qualities),
                exif_orientation: self.orientations,
            },
            with_text_scores: all.scores.samples,
            text_scores: (all.scores.samples > 0).then_some(text_scores),
            histograms: self.bins.finish(),
            agreement: self.agreement,
            tensors: columns.iter().zip(all.channels(columns)).map(tensor).collect(),
        }
    }
}

impl Statistics {
    /// The statistics of any rows of a dataset's ledger, such as a selection.
    ///
    /// # Errors
    /// [`DatasetError::Structure`] for a row that this dataset cannot hold.
    pub fn of_rows<'a>(
        dataset: &Dataset,
        rows: impl IntoIterator<Item = &'a LedgerRow>,
    ) -> Result<Statistics, DatasetError> {
        let mut sums = Sums::new(dataset.meta());
        for row in rows {
            sums.add(&Facts::of_row(row, dataset.meta().columns.len())).map_err(|what| {
                let reason = format!("{}, line {}: {what}", row.list, row.line);
                DatasetError::Structure { path: dataset.root().to_owned(), reason }
            })?;
        }
        Ok(sums.finish())
    }
}

/// Counts one more `key`, which is copied only the first time.
fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => drop(counts.insert(key.to_owned(), 1)),
    }
}

fn merge<K: Ord>(counts: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>) {
    for (key, count) in others {
        *counts.entry(key).or_default() += count;
    }
}

fn sum_of<'c>(counts: impl IntoIterator<Item = &'c Counts>) -> Counts {
    counts.into_iter().fold(Counts::default(), |sum, counts| Counts {
        listed: sum.listed + counts.listed,
        stored: sum.stored + counts.stored,
        quarantined: sum.quarantined + counts.quarantined,
        missing: sum.missing + counts.missing,
        duplicate: sum.duplicate + counts.duplicate,
    })
}

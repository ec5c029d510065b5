//! Stored pictures by their ledger rows, small: what a report shows.

use rayon::prelude::*;

use tcolz_base::door::call;
use tcolz_format::dataset::{Dataset, DatasetError, LedgerError};
use tcolz_format::sample::{Label, Status};
use tcolz_format::shard::TensorDecoder;
use tcolz_loader::Selection;

use super::grid::Grid;
use super::totals::holds;

/// A stored sample as a small picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The sample.
    pub sample_id: String,
    /// Its split.
    pub split: String,
    /// Its class.
    pub label: Label,
    /// Pixels a side.
    pub side: usize,
    /// Planes `[3, side, side]`: each value is the mean of the pixels it stands for, rounded.
    pub planes: Vec<u8>,
}

/// Some samples of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPick {
    /// The class.
    pub label: Label,
    /// Samples of it.
    pub samples: u64,
    /// Rows in the ledger of those picked, ascending.
    pub ledger_rows: Vec<u64>,
}

/// A sample that is to be shown, and where it lies.
struct Found {
    sample_id: String,
    split: String,
    label: Label,
    shard: u32,
    row: u32,
}

/// Picks `most` samples of each class, evenly spread over the ledger, of everything stored or of selections.
///
/// # Errors
/// As [`Dataset::scan_ledger`].
pub fn pick_by_class(
    dataset: &Dataset,
    selections: Option<&[Selection]>,
    most: usize,
) -> Result<Vec<ClassPick>, DatasetError> {
    let names = ["split", "status", "label", "shard", "row"];
    let found = dataset.scan_ledger(&names, |batch| {
        let (split, status, label) = (batch.text("split")?, batch.status()?, batch.u16("label")?);
        let (shard, row) = (batch.u32("shard")?, batch.u32("row")?);
        let mut found = Vec::with_capacity(batch.rows());
        for index in 0..batch.rows() {
            let split = split(index).unwrap_or_default();
            let place = shard(index).zip(row(index));
            if status(index)? == Status::Stored && holds(selections, split, place) {
                found.push((label(index), batch.first_row() + index as u64));
            }
        }
        Ok(found)
    })?;
    let mut found: Vec<(Label, u64)> = found.into_iter().flatten().collect();
    // Classes in their order, samples without a label behind them.
    found.sort_unstable_by_key(|&(label, row)| (label.is_none(), label, row));
    let class = |samples: &[(Label, u64)]| {
        let shown = samples.len().min(most);
        let spread = (0..shown).map(|tile| samples[tile * samples.len() / shown].1);
        ClassPick {
            label: samples[0].0,
            samples: samples.len() as u64,
            ledger_rows: spread.collect(),
        }
    };
    Ok(found.chunk_by(|a, b| a.0 == b.0).map(class).collect())
}

/// The stored pictures of rows of the ledger, in the order of the rows asked for, on all cores; at most `most`
/// pixels a side, from the largest stored size.
///
/// # Errors
/// [`DatasetError::Structure`] for rows that are not there or not stored; the first sample that is damaged.
pub fn pictures(
    dataset: &Dataset,
    ledger_rows: &[u64],
    most: usize,
) -> Result<Vec<Picture>, DatasetError> {
    let mut wanted = ledger_rows.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let names = ["sample_id", "split", "label", "shard", "row"];
    let found = dataset.scan_ledger(&names, |batch| {
        let (id, split, label) =
            (batch.text("sample_id")?, batch.text("split")?, batch.u16("label")?);
        let (shard, row) = (batch.u32("shard")?, batch.u32("row")?);
        let first = batch.first_row();
        let from = wanted.partition_point(|&row| row < first);
        let to = wanted.partition_point(|&row| row < first + batch.rows() as u64);
        let found = wanted[from..to].iter().map(|&ledger_row| {
            let index = (ledger_row - first) as usize;
            let place = shard(index).zip(row(index));
            let (shard, row) =
                place.ok_or_else(|| LedgerError::of_row(ledger_row, "not stored"))?;
            let [sample_id, split] =
                [id(index), split(index)].map(|text| text.unwrap_or_default().to_owned());
            Ok(Found { sample_id, split, label: label(index), shard, row })
        });
        found.collect::<Result<Vec<_>, LedgerError>>()
    })?;
    let found: Vec<Found> = found.into_iter().flatten().collect();
    if found.len() != wanted.len() {
        let path = dataset.root().join(&dataset.meta().ledger.file);
        let reason = format!("there is no row {}", wanted.last().copied().unwrap_or_default());
        return Err(DatasetError::Structure { path, reason });
    }
    let column = dataset.meta().columns.len() - 1;
    let tensor = &dataset.meta().columns[column];
    let grid = Grid::of(tensor.size() as usize, most);
    // The rows of a shard stand beside each other in the ledger.
    let same_shard = |a: &Found, b: &Found| (&a.split, a.shard) == (&b.split, b.shard);
    let shards: Vec<&[Found]> = found.chunk_by(same_shard).collect();
    let read = |samples: &&[Found]| {
        let reader = dataset.open_shard(&samples[0].split, samples[0].shard)?;
        let mut decoder = TensorDecoder::new(tensor);
        let mut planes = vec![0; tensor.raw_bytes()];
        let mut pictures = Vec::with_capacity(samples.len());
        for Found { sample_id, split, label, row, .. } in *samples {
            if *row >= reader.rows() {
                let verify = call("verify", &[&dataset.root().display().to_string()], &[]);
                let reason = format!("there is no row {row}; {verify} has more");
                return Err(DatasetError::Structure { path: reader.path().to_owned(), reason });
            }
            reader.read(*row, column, &mut decoder, &mut planes)?;
            let mut small = Vec::with_capacity(grid.values());
            grid.shrink(&planes, &mut small);
            let (sample_id, split) = (sample_id.clone(), split.clone());
            let side = grid.cells();
            pictures.push(Picture { sample_id, split, label: *label, side, planes: small });
        }
        Ok(pictures)
    };
    dataset.read_expected_shards()?;
    let read: Vec<Result<Vec<Picture>, DatasetError>> = shards.par_iter().map(read).collect();
    let mut pictures = Vec::with_capacity(wanted.len());
    for part in read {
        pictures.append(&mut part?);
    }
    let picture = |row: &u64| pictures[wanted.partition_point(|wanted| wanted < row)].clone();
    Ok(ledger_rows.iter().map(picture).collect())
}

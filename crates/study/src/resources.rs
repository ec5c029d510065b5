//! What a training took: its `times.csv` and `resources.csv` in a few numbers.

use std::path::Path;

use serde_json::{Value, json};

use super::StudyError;
use tcolz_train::{RESOURCES_FILE, TIMES_FILE, TrainSummary};

/// Times and resources of a run: `times` and `resources` of `train.json`.
///
/// # Errors
/// [`StudyError::Io`], [`StudyError::Damaged`].
pub(super) fn of(run: &Path, outcome: &TrainSummary) -> Result<(Value, Value), StudyError> {
    let times = Columns::read(&run.join(TIMES_FILE))?;
    let used = Columns::read(&run.join(RESOURCES_FILE))?;
    let times = json!({
        "seconds": outcome.seconds,
        "feature_seconds": outcome.feature_seconds,
        "features": outcome.features,
        "epoch_seconds": times.mean("seconds"),
        "photos_per_second": times.mean("photos_per_second"),
        "waiting_share": times.mean("waiting_share"),
    });
    let resources = json!({
        "samples": used.rows.len(),
        "cpu_percent": used.mean("cpu_percent"),
        "resident_bytes": used.largest("resident_bytes"),
        "virtual_bytes": used.largest("virtual_bytes"),
        "device_memory_bytes": used.largest("device_memory_bytes"),
    });
    Ok((times, resources))
}

/// A CSV file of numbers; what is empty is not known.
struct Columns {
    names: Vec<String>,
    rows: Vec<Vec<Option<f64>>>,
}

impl Columns {
    fn read(path: &Path) -> Result<Columns, StudyError> {
        let text = match std::fs::read_to_string(path) {
            // A disk that refuses rows does not end a run.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(StudyError::io(path))?,
        };
        Columns::parse(&text)
            .map_err(|reason| StudyError::Damaged { path: path.to_owned(), reason })
    }

    fn parse(text: &str) -> Result<Columns, String> {
        // A row that a kill cut short is none.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines();
        let names: Vec<String> =
            lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        let number = |cell: &str| match cell {
            "" => Ok(None),
            cell => {
                cell.parse().map(Some).map_err(|_| format!("expected a number, found `{cell}`"))
            }
        };
        let rows = lines.map(|line| line.split(',').map(number).collect());
        Ok(Columns { names, rows: rows.collect::<Result<_, String>>()? })
    }

    fn column(&self, name: &str) -> Vec<f64> {
        let Some(place) = self.names.iter().position(|known| known == name) else {
            return Vec::new();
        };
        self.rows.iter().filter_map(|row| row.get(place).copied().flatten()).collect()
    }

    fn mean(&self, name: &str) -> Option<f64> {
        let values = self.column(name);
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn largest(&self, name: &str) -> Option<u64> {
        self.column(name).into_iter().reduce(f64::max).map(|value| value as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_system_does_not_say_counts_nowhere_and_a_row_cut_short_is_none() {
        let found = Columns::parse("seconds,cpu_percent\n1.0,50\n2.0,\n3.0,150\n4.0,9").unwrap();
        assert_eq!((found.mean("cpu_percent"), found.largest("seconds")), (Some(100.0), Some(3)));
        assert_eq!((found.mean("nothing"), found.largest("nothing")), (None, None));
        assert_eq!(Columns::parse("").unwrap().mean("seconds"), None);
        assert!(Columns::parse("seconds\nx\n").is_err_and(|error| error.contains("`x`")));
    }
}

//! `tcolz show`.

use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tcolz_base::durable;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::LedgerRow;
use tcolz_format::sample::Status;
use tcolz_pixels::picture::encode_png;
use tcolz_pixels::recipe::Dtype;

use super::args::{PicturePath, ShowArgs};
use super::ending::Ending;
use super::output::{Facts, bytes, plain, print, print_styled, say};

/// Columns of the picture drawn on a terminal.
const PREVIEW_COLUMNS: usize = 48;

pub(super) fn run(args: &ShowArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    let rows = dataset.find(&args.id)?;
    let column = match args.size {
        None => dataset.meta().columns.len() - 1,
        Some(size) => {
            let columns = &dataset.meta().columns;
            columns.iter().position(|column| column.size() == size).with_context(|| {
                let sizes: Vec<String> =
                    columns.iter().map(|column| column.size().to_string()).collect();
                format!("size {size} is not stored; there are: {}", sizes.join(", "))
            })?
        }
    };
    if args.json {
        let values: Vec<Value> = rows.iter().map(|row| as_json(row, &dataset)).collect();
        print(&format!("{:#}\n", Value::from(values)));
    }
    for row in &rows {
        let picture = picture(&dataset, row, column)?;
        if !args.json {
            print(&facts(row, &dataset).text());
            if let Some(rgb) = picture.as_deref().filter(|_| std::io::stdout().is_terminal()) {
                let size = dataset.meta().columns[column].size() as usize;
                print_styled(&preview(rgb, size));
            }
        }
    }
    if let Some(PicturePath(path)) = &args.png {
        let [row, rest @ ..] = rows.as_slice() else { bail!("no sample `{}`", args.id) };
        if !rest.is_empty() {
            say!(
                "note: {} samples have this id; the picture is the one of split {}",
                rows.len(),
                row.split
            );
        }
        write_png(&dataset, row, column, path)?;
    }
    Ok(Ending::Done)
}

fn write_png(dataset: &Dataset, row: &LedgerRow, column: usize, path: &Path) -> anyhow::Result<()> {
    let Some(rgb) = picture(dataset, row, column)? else {
        if row.status == Status::Stored {
            bail!("{} tensors are no picture: the view is baked in", dataset.meta().recipe.dtype);
        }
        bail!("sample `{}` is {}: it has no picture", row.sample_id, row.status);
    };
    let size = dataset.meta().columns[column].size();
    let png = encode_png(size, size, &rgb)?;
    durable::write_output(path, &png).with_context(|| path.display().to_string())?;
    say!("wrote {} ({size} × {size} pixels)", path.display());
    Ok(())
}

/// Interleaved RGB of a stored sample, when its tensors are pixels.
fn picture(dataset: &Dataset, row: &LedgerRow, column: usize) -> anyhow::Result<Option<Vec<u8>>> {
    if row.status != Status::Stored || dataset.meta().recipe.dtype != Dtype::U8 {
        return Ok(None);
    }
    let planes = dataset.read_tensor(row, column)?;
    let plane = planes.len() / 3;
    let pixel = |index| [planes[index], planes[plane + index], planes[2 * plane + index]];
    Ok(Some((0..plane).flat_map(pixel).collect()))
}

fn facts(row: &LedgerRow, dataset: &Dataset) -> Facts {
    let mut facts = Facts::default();
    facts.add("sample", &row.sample_id);
    facts.add(
        "status",
        match &row.reason {
            Some(reason) => format!("{}, {}", row.status, plain(reason)),
            None => row.status.to_string(),
        },
    );
    facts.add("split", &*row.split);
    facts.add(
        "label",
        match row.label {
            Some(label) => {
                let class = dataset.meta().classes.get(usize::from(label));
                format!("{label} ({})", class.map_or("?", String::as_str))
            }
            None => "none".to_owned(),
        },
    );
    if let Some(agreement) = row.agreement {
        facts.add("agreement", format!("{agreement} of 5"));
    }
    facts.add("listed", format!("{}, line {}", row.list, row.line));
    let mut source = row.path.clone();
    if let Some((length, hash)) = row.source {
        let hash = hex(&hash);
        source.push_str(&format!(", {}, BLAKE3 {hash}", bytes(length)));
    }
    facts.add("source", source);
    if let Some(photo) = row.photo {
        let mut text = format!("{} × {} {}", photo.width, photo.height, photo.format);
        if photo.progressive {
            text.push_str(", progressive");
        }
        if let Some(quality) = photo.jpeg_quality {
            text.push_str(&format!(", quality {quality}"));
        }
        if let Some(orientation) = photo.exif_orientation {
            let applied = dataset.meta().recipe.orient.in_words();
            text.push_str(&format!(", EXIF orientation {orientation} ({applied})"));
        }
        facts.add("photo", text);
    }
    if let Some(id) = row.tweet_id {
        facts.add("tweet", id.to_string());
    }
    if let Some((shard, index)) = row.place {
        facts.add("place", format!("{}/{shard:05}.arrow, row {index}", row.split));
    }
    for (column, tensor) in dataset.meta().columns.iter().zip(&row.tensors) {
        let mean = tensor.sums.mean(u64::from(column.size()).pow(2));
        let mean = mean.map(|value| format!("{value:.1}")).join(", ");
        facts.add(&column.name, format!("mean R, G, B {mean}; BLAKE3 {}", hex(&tensor.blake3)));
    }
    facts
}

fn as_json(row: &LedgerRow, dataset: &Dataset) -> Value {
    let tensors: Vec<Value> = dataset
        .meta()
        .columns
        .iter()
        .zip(&row.tensors)
        .map(|(column, tensor)| {
            json!({
                "column": column.name,
                "pixels_blake3": hex(&tensor.blake3),
                "sum": tensor.sums.sum,
                "sum_of_squares": tensor.sums.sum_of_squares,
            })
        })
        .collect();
    json!({
        "sample_id": row.sample_id,
        "status": row.status,
        "reason": row.reason,
        "split": *row.split,
        "label": row.label,
        "class": row.label.and_then(|label| dataset.meta().classes.get(usize::from(label))),
        "list": *row.list,
        "line": row.line,
        "path": row.path,
        "tweet_id": row.tweet_id,
        "agreement": row.agreement,
        "source_bytes": row.source.map(|(length, _)| length),
        "source_blake3": row.source.map(|(_, hash)| hex(&hash)),
        "format": row.photo.map(|photo| photo.format),
        "width": row.photo.map(|photo| photo.width),
        "height": row.photo.map(|photo| photo.height),
        "progressive": row.photo.map(|photo| photo.progressive),
        "jpeg_quality": row.photo.and_then(|photo| photo.jpeg_quality),
        "exif_orientation": row.photo.and_then(|photo| photo.exif_orientation),
        "recovered_share": row.photo.map(|photo| photo.recovered_share),
        "shard": row.place.map(|(shard, _)| shard),
        "row": row.place.map(|(_, index)| index),
        "dhash": row.dhash.map(|hash| format!("{hash:016x}")),
        "tensors": tensors,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The picture in half blocks: two pixels a character, each the mean of what it stands for.
fn preview(rgb: &[u8], size: usize) -> String {
    let columns = PREVIEW_COLUMNS.min(size);
    let lines = columns.div_ceil(2);
    let mean = |column: usize, line: usize, lines: usize| {
        let (left, right) = (column * size / columns, ((column + 1) * size / columns).max(1));
        let (top, bottom) = (line * size / lines, ((line + 1) * size / lines).max(1));
        let mut sums = [0usize; 3];
        for y in top..bottom {
            for x in left..right {
                for (channel, sum) in sums.iter_mut().enumerate() {
                    *sum += usize::from(rgb[3 * (y * size + x) + channel]);
                }
            }
        }
        sums.map(|sum| sum / ((right - left) * (bottom - top)).max(1))
    };
    let mut text = String::new();
    for line in 0..lines {
        text.push_str("  ");
        for column in 0..columns {
            let [r, g, b] = mean(column, 2 * line, 2 * lines);
            let [lower_r, lower_g, lower_b] = mean(column, 2 * line + 1, 2 * lines);
            text.push_str(&format!("\x1b[38;2;{r};{g};{b};48;2;{lower_r};{lower_g};{lower_b}m▀"));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

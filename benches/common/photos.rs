//! The photos that stages are measured with: real ones from `TCOLZ_BENCH_PHOTOS`, else made-up ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tcolz_photo::{DecodeLimits, Decoder, probe};
use tcolz_pixels::Resizer;
use tcolz_pixels::photo_info::SourceFormat;
use tcolz_pixels::recipe::{Filter, Fit};

/// Photos of each kind: enough to leave every cache, few enough for a bench of a second.
const PHOTOS: usize = 48;

/// JPEGs in memory.
#[derive(Default)]
pub(crate) struct Photos {
    /// Coded in one scan.
    pub(crate) baseline: Vec<Vec<u8>>,
    /// Coded in several scans.
    pub(crate) progressive: Vec<Vec<u8>>,
}

/// The photos, read once.
pub(crate) fn photos() -> &'static Photos {
    static READ: OnceLock<Photos> = OnceLock::new();
    READ.get_or_init(|| match std::env::var_os("TCOLZ_BENCH_PHOTOS") {
        Some(folder) => read(Path::new(&folder)),
        None => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            tcolz_demo::make_dump(folder.path(), 3 * PHOTOS as u32).expect("made-up photos");
            read(folder.path())
        }
    })
}

/// The photos as tensors `[3, 224, 224]`.
pub(crate) fn tensors() -> &'static [Vec<u8>] {
    static MADE: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut decoder = Decoder::new(DecodeLimits::default());
        let mut resizer = Resizer::new(&[224], Fit::Squash, Filter::Bilinear);
        let photos = photos();
        photos
            .baseline
            .iter()
            .chain(&photos.progressive)
            .filter(|bytes| decoder.decode(bytes, None, &mut resizer).is_ok())
            .cloned()
            .collect::<Vec<_>>()
            .iter()
            .map(|bytes| {
                decoder.decode(bytes, None, &mut resizer).expect("decoded a moment ago");
                resizer.planes(0).to_vec()
            })
            .collect()
    })
}

fn read(folder: &Path) -> Photos {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut photos = Photos::default();
    // Spread over the whole folder, so that the sizes are mixed as they are in it.
    let step = (files.len() / (4 * PHOTOS)).max(1);
    for path in files.iter().step_by(step) {
        let Ok(bytes) = fs::read(path) else { continue };
        let Ok(header) = probe(&bytes, &DecodeLimits::default()) else { continue };
        let kind = if header.progressive { &mut photos.progressive } else { &mut photos.baseline };
        let tiny = header.width.min(header.height) < 64;
        if header.format == SourceFormat::Jpeg && !tiny && kind.len() < PHOTOS {
            kind.push(bytes);
        }
    }
    let found = !photos.baseline.is_empty() && !photos.progressive.is_empty();
    assert!(found, "{}: no JPEGs, or none of one kind", folder.display());
    photos
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

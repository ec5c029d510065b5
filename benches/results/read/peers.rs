//! Other readers of the same photos: their stores, made once, and their epochs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use tcolz_convert::dump::Dump;

use super::child::{RAW_BYTES, RAW_BYTES_OF_A_RUN};
use crate::child;
use crate::report::Goal;
use crate::settings::Settings;

/// Epochs that warm up: the first compiles, the second fills the caches (`bench/README.md`).
const WARM_UP: usize = 2;

/// A peer of `bench/peers_read.py`.
pub(crate) struct Peer {
    /// Its name there.
    name: &'static str,
    /// The store that `bench/peers_convert.py` makes for it.
    store: &'static str,
    pub(crate) words: &'static str,
    /// Epochs that count, of full settings: 5 seconds and 2 GB of raw pixels at the speeds of
    /// `bench/README.md`.
    epochs: usize,
    /// Photos of an epoch, of so many.
    photos: fn(usize) -> usize,
    /// What compressed shards must reach against it.
    pub(crate) goal: Goal,
}

const WHOLE_BATCHES: fn(usize) -> usize = |photos| photos / 64 * 64;

/// Every peer; FFCV is the first.
pub(crate) const PEERS: [Peer; 5] = [
    Peer {
        name: "ffcv-rand",
        store: "ffcv-raw",
        words: "FFCV raw, random order, 2 threads",
        epochs: 45,
        photos: |photos| photos,
        goal: Goal::AtLeast(0.8, 1.1),
    },
    Peer {
        name: "memmap-torch2",
        store: "memmap-simplejpeg",
        words: "numpy memmap + torch DataLoader, 2 processes",
        epochs: 5,
        photos: WHOLE_BATCHES,
        goal: Goal::AtLeast(6.0, 9.0),
    },
    Peer {
        name: "memmap",
        store: "memmap-simplejpeg",
        words: "numpy memmap, 1 thread",
        epochs: 5,
        photos: WHOLE_BATCHES,
        goal: Goal::AtLeast(6.0, 9.0),
    },
    Peer {
        name: "bcolz-random",
        store: "bcolz-par",
        words: "bcolz float32, random rows",
        epochs: 13,
        photos: |photos| WHOLE_BATCHES(photos.min(1024)),
        goal: Goal::AtLeast(15.0, 25.0),
    },
    Peer {
        name: "mds",
        store: "mds",
        words: "MosaicML MDS, 2 processes",
        epochs: 4,
        photos: WHOLE_BATCHES,
        goal: Goal::AtLeast(8.0, 12.0),
    },
];

/// What a peer's epochs came to.
pub(crate) struct Epochs {
    /// Median photos a second of those that count.
    pub(crate) photos_a_second: f64,
    /// Whether they are 5 seconds and 2 GB of raw pixels.
    pub(crate) long_enough: bool,
}

/// Where the peers' stores of this dump are kept: the folder `TCOLZ_BENCH_STORES`, else that of this run.
pub(crate) fn stores(settings: &Settings) -> PathBuf {
    let dump = Dump::open(&settings.dump, None).unwrap_or_else(|error| panic!("{error}"));
    let mut hash = blake3::Hasher::new();
    for input in &dump.inputs {
        let file = settings.dump.join(&*input.sample_id);
        let size = fs::metadata(file).map_or(0, |file| file.len());
        hash.update(input.sample_id.as_bytes()).update(&size.to_le_bytes());
    }
    let kept = std::env::var_os("TCOLZ_BENCH_STORES").filter(|folder| !folder.is_empty());
    let folder = kept.map_or_else(|| settings.work.path().join("stores"), PathBuf::from);
    folder.join(&hash.finalize().to_hex()[..16])
}

impl Peer {
    /// Its epochs over the dump's photos; `None` where it cannot run.
    pub(crate) fn run(
        &self,
        settings: &Settings,
        stores: &Path,
        photos: usize,
        seconds: f64,
    ) -> Option<Epochs> {
        let store = self.store(settings, stores)?;
        let (python, convert) = settings.peers.as_ref()?;
        eprintln!("{}", self.name);
        let counted = ((self.epochs as f64 * (seconds / 5.0).min(1.0)).ceil() as usize).max(2);
        let arguments = [
            convert.with_file_name("peers_read.py").into(),
            OsString::from(self.name),
            store.into_os_string(),
        ];
        let epochs = (WARM_UP + counted).to_string();
        let environment = [("EPOCHS", &*epochs), ("OMP_NUM_THREADS", "1")];
        let ended = child::run(python.as_os_str(), &arguments, 2, &environment);
        // "ffcv-rand          epochs img/s: 9000 17000 … 18000  rss 900 MB"
        let words = ended.stdout.split_whitespace().skip_while(|&word| word != "img/s:").skip(1);
        let speeds: Vec<f64> = words.map_while(|word| word.parse().ok()).skip(WARM_UP).collect();
        if speeds.is_empty() {
            eprintln!("{} did not run", self.name);
            return None;
        }
        let of_an_epoch = (self.photos)(photos) as f64;
        let time: f64 = speeds.iter().map(|speed| of_an_epoch / speed).sum();
        let raw = of_an_epoch * speeds.len() as f64 * RAW_BYTES;
        let photos_a_second = speeds.into_iter().collect::<crate::report::Sample>().median();
        let long_enough = time >= 5.0 && raw >= RAW_BYTES_OF_A_RUN;
        Some(Epochs { photos_a_second, long_enough })
    }

    /// Its store, made where it is not there yet. A name is given to it when it is whole.
    fn store(&self, settings: &Settings, stores: &Path) -> Option<PathBuf> {
        let (python, script) = settings.peers.as_ref()?;
        let store = stores.join(self.store);
        if store.exists() {
            return Some(store);
        }
        eprintln!("making the store {}", self.store);
        fs::create_dir_all(stores).expect("a folder for the peers' stores");
        let unfinished = stores.join(format!("{}.unfinished", self.store));
        let arguments = [
            script.into(),
            OsString::from(self.store),
            settings.dump.clone().into(),
            unfinished.clone().into(),
        ];
        let ended = child::run(python.as_os_str(), &arguments, 2, &[("OMP_NUM_THREADS", "1")]);
        // It says how fast it was when it has ended well.
        if !ended.stdout.contains("img/s") {
            eprintln!("{}: no store could be made", self.store);
            return None;
        }
        fs::rename(&unfinished, &store).expect("a name for a store");
        Some(store)
    }
}

/// `examples/torch_dataset.py`: its photos a second, and with what; `None` where no Python can run it.
pub(crate) fn torch_dataset(
    settings: &Settings,
    dataset: &Path,
    split: &str,
    seconds: f64,
) -> Option<(f64, String)> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/torch_dataset.py");
    let own = std::env::var_os("TCOLZ_PYTHON").map(PathBuf::from);
    let pythons = settings.peers.iter().map(|(python, _)| python.clone()).chain(own);
    for python in pythons {
        let options = ["--bench", "--split", split, "--view", "caffe"];
        let mut arguments: Vec<OsString> = vec![example.clone().into(), dataset.into()];
        arguments.extend(options.iter().map(Into::into));
        arguments.extend(["--seconds".into(), seconds.to_string().into()]);
        let ended = child::run(python.as_os_str(), &arguments, 2, &[("OMP_NUM_THREADS", "1")]);
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&ended.stdout) else { continue };
        let with = match (json["torch"].as_str(), json["workers"].as_u64()) {
            (Some(_), Some(workers)) => format!("torch DataLoader, {workers} processes"),
            _ => "without torch, 1 process".to_owned(),
        };
        return Some((json["photos_per_second"].as_f64()?, with));
    }
    None
}

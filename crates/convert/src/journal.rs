//! What a conversion that has not finished knows of itself: enough to go on after any kill.
//!
//! ```text
//! OUT/unfinished/plan.json        what was asked for, and of which lists; written first
//! OUT/unfinished/tar-index        where the members of a tar lie; not there for a folder
//! OUT/unfinished/000000.parquet   ledger rows, in order …
//! OUT/unfinished/000000.json      … and the shard that they fill; this file, written last, makes both count
//! OUT/unfinished/000001.parquet   …
//! ```
//!
//! Each part is sealed with its own checksum and names those of its rows and its shard. When a conversion is resumed,
//! all three are tested before the part counts: the first one that is not as it was written ends the list, and what
//! it and those behind it covered is made again.
//!
//! A part is written once its shard has its name. A shard with very many rows, or with very many bad
//! inputs between its rows, has parts before that which hold rows alone, so that memory is bounded; they
//! count when the shard does. Whatever is not covered by a part is made again, with the same bytes,
//! because a shard's bytes follow from its inputs alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dump::{Dump, Watch};
use tcolz_base::durable;
use tcolz_format::dataset::{
    FileMeta, JOURNAL_FOLDER, LedgerRow, LedgerWriter, read_ledger, seal, unseal,
};
use tcolz_format::shard::TensorColumn;
use tcolz_pixels::recipe::Recipe;

use super::error::ConvertError;
use super::options::ConvertOptions;

const PLAN_FILE: &str = "plan.json";
/// The index of the tar that is converted, so that it is not made again.
const INDEX_FILE: &str = "tar-index";

/// What an unfinished conversion was asked to do. Another plan cannot go on with its shards.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plan {
    tcolz_version: String,
    recipe: Recipe,
    shard_bytes: u64,
    /// BLAKE3 of every input as listed: list, line, split, id, label, problem.
    lists_blake3: String,
}

/// One part of the journal: ledger rows, and the shard that is complete with them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    /// Ledger rows of this part, a file of the journal's folder.
    ledger: FileMeta,
    /// The shard, with the index of its split; none where there are rows by the thousand before it is complete.
    pub(super) shard: Option<(usize, FileMeta)>,
    /// Rows lie in a shard that a later part completes: without that one, this one does not count.
    #[serde(default)]
    open: bool,
}

/// The journal of a conversion.
#[derive(Debug)]
pub(super) struct Journal {
    out: PathBuf,
    folder: PathBuf,
    columns: Vec<TensorColumn>,
    parts: Vec<Part>,
    /// What is wrong with the first part that does not count, as a sentence.
    damage: Option<String>,
}

impl Journal {
    /// True where a conversion has begun in `out` and not finished.
    pub(super) fn exists(out: &Path) -> bool {
        out.join(JOURNAL_FOLDER).exists()
    }

    /// Where a conversion into `out` keeps the index of a tar.
    pub(super) fn index_file(out: &Path) -> PathBuf {
        out.join(JOURNAL_FOLDER).join(INDEX_FILE)
    }

    /// Begins a journal in `out`, or resumes the one that lies there, after its shards have been tested: `watch` is
    /// told how many of their bytes have been.
    ///
    /// # Errors
    /// [`ConvertError::OtherPlan`] when it belongs to another plan; [`ConvertError::Io`];
    /// [`ConvertError::Interrupted`] when `watch` says so.
    pub(super) fn open(
        options: &ConvertOptions,
        dump: &Dump,
        watch: &mut Watch<'_>,
    ) -> Result<Journal, ConvertError> {
        let plan = Plan::of(options, dump);
        let mut journal = Journal {
            out: options.out.clone(),
            folder: options.out.join(JOURNAL_FOLDER),
            columns: TensorColumn::of_recipe(&options.recipe),
            parts: Vec::new(),
            damage: None,
        };
        durable::create_folder(&journal.folder).map_err(io_error(&journal.folder))?;
        let path = journal.folder.join(PLAN_FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                durable::write(&path, &json(&plan)).map_err(io_error(&path))?;
            }
            found => {
                let found = found.map_err(io_error(&path))?;
                plan.require_equal(&found, &options.out)?;
                journal.read_parts(dump, watch)?;
            }
        }
        journal.remove_the_rest(&dump.splits)?;
        let index = Journal::index_file(&options.out);
        dump.keep_index(&index).map_err(io_error(&index))?;
        Ok(journal)
    }

    /// The parts that count, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is wrong with the first part that was there and does not count.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// The ledger rows of a part.
    pub(super) fn rows(&self, part: &Part) -> Result<Vec<LedgerRow>, ConvertError> {
        let path = self.folder.join(&part.ledger.file);
        let bytes = fs::read(&path).map_err(io_error(&path))?;
        Ok(read_ledger(bytes, &self.columns, &path)?)
    }

    /// Adds a part. Its shard already has its name; `open` says that one is in hand and has none yet.
    pub(super) fn append(
        &mut self,
        rows: Vec<LedgerRow>,
        shard: Option<(usize, FileMeta)>,
        open: bool,
    ) -> Result<(), ConvertError> {
        let ledger = self.folder.join(ledger_name(self.parts.len()));
        let mut writer = LedgerWriter::create(&ledger, &self.columns)?;
        for row in rows {
            writer.push(row)?;
        }
        let part = Part { ledger: writer.finish()?, shard, open };
        let path = self.part_file(self.parts.len());
        durable::write(&path, &seal(&part)).map_err(io_error(&path))?;
        self.parts.push(part);
        Ok(())
    }

    /// Removes the journal: dataset.json is there.
    pub(super) fn remove(out: &Path) -> Result<(), ConvertError> {
        let folder = out.join(JOURNAL_FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error(&folder)(error)),
            Ok(()) => durable::sync_folder(out).map_err(io_error(out)),
        }
    }

    /// Reads the parts of which all three files are as they were written; the first that is not ends the list.
    ///
    /// # Errors
    /// When a file is there and cannot be read: what follows it is good work, not to be thrown away.
    fn read_parts(&mut self, dump: &Dump, watch: &mut Watch<'_>) -> Result<(), ConvertError> {
        let mut shards = vec![0; dump.splits.len()];
        while let Some(bytes) = if_there(&self.part_file(self.parts.len()), |path| fs::read(path))?
        {
            match self.part(&bytes, &dump.splits, &mut shards)? {
                Ok(part) => self.parts.push(part),
                Err(damage) => {
                    self.damage = Some(damage);
                    break;
                }
            }
        }
        self.test_shards(dump.inputs.len() as u64, watch)?;
        let counts = self.parts.iter().rposition(|part| !part.open).map_or(0, |last| last + 1);
        self.parts.truncate(counts);
        Ok(())
    }

    fn part_file(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number:06}.json"))
    }

    /// The next part, without a test of its shard's bytes; or what is wrong with it. `shards` counts the shards of each
    /// split so far.
    fn part(
        &self,
        bytes: &[u8],
        splits: &[String],
        shards: &mut [usize],
    ) -> Result<Result<Part, String>, ConvertError> {
        let file = self.part_file(self.parts.len());
        let part = unseal(bytes, &file).map_err(|error| error.to_string()).and_then(|value| {
            serde_json::from_value(value).map_err(|error| format!("{}: {error}", file.display()))
        });
        let part: Part = match part {
            Ok(part) => part,
            Err(damage) => return Ok(Err(damage)),
        };
        let wrong = |what: &str| Ok(Err(format!("{}: {what}", file.display())));
        if part.ledger.file != ledger_name(self.parts.len()) {
            return wrong("it names the rows of another part");
        }
        if let Some((split, shard)) = &part.shard {
            let Some((name, number)) = splits.get(*split).zip(shards.get_mut(*split)) else {
                return wrong("it names a split that does not exist");
            };
            if shard.file != shard_name(name, *number) {
                return wrong("it names another shard than the next one");
            }
            *number += 1;
        }
        let rows = self.folder.join(&part.ledger.file);
        let found = if_there(&rows, |path| fs::read(path))?;
        let found = found.map(|bytes| blake3::hash(&bytes).to_string());
        Ok(match found {
            Some(hash) if hash == part.ledger.blake3 => Ok(part),
            Some(_) => Err(format!("{}: not as it was written", rows.display())),
            None => Err(format!("{}: there is no such file any more", rows.display())),
        })
    }

    /// Reads the shards of the parts and ends the list of parts before the first whose shard is not as it was written.
    fn test_shards(&mut self, listed: u64, watch: &mut Watch<'_>) -> Result<(), ConvertError> {
        let shards = || self.parts.iter().enumerate();
        let shards =
            || shards().filter_map(|(part, Part { shard, .. })| Some((part, &shard.as_ref()?.1)));
        let all = shards().map(|(_, shard)| shard.bytes).sum();
        let mut done = 0;
        for (part, shard) in shards() {
            if watch(done, all).is_break() {
                // All of it is there, and tested again by whoever resumes.
                let done = self.parts.iter().map(|part| part.ledger.rows).sum();
                return Err(ConvertError::Interrupted { path: self.out.clone(), done, listed });
            }
            let path = self.out.join(&shard.file);
            let damage = match if_there(&path, durable::hash)? {
                Some((bytes, _)) if bytes != shard.bytes => {
                    format!("{}: {bytes} bytes, expected {}", path.display(), shard.bytes)
                }
                Some((_, hash)) if hash.to_string() != shard.blake3 => {
                    format!("{}: not as it was written", path.display())
                }
                Some(_) => {
                    done += shard.bytes;
                    continue;
                }
                None => format!("{}: there is no such file any more", path.display()),
            };
            self.damage = Some(damage);
            self.parts.truncate(part);
            return Ok(());
        }
        Ok(())
    }

    /// Removes what no part covers: shards and parts cut off by a kill, temporary files.
    fn remove_the_rest(&self, splits: &[String]) -> Result<(), ConvertError> {
        let mut keep: Vec<PathBuf> =
            vec![self.folder.join(PLAN_FILE), self.folder.join(INDEX_FILE)];
        for (index, part) in self.parts.iter().enumerate() {
            keep.push(self.part_file(index));
            keep.push(self.folder.join(&part.ledger.file));
            keep.extend(part.shard.iter().map(|(_, shard)| self.out.join(&shard.file)));
        }
        let splits = splits.iter().map(|split| self.out.join(split));
        for folder in splits.chain([self.folder.clone()]).filter(|folder| folder.is_dir()) {
            for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
                let path = entry.map_err(io_error(&folder))?.path();
                let ours = folder == self.folder || is_shard(&path);
                if ours && !keep.contains(&path) {
                    fs::remove_file(&path).map_err(io_error(&path))?;
                }
            }
            durable::remove_leftovers(&folder).map_err(io_error(&folder))?;
        }
        durable::remove_leftovers(&self.out).map(|_| ()).map_err(io_error(&self.out))
    }
}

impl Plan {
    fn of(options: &ConvertOptions, dump: &Dump) -> Plan {
        let mut hash = blake3::Hasher::new();
        for name in dump.lists.iter().chain(&dump.splits).chain(&dump.classes) {
            hash.update(name.as_bytes()).update(b"\n");
        }
        for input in &dump.inputs {
            hash.update(format!("{input:?}\n").as_bytes());
        }
        Plan {
            tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: options.recipe.clone(),
            shard_bytes: options.shard_bytes,
            lists_blake3: hash.finalize().to_string(),
        }
    }

    fn require_equal(&self, found: &[u8], out: &Path) -> Result<(), ConvertError> {
        let other =
            |difference: String| Err(ConvertError::OtherPlan { path: out.to_owned(), difference });
        let Ok(found) = serde_json::from_slice::<Plan>(found) else {
            return other("its plan.json cannot be read".to_owned());
        };
        if found.tcolz_version != self.tcolz_version {
            let (this, that) = (&self.tcolz_version, &found.tcolz_version);
            return other(format!("it was begun by tcolz {that}, this is {this}"));
        }
        if found.recipe != self.recipe {
            return other("it was begun with another recipe".to_owned());
        }
        if found.shard_bytes != self.shard_bytes {
            let (this, that) = (self.shard_bytes, found.shard_bytes);
            return other(format!("it was begun with shards of {that} bytes, not {this}"));
        }
        if found.lists_blake3 != self.lists_blake3 {
            return other("the source's lists or files are not those it was begun with".to_owned());
        }
        Ok(())
    }
}

/// The rows of a part, a file of the journal's folder.
fn ledger_name(part: usize) -> String {
    format!("{part:06}.parquet")
}

/// Shard number `number` of a split, as a path below the dataset's folder.
pub(super) fn shard_name(split: &str, number: usize) -> String {
    format!("{split}/{number:05}.arrow")
}

/// True for a name that a conversion gives its shards: `00000.arrow`.
pub(super) fn is_shard(path: &Path) -> bool {
    let number = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    path.extension().is_some_and(|extension| extension == "arrow")
        && number.len() >= 5
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain values have a JSON form");
    text.push(b'\n');
    text
}

/// What `read` gets from a file; `None` where there is no such file.
fn if_there<T>(
    path: &Path,
    read: impl FnOnce(&Path) -> io::Result<T>,
) -> Result<Option<T>, ConvertError> {
    match read(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path)(error)),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> ConvertError + use<> {
    let path = path.to_owned();
    |source| ConvertError::Io { path, source }
}

//! Why a dump cannot be listed.

use std::io;
use std::path::PathBuf;

use super::{Layout, Reading};
use tcolz_base::door::{call, given, option};

/// A dump that cannot be listed. A single bad line never is one: it becomes a ledger row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The source, a folder in it or a list cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The source is neither a folder nor a tar.
    #[error(
        "{path}: expected a folder of photos, a plain .tar or a table ending in .csv or .tsv, found {found}{next}",
        path = path.display()
    )]
    NotASource {
        /// The source.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What to do, after a `; `; empty where nothing is known.
        next: String,
    },
    /// The source is no longer what was opened.
    #[error(
        "{path}: the source is no longer what it was: {what}; bring it back, and the same command goes \
         on where it was",
        path = path.display()
    )]
    Gone {
        /// The source.
        path: PathBuf,
        /// What has become of it.
        what: String,
    },
    /// Listing was given up on request.
    #[error("{path}: interrupted before it was listed", path = path.display())]
    GivenUp {
        /// The source.
        path: PathBuf,
    },
    /// No layout fits.
    #[error(
        "{path}: no known layout: expected `ground_truth/twitter_*_agrees.txt` (ttd), `b-t4sa_train.txt` (b-t4sa), \
         `labels.csv` with a header such as `path,label` (csv), or one folder of photos for each class \
         (folder); found {found}; name lists with {}, or say the layout with {}",
        option("lists"),
        option("layout"),
        path = path.display()
    )]
    UnknownLayout {
        /// The source.
        path: PathBuf,
        /// What lies there, in words.
        found: String,
    },
    /// All photos would be of one class, and a table that may be the list is not read.
    #[error(
        "{path}: every photo would be of the one class `{class}`, and {table} is not read; name it with {}, or say {} \
         to go on without it",
        option("lists"),
        given("layout", Layout::Folder),
        path = path.display()
    )]
    TableOrFolder {
        /// The source.
        path: PathBuf,
        /// The table.
        table: String,
        /// The class.
        class: String,
    },
    /// Folders are called like splits, and what lies in them are photos and not classes.
    #[error(
        "{path}: {folders}: expected a folder of photos for each class in it, found photos; name a list with \
         {}, or say {} where these are the classes",
        given("lists", "train=FILE"),
        given("layout", Layout::Classes),
        path = path.display()
    )]
    NoClassFolders {
        /// The source.
        path: PathBuf,
        /// The folders.
        folders: String,
    },
    /// As it was recognised, a dump would lose more photos than it keeps.
    #[error(
        "{path}: read as {layout}, because {because}, {count} of {all} photos would be left out: {words}; say \
         {again} to convert the rest{instead}",
        path = path.display(),
        layout = reading.layout,
        again = given("layout", reading.layout),
        because = reading.because,
        words = reading.not_used_in_words(),
        instead = instead(reading.layout)
    )]
    LeavesOut {
        /// The source.
        path: PathBuf,
        /// As what it was recognised.
        reading: Box<Reading>,
        /// Photos that would be left out.
        count: u64,
        /// Photos in the source.
        all: u64,
    },
    /// Photos are no inputs, and that is to be an error.
    #[error(
        "{path}: {count} {} in no list and no class folder that is read: {words}; the first is `{first}`; list them, move \
         them away, or leave {} out",
        if *count == 1 { "photo is" } else { "photos are" },
        option("strict"),
        path = path.display()
    )]
    Unlisted {
        /// The source.
        path: PathBuf,
        /// How many there are.
        count: u64,
        /// The path of the first.
        first: String,
        /// Where they lie, in words.
        words: String,
    },
    /// A list is no text that can be read.
    #[error("{path}: expected a list in UTF-8, found {found}: {advice}", path = path.display())]
    NotText {
        /// The list.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Not one line of a list that was named can be used.
    #[error("{path}: none of its lines can be used; line {number}: {detail}", path = path.display())]
    NoUsableLine {
        /// The list.
        path: PathBuf,
        /// The first line, from 1.
        number: usize,
        /// What is wrong with it, in words.
        detail: String,
    },
    /// A quote in a table takes in the lines that follow it.
    #[error(
        "{path}: a quote opens on line {opened}, and {}; quote the field anew or take the line ends out of it",
        closed.map_or_else(|| "is never closed".to_owned(), |line| format!("is closed on line {line}: what stands between would be lost")),
        path = path.display()
    )]
    OpenQuote {
        /// The table.
        path: PathBuf,
        /// Line of the opening quote, from 1.
        opened: usize,
        /// Line of the closing quote, where there is one.
        closed: Option<usize>,
    },
    /// The source is what a conversion makes, not what it reads.
    #[error("{path}: expected a dump of photos, found a dataset; {} says what is in it", call("inspect", &[&path.display().to_string()], &[]), path = path.display())]
    IsDataset {
        /// The source.
        path: PathBuf,
    },
    /// The lists are there, the photos are still in their tar.
    #[error(
        "{path}: the photos are not unpacked, and need not be: convert {tar}",
        path = path.display(),
        tar = tar.display()
    )]
    StillPacked {
        /// The source.
        path: PathBuf,
        /// The tar in it.
        tar: PathBuf,
    },
    /// The header of a table does not tell what its columns hold.
    #[error(
        "{path}: expected a header with a column of paths (`path`, `file`, `image`, `id`, …) and one of \
         labels (`label`, `class`, …), found {found}; name the columns so",
        path = path.display()
    )]
    Columns {
        /// The table.
        path: PathBuf,
        /// The names in its header.
        found: String,
    },
    /// The source is a table, and lists or a layout that is no table's are asked for.
    #[error("{path}: a table is a list itself: name its folder as SRC, or leave {} and {} away", option("lists"), option("layout"), path = path.display())]
    TableAsSource {
        /// The table.
        path: PathBuf,
    },
    /// Lists were named for a dump whose folders are its lists.
    #[error("{path}: {} and {} exclude each other: folders name the classes there", option("lists"), given("layout", Layout::Folder), path = path.display())]
    ListsOfFolder {
        /// The source.
        path: PathBuf,
    },
    /// The dump has splits and is to be divided.
    #[error("{path}: has the splits {splits} already; {} divides dumps that have none", option("make_splits"), path = path.display())]
    HasSplits {
        /// The source.
        path: PathBuf,
        /// Its splits.
        splits: String,
    },
    /// A way of making splits that is not known.
    #[error("no method `{found}` of making splits; there are: {known}")]
    SplitMethod {
        /// Its name.
        found: String,
        /// The names there are.
        known: String,
    },
    /// The text scores have other columns.
    #[error("{path}: expected the header `TWID NEG NEU POS`, found `{found}`", path = path.display())]
    ScoreColumns {
        /// The file.
        path: PathBuf,
        /// Its header.
        found: String,
    },
    /// Text scores for photos that belong to no tweet.
    #[error("{path}: text scores are found by tweet id, and photos of a {layout} dump have none", path = path.display())]
    NoTweets {
        /// The file of scores.
        path: PathBuf,
        /// The layout of the dump.
        layout: Layout,
    },
    /// A layout was asked for, and what it stands on is not there.
    #[error("{path}: not a {layout} dump: {expected} not found", path = path.display())]
    NotThisLayout {
        /// The source.
        path: PathBuf,
        /// The layout asked for.
        layout: Layout,
        /// What it needs.
        expected: &'static str,
    },
    /// There is nothing to convert.
    #[error("{path}: a {layout} dump without a single photo", path = path.display())]
    Empty {
        /// The source.
        path: PathBuf,
        /// The layout it was read as.
        layout: Layout,
    },
    /// A folder cannot name a class.
    #[error("{path}: {fault}; rename the folder", path = path.display())]
    FolderName {
        /// The source.
        path: PathBuf,
        /// What is wrong with the name, in words.
        fault: String,
    },
    /// More classes, lists or lines than the ledger has room for.
    #[error("{path}: {found} {what}, at most {limit} are possible", path = path.display())]
    TooMany {
        /// The source.
        path: PathBuf,
        /// Classes, lists, …
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// The layouts that may be meant instead of a recognised one.
fn instead(layout: Layout) -> String {
    match layout {
        Layout::Folder => {
            format!(", or {} where every folder is a class", given("layout", Layout::Classes))
        }
        Layout::Classes => String::new(),
        _ => format!(
            ", {} where the folders are the classes, or name other lists with {}",
            given("layout", Layout::Folder),
            option("lists")
        ),
    }
}

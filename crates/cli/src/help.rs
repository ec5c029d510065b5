//! The long help of `tcolz convert`: what a manual page would say. No line is wider than 80 columns: clap would break
//! it without its indent.

/// After the options of `tcolz convert --help`; `-h` shows the examples alone.
pub(super) const CONVERT: &str = "\
Examples:
  tcolz convert photos/ out/                         a folder for each class
  tcolz convert ttd/ out/ --size 224 --size 299      two sizes from one decode
  tcolz convert dump/ out/ --decode scaled           faster: decoded small
  tcolz convert dump/ out/ --dtype f32 --view torch  for readers without views
  tcolz convert b-t4sa_imgs.tar out/ --text-scores t4sa_text_sentiment.tsv
  tcolz convert photos/ out/ --make-splits 80/10/10  train, val and test
  tcolz convert ttd/ out/ \\
    --list train=ttd/folds/five_agrees/test1/train.txt \\
    --list test=ttd/folds/five_agrees/test1/test.txt

Layouts:
  b-t4sa   b-t4sa_{train,val,test}.txt (`path label`, no header) in or beside
           the folder that holds data/, with or without b-t4sa_imgs/ above it
  ttd      images/ (or Agg_AMT_Candidates/) and
           ground_truth/twitter_*_agrees.txt
  csv      labels.csv, metadata.csv, or train.csv, val.csv, test.csv (or .tsv)
           with a header: a column path, file, image or id; one of labels:
           label, class, breed; perhaps a column split. Photos may lie in
           another folder, and lack their ending in the table
  folder   a folder for each class; train/, val/, test/ may lie above or below
  classes  as folder, and train/, val/, test/ are classes like others
  Any of these may lie in a plain .tar, and some folders down. --layout auto
  tries ttd, b-t4sa, csv, folder, and reports the choice and the reason. A dump
  without splits becomes the split `all`. Splits go by the usual words in any
  case: train, training; val, valid, validation, dev; test, testing, eval,
  evaluation; also as a part of names that are otherwise alike, such as
  seg_train and seg_test.

What is left out:
  Names that begin with a dot and what systems leave behind (__MACOSX,
  Thumbs.db, @eaDir, …). Photos that no list mentions, or that lie in no class
  folder, are counted, and named in OUT.log.jsonl; with --strict they are an
  error. Where they are more than half, --layout has to be given. A file is a
  photo by its name or, without a telling one, by its first bytes; .txt, .csv,
  .json and the like are none. In class folders and lists, every file counts.

What becomes of a line:
  stored       decoded, resized, written to a shard; a truncated JPEG as far as
               it goes, with a note, or not at all with --refuse-truncated
  quarantined  there, but not usable; the ledger says why
  missing      listed, but there is no such file
  duplicate    the same path again in the same split: the first line wins
  listed = stored + quarantined + missing + duplicate, always: every line has
  a row in OUT/ledger.parquet.

Stopping and resuming:
  Ctrl-C finishes the shard in hand; again, it stops at once. After that, a
  kill, a power cut, a full disk or a source that went away, the same command
  resumes, and ends with the same bytes. Another recipe, version or list is
  refused; --restart discards what is there. A finished dataset stays the same.

What decides the bytes:
  The photos, their lists, the recipe, --shard-mb and the version of tcolz, and
  never --threads. Timings, and how the dump was read, go to OUT.log.jsonl.

Events of --json, one object a line:
  listing, begun, forecast, checking, damaged, resumed, note, progress,
  shard, finished when all is done

Exit codes:
  0 done   1 failed   2 wrong usage   130 interrupted
  3 finished, but with more quarantined and missing inputs than --max-bad
  4 finished, but the source is damaged: a tar that was cut off, for one";

/// The examples of [`CONVERT`].
pub(super) fn convert_examples() -> &'static str {
    let examples = CONVERT.split_once("\n\n").map_or(CONVERT, |(examples, _)| examples);
    examples.trim_end()
}

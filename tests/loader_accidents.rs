//! Promises of the loader in processes of their own: robbed of a shard, short of file descriptors, or left alone
//! for many epochs.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod child;
mod common;
mod faults;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use child::{child, role, said, succeeded};
use serde_json::{Value, json};
use tcolz_base::usage::anonymous_bytes;
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::forward::{Request, WindowReads};
use tcolz_loader::{Access, LoaderError, Order};
use tcolz_pixels::recipe::{Codec, Dtype};

const SIGBUS: i32 = 7;

/// The first split has thirty samples in several shards.
fn dataset() -> (tempfile::TempDir, Dataset) {
    // Canonical, as the paths are that a descriptor gives.
    let folder = tempfile::tempdir_in(std::env::temp_dir().canonicalize().unwrap()).unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

/// The roles. In the test program itself there is none, and this does nothing.
/// The test that does the work of children.
const CHILD: &str = concat!(module_path!(), "::what_a_child_does");

#[test]
fn what_a_child_does() {
    let Some((dataset, told)) = role() else { return };
    match told["role"].as_str().unwrap() {
        "lose a shard" => lose_a_shard(&dataset),
        "lose a file of its own" => lose_a_file(dataset.root()),
        "signal itself" => signal_itself(),
        "epochs" => epochs(&dataset, &told),
        "open all" => open_all(&dataset, &told),
        "windows" => {
            let loader = windows(&dataset);
            for epoch in [0, 1] {
                assert_eq!(loader.epoch(epoch).map(|b| b.unwrap().len()).sum::<usize>(), 30);
            }
        }
        role => panic!("no role `{role}`"),
    }
}

#[test]
fn a_shard_that_a_command_loses_while_it_is_mapped_is_named_and_the_command_ends_with_1() {
    let (folder, dataset) = dataset();
    let Some(library) = faults::library(folder.path()) else { return };
    let shard = &common::shard_files(&dataset)[0];
    let sound = fs::read(dataset.root().join(shard)).unwrap();
    let sample = dataset.ledger().unwrap()[0].sample_id.clone();
    for arguments in [vec!["verify"], vec!["show", &sample]] {
        let mut command = common::tcolz();
        command.arg(arguments[0]).arg(dataset.root()).args(&arguments[1..]);
        command.env("LD_PRELOAD", &library).env("FAULT_ROOT", folder.path());
        succeeded(&mut command);
        let output = command.env("FAULT_CUT", format!("0,{shard}")).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{:?}: {error}", output.status);
        let path = dataset.root().join(shard);
        assert!(error.contains(&format!("error: {}: lost while", path.display())), "{error}");
        fs::write(path, &sound).unwrap();
    }
}

/// Truncates a shard between its test and its reading.
fn lose_a_shard(dataset: &Dataset) {
    tcolz_format::shard::name_lost_maps();
    // Others are mapped as well, and keep their files.
    let others: Vec<_> = (1..3).map(|n| dataset.open_shard("train", n).unwrap()).collect();
    let shard = dataset.open_shard("train", 0).unwrap();
    shard.check_length().unwrap();
    let path = dataset.root().join(&dataset.split("train").unwrap().shards[0].file);
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
    println!("{:?}", others.iter().map(|other| other.stored(0, 0).unwrap().len()));
    println!("came back: {:?}", shard.stored(0, 0));
}

#[test]
fn a_program_that_asks_for_it_is_told_which_shard_it_lost() {
    let (_folder, dataset) = dataset();
    let output = child(CHILD, &dataset, "lose a shard", &json!({})).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{:?}: {text}", output.status);
    assert!(
        text.contains("train/00000.arrow: lost while") && !text.contains("came back"),
        "{text}"
    );
}

/// Truncates a mapped file that is none of ours.
fn lose_a_file(folder: &Path) {
    tcolz_format::shard::name_lost_maps();
    let path = folder.join("other");
    fs::write(&path, [7; 100]).unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    // SAFETY: the map is read after its file was cut, on purpose: the signal that this sends is what the
    // test is about.
    let map = unsafe { memmap2::Mmap::map(&file) }.unwrap();
    file.set_len(0).unwrap();
    println!("came back: {:?}", map[0]);
}

fn signal_itself() {
    tcolz_format::shard::name_lost_maps();
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::BUS).unwrap();
    // It is sent to the process: another thread may be the one that gets it, a moment later.
    std::thread::sleep(std::time::Duration::from_secs(5));
    println!("came back");
}

#[test]
fn any_other_sigbus_ends_the_process_as_if_nobody_handled_it() {
    let (_folder, dataset) = dataset();
    for role in ["lose a file of its own", "signal itself"] {
        let output = child(CHILD, &dataset, role, &json!({})).output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGBUS), "{role}: {}", said(&output));
        assert!(!said(&output).contains("came back"));
    }
}

/// Reads epochs, and prints by how much the least anonymous memory of the last third of them exceeds the most
/// that the first third had. An allocator keeps what its threads have used, which differs from run to run and
/// from epoch to epoch, but comes to an end; what is lost with each sample does not.
fn epochs(dataset: &Dataset, told: &Value) {
    let access = if told["access"] == "read" { Access::Read } else { Access::Map };
    let loader = dataset.loader("train").size(112).shuffle(1).batch_size(4).workers(2);
    let loader = loader.access(access).random_resized_crop(96).flip(0.5).build().unwrap();
    let lost = usize::try_from(told["lost"].as_u64().unwrap()).unwrap();
    let read = |epoch: u32| {
        for batch in loader.epoch(epoch) {
            let batch = batch.unwrap();
            assert_eq!(batch.shape()[2..], [96, 96]);
            batch
                .sample_ids()
                .iter()
                .for_each(|_| std::mem::forget(std::hint::black_box(vec![1_u8; lost])));
        }
        anonymous_bytes().unwrap()
    };
    let after: Vec<u64> = (0..120).map(read).collect();
    let (first, last) = (after[..40].iter().max().unwrap(), after[80..].iter().min().unwrap());
    println!("grown by {} bytes", last.saturating_sub(*first));
}

#[test]
fn memory_does_not_grow_from_epoch_to_epoch() {
    let (_folder, dataset) = dataset();
    let grown = |access: &str, lost: usize| -> u64 {
        let told = json!({ "access": access, "lost": lost });
        let text = succeeded(&mut child(CHILD, &dataset, "epochs", &told));
        let (_, rest) = text.split_once("grown by ").unwrap();
        rest.split_once(" bytes").unwrap().0.parse().unwrap()
    };
    for access in ["map", "read"] {
        // Between the two thirds lie 40 epochs of 30 samples: 1.2 MB for each kilobyte that a sample loses.
        let (kept, leaking) = (grown(access, 0), grown(access, 1024));
        assert!(kept < 600_000, "{access}: {kept} bytes");
        assert!(leaking > 600_000, "{access}: this test sees no leak: {leaking} bytes");
    }
}

/// The same samples, each too long to share its shard: thirty shards, and in a windowed order thirty blocks.
fn one_sample_a_shard(folder: &Path) -> Dataset {
    let mut options = common::options(&folder.join("photos"), &folder.join("many"), &[224]);
    (options.recipe.codec, options.shard_bytes) = (Codec::Raw, 100_000);
    common::converted(&options);
    let dataset = Dataset::open(&options.out).unwrap();
    assert_eq!(dataset.split("train").unwrap().shards.len(), 30);
    dataset
}

/// Opens every shard of a split at once.
fn open_all(dataset: &Dataset, told: &Value) {
    let access = if told["access"] == "read" { Access::Read } else { Access::Map };
    match dataset.loader("train").access(access).build() {
        Ok(loader) => {
            let read: usize = loader.epoch(0).map(|batch| batch.unwrap().len()).sum();
            println!("read {read}");
        }
        Err(LoaderError::Option { option, expected, found }) => {
            println!("{option}: expected {expected}, found {found}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn more_shards_than_files_may_be_open_are_read_all_the_same_or_refused_by_the_limit() {
    let (folder, _) = dataset();
    let dataset = one_sample_a_shard(folder.path());
    let limited = |access: &str, limits: &str| {
        let own = child(CHILD, &dataset, "open all", &json!({ "access": access }));
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{limits} && exec \"$0\" \"$@\"")).arg(own.get_program());
        command.args(own.get_args());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        succeeded(&mut command)
    };
    for access in ["map", "read"] {
        let text = limited(access, "ulimit -S -n 24");
        assert!(text.contains("read 30"), "{text}");
        let text = limited(access, "ulimit -S -n 24 && ulimit -H -n 30");
        assert!(text.contains("open files: expected a limit of"), "{text}");
        assert!(text.contains("one for each of 30 shards") && text.contains("found 30"), "{text}");
    }
}

fn windows(dataset: &Dataset) -> tcolz_loader::Loader {
    let loader = dataset.loader("train").order(Order::Windowed, 3).access(Access::Read);
    loader.batch_size(4).workers(2).build().unwrap()
}

#[test]
fn what_a_disk_sees_of_a_windowed_epoch_is_read_forward_first_as_the_loader_says() {
    let (folder, _) = dataset();
    let Some(library) = faults::library(folder.path()) else { return };
    let dataset = one_sample_a_shard(folder.path());
    let log = folder.path().join("reads.log");
    let mut command = child(CHILD, &dataset, "windows", &json!({}));
    command.env("LD_PRELOAD", &library).env("FAULT_ROOT", dataset.root()).env("FAULT_READS", &log);
    succeeded(&mut command);

    let shards = &dataset.split("train").unwrap().shards;
    let number = |path: &str| {
        shards.iter().position(|shard| Path::new(path) == dataset.root().join(&shard.file))
    };
    // Shard, first byte, length.
    let text = fs::read_to_string(log).unwrap();
    let mut seen: Vec<(u32, u64, u64)> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.splitn(3, '\t').collect();
        let Some(shard) = number(fields[2]) else { continue };
        seen.push((shard as u32, fields[0].parse().unwrap(), fields[1].parse().unwrap()));
    }
    let loader = windows(&dataset);
    let reads = |epoch: u32| {
        let reads = loader.reads(epoch).unwrap();
        assert_eq!(reads.len(), 2);
        let all = |of: fn(WindowReads) -> Vec<Request>| {
            let requests = reads.clone().into_iter().flat_map(of);
            requests.map(|r| (r.shard, r.offset, r.length)).collect::<Vec<_>>()
        };
        (all(|window| window.forward), all(|window| window.samples))
    };

    // The second epoch: what the loader says, and nothing besides.
    let (forward, again) = reads(1);
    let second = seen.split_off(seen.len() - forward.len() - again.len());
    // One sample is one request here: the first time that it is read is when it is read ahead.
    let firsts = |seen: &[(u32, u64, u64)]| {
        let mut met = BTreeSet::new();
        seen.iter().copied().filter(|&read| met.insert(read)).collect::<Vec<_>>()
    };
    assert_eq!(firsts(&second), forward);
    let mut twice = second.clone();
    twice.sort_unstable();
    let mut expected = [forward, again].concat();
    expected.sort_unstable();
    assert_eq!(twice, expected, "and once more for its batch");

    // The first: of each shard, where the disk comes to it, the footer, the index in front of the sample,
    // the sample with the hash behind it; then the hash is taken from there.
    let (forward, again) = reads(0);
    let met: Vec<_> = firsts(&seen).into_iter().filter(|read| !again.contains(read)).collect();
    assert_eq!(met.len(), 4 * forward.len());
    for (met, (shard, offset, length)) in met.chunks(4).zip(forward) {
        let [footer, index, sample, hash] = *met else { unreachable!("chunks of four") };
        assert!(met.iter().all(|read| read.0 == shard), "{met:?}");
        assert_eq!(footer.1 + footer.2, shards[shard as usize].bytes);
        assert!((1..offset).contains(&index.1) && index.1 + index.2 >= offset, "{met:?}");
        let file = dataset.open_shard_file("train", shard).unwrap();
        let hashes = file.row(0, 0).unwrap().hashes_to_read().unwrap();
        assert_eq!((sample.1, sample.1 + sample.2), (offset, hashes.end));
        assert!(hashes.start >= offset + length);
        assert_eq!((hash.1, hash.1 + hash.2), (hashes.start, hashes.end));
    }
}

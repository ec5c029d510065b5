//! Promise: a training whose processes are killed at any step goes on in any other world, and every sample comes
//! as often as the order says.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::child;
use crate::common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use child::{child, role};
use serde_json::{Value, json};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;
use tcolz_loader::DatasetExt;
use tcolz_loader::{LastBatch, LoaderBuilder, Order, RankState};
use tcolz_pixels::recipe::{Codec, Dtype};

const SIGKILL: i32 = 9;

/// In the test program itself, nothing.
/// The test that does the work of children.
const CHILD: &str = concat!(module_path!(), "::what_a_child_does");

#[test]
fn what_a_child_does() {
    if let Some((dataset, told)) = role() {
        train(&dataset, &told);
    }
}

fn number(told: &Value, name: &str) -> usize {
    told[name].as_u64().unwrap() as usize
}

fn run_of(dataset: &Dataset, told: &Value) -> LoaderBuilder {
    let order = Order::parse(told["order"].as_str().unwrap()).unwrap();
    let loader = dataset.loader("train").order(order, 11).workers(number(told, "workers"));
    let loader = loader.last_batch(LastBatch::Keep).batch_size(number(told, "batch"));
    loader.rank(number(told, "rank") as u32, number(told, "world") as u32).flip(0.5)
}

/// One rank of a training: after each batch it saves its state with all ids it has had, in one file that
/// becomes visible whole. It is killed when it has the batch number `killed_at`, before it saves that.
fn train(dataset: &Dataset, told: &Value) {
    let loader = run_of(dataset, told).build().unwrap();
    let file = PathBuf::from(told["file"].as_str().unwrap());
    let mut epoch = match &told["state"] {
        Value::Null => loader.epoch(5),
        state => loader.resume(&serde_json::from_value(state.clone()).unwrap()).unwrap(),
    };
    let mut ids: Vec<String> = Vec::new();
    let save = |ids: &[String], state: RankState| {
        let unfinished = file.with_extension("unfinished");
        fs::write(&unfinished, json!({ "ids": ids, "state": state }).to_string()).unwrap();
        fs::rename(unfinished, &file).unwrap();
    };
    save(&ids, epoch.state());
    let mut batches = 0;
    while let Some(batch) = epoch.next() {
        batches += 1;
        if told["killed_at"].as_u64() == Some(batches) {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
        ids.extend(batch.unwrap().sample_ids().iter().map(str::to_owned));
        save(&ids, epoch.state());
    }
}

/// Runs all ranks of a leg; their ids, in the order of ranks, and states. `killed_at` as in [`train`].
fn leg(
    dataset: &Dataset,
    folder: &Path,
    run: &Value,
    state: &Value,
    killed_at: Option<u64>,
) -> (Vec<Vec<String>>, Vec<RankState>) {
    let world = number(run, "world");
    let files: Vec<PathBuf> = (0..world).map(|rank| folder.join(format!("rank-{rank}"))).collect();
    let started: Vec<_> = (0..world)
        .map(|rank| {
            let mut told = run.clone();
            told["rank"] = rank.into();
            told["file"] = json!(files[rank]);
            (told["state"], told["killed_at"]) = (state.clone(), json!(killed_at));
            let mut command = child(CHILD, dataset, "train", &told);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut process in started {
        let ended = process.wait().unwrap();
        match killed_at {
            Some(_) => assert_eq!(ended.signal(), Some(SIGKILL), "{ended:?}"),
            None => assert!(ended.success(), "{ended:?}"),
        }
    }
    let saved = files.iter().map(|file| {
        let saved: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let ids = serde_json::from_value(saved["ids"].clone()).unwrap();
        (ids, serde_json::from_value(saved["state"].clone()).unwrap())
    });
    saved.unzip()
}

#[test]
fn processes_killed_at_every_step_go_on_in_another_world_and_every_sample_comes_as_often_as_it_should()
 {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let rows = dataset.ledger().unwrap();
    let stored = rows.iter().filter(|row| row.status == Status::Stored && &*row.split == "train");
    let stored: Vec<&str> = stored.map(|row| row.sample_id.as_str()).collect();
    for order in ["shuffle-v1", "balanced-v1"] {
        let run = |world: u32, batch: u32, workers: u32| json!({ "order": order, "world": world, "batch": batch, "workers": workers });
        let mut alone = run(1, 7, 1);
        alone["rank"] = 0.into();
        let whole = run_of(&dataset, &alone).build().unwrap();
        let expected: Vec<&str> =
            whole.epoch_order(5).iter().map(|&index| stored[index as usize]).collect();
        let steps = expected.len().div_ceil(2 * 4) as u64;
        for killed_at in 1..=steps {
            let first = run(2, 4, 1 + (killed_at % 3) as u32);
            let (had, states) = leg(&dataset, folder.path(), &first, &Value::Null, Some(killed_at));
            let state = RankState::merge(&states).unwrap();
            assert_eq!(state.position, 8 * (killed_at - 1), "what was saved last");
            whole.check_receipts(&state).unwrap();
            let mut before: Vec<String> = had.concat();
            before.sort();
            let mut so_far = expected[..state.position as usize].to_vec();
            so_far.sort_unstable();
            assert_eq!(before, so_far, "the beginning of the order, and nothing else");

            let (world, batch) = if killed_at % 2 == 0 { (1, 5) } else { (3, 2) };
            let second = run(world, batch, 2);
            let (rest, states) = leg(&dataset, folder.path(), &second, &json!(state), None);
            let state = RankState::merge(&states).unwrap();
            assert_eq!(state.position, expected.len() as u64);
            whole.check_receipts(&state).unwrap();
            if world == 1 {
                assert_eq!(rest[0], expected[before.len()..], "{order}, killed at {killed_at}");
            }
            before.extend(rest.concat());
            before.sort();
            let mut all = expected.clone();
            all.sort_unstable();
            assert_eq!(before, all, "{order}, killed at {killed_at}");
        }
    }
}

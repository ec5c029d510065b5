//! Promises of the augmentations: golden for ever, decided by seed, epoch, sample and repeat alone, and the
//! pixels of Pillow.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use crate::common;
use crate::shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;
use tcolz_loader::DatasetExt;
use tcolz_loader::augment::{DEFAULT_RATIO, DEFAULT_SCALE, Drawn};
use tcolz_loader::{
    Access, Augment, Crop, Element, Epoch, LastBatch, LoaderBuilder, Order, RankState,
};
use tcolz_pixels::RowSink;
use tcolz_pixels::recipe::{Codec, Dtype, Filter, Fit};
use tcolz_pixels::{Resizer, View, bf16};

/// Side of the stored pictures.
const SIDE: u32 = 24;

fn dataset() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    (folder, dataset)
}

/// Every kind of augmentation.
fn augments() -> [Augment; 5] {
    let resized = |side| Crop::Resized { side, scale: DEFAULT_SCALE, ratio: DEFAULT_RATIO };
    [
        Augment { crop: Crop::None, flip: 0.5 },
        Augment { crop: Crop::random(16), flip: 0.5 },
        Augment { crop: Crop::Random { side: None, padding: 4 }, flip: 0.0 },
        Augment { crop: resized(None), flip: 0.5 },
        Augment { crop: resized(Some(31)), flip: 0.0 },
    ]
}

/// As the fixtures' Python says it.
fn of_json(value: &Value) -> Augment {
    let side = value["side"].as_u64().map(|side| side as u32);
    let pair = |name: &str| [0, 1].map(|at| value[name][at].as_f64().unwrap());
    let crop = match value["crop"].as_str() {
        Some("random") => Crop::Random { side, padding: value["padding"].as_u64().unwrap() as u32 },
        Some("resized") => Crop::Resized { side, scale: pair("scale"), ratio: pair("ratio") },
        _ => Crop::None,
    };
    Augment { crop, flip: value["flip"].as_f64().unwrap() }
}

fn to_json(augment: Augment) -> Value {
    match augment.crop {
        Crop::Random { side, padding } => {
            json!({"crop": "random", "side": side, "padding": padding, "flip": augment.flip})
        }
        Crop::Resized { side, scale, ratio } => {
            json!({"crop": "resized", "side": side, "scale": scale, "ratio": ratio, "flip": augment.flip})
        }
        _ => json!({"flip": augment.flip}),
    }
}

#[test]
fn what_is_drawn_is_what_was_written_down() {
    // Golden, made by fixtures/loader/augment.py. A change here breaks every run that is resumed.
    let golden: Value =
        serde_json::from_str(include_str!("../fixtures/loader/augment.json")).unwrap();
    let cases = golden.as_array().unwrap();
    assert_eq!(cases.len(), 48);
    for case in cases {
        let augment = of_json(&case["augment"]);
        assert_eq!(of_json(&to_json(augment)), augment);
        let key = &case["key"];
        let (seed, epoch) = (key[0].as_u64().unwrap(), key[1].as_u64().unwrap() as u32);
        let side = case["side"].as_u64().unwrap() as u32;
        let (id, times) = (key[2].as_str().unwrap(), key[3].as_u64().unwrap() as u32);
        let Drawn { top, left, height, width, side: [high, wide], flipped } =
            augment.draw((seed, epoch), id, times, [side; 2]);
        let found = json!([top, left, height, width, high, wide, flipped]);
        assert_eq!(found, case["drawn"], "{case}");
    }
}

/// One sample of the plain reference: pixel by pixel, and one resize of what was cut out.
fn plain(pixels: &[u8], drawn: &Drawn) -> Vec<u8> {
    let at = |channel: usize, y: i32, x: i32| {
        let inside = (0..SIDE as i32).contains(&y) && (0..SIDE as i32).contains(&x);
        let plane = (SIDE * SIDE) as usize;
        if inside { pixels[channel * plane + (y * SIDE as i32 + x) as usize] } else { 0 }
    };
    let mut rgb = Vec::new();
    for y in 0..drawn.height as i32 {
        for x in 0..drawn.width as i32 {
            rgb.extend((0..3).map(|channel| at(channel, drawn.top + y, drawn.left + x)));
        }
    }
    let [high, wide] = drawn.side.map(|side| side as usize);
    let planes = if drawn.side == [drawn.height, drawn.width] {
        (0..3 * high * wide).map(|i| rgb[i % (high * wide) * 3 + i / (high * wide)]).collect()
    } else {
        let mut resizer = Resizer::new(&[high as u32], Fit::Squash, Filter::Bilinear);
        resizer.start(drawn.width, drawn.height);
        resizer.rows(0, &rgb);
        resizer.planes(0).to_vec()
    };
    let mut out: Vec<u8> = planes;
    if drawn.flipped {
        out.chunks_exact_mut(wide).for_each(<[u8]>::reverse);
    }
    out
}

/// The augmented epoch as it must be: id and pixels of each position of the global order, and of as much
/// padding as is asked for.
fn expected(dataset: &Dataset, loader: &LoaderBuilder, augment: Augment) -> Vec<(String, Vec<u8>)> {
    let rows = dataset.ledger().unwrap();
    let rows: Vec<_> =
        rows.iter().filter(|row| row.status == Status::Stored && &*row.split == "train").collect();
    let order = loader.clone().build().unwrap().epoch_order(2);
    let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
    let twice = order.iter().chain(&order);
    let samples = twice.map(|&index| {
        let times = seen.entry(index).or_default();
        let row = rows[index as usize];
        let drawn = augment.draw((9, 2), &row.sample_id, *times, [SIDE; 2]);
        *times += 1;
        (row.sample_id.clone(), plain(&dataset.read_tensor(row, 0).unwrap(), &drawn))
    });
    samples.collect()
}

/// Ids and tensors of the batches that are left.
fn read<T: Element>(epoch: &mut Epoch<T>) -> Vec<(String, Vec<T>)> {
    let mut had = Vec::new();
    for batch in epoch {
        let batch = batch.unwrap();
        let length = batch.shape()[1..].iter().product();
        let images = batch.images().chunks_exact(length).map(<[T]>::to_vec);
        had.extend(batch.sample_ids().iter().map(str::to_owned).zip(images));
    }
    had
}

#[test]
fn batches_are_the_plain_reference_for_any_workers_access_order_and_element_type() {
    let (_folder, dataset) = dataset();
    for augment in augments() {
        for order in Order::ALL {
            let loader = dataset.loader("train").order(order, 9).augment(augment);
            let mut expected = expected(&dataset, &loader, augment);
            expected.truncate(expected.len() / 2);
            for (workers, access) in [(1, Access::Map), (2, Access::Read), (7, Access::Map)] {
                let loader = loader.clone().workers(workers).access(access).batch_size(4);
                let mut built = loader.clone().build_as::<u8>().unwrap();
                let side = augment.shape([SIDE; 2])[0] as usize;
                let shape = built.epoch(2).next().unwrap().unwrap().shape();
                assert_eq!(shape, [4, 3, side, side]);
                let found = read(&mut built.epoch(2));
                assert_eq!(found, expected, "{augment:?} {order} {workers} {access:?}");
                built = loader.random_crop(5).build_as().unwrap();
                assert_eq!(built.epoch(2).next().unwrap().unwrap().shape(), [4, 3, 5, 5]);
            }
            let caffe = View::built_in("caffe").unwrap();
            let floats = expected.iter().map(|(id, pixels)| {
                let mut out = vec![0.0; pixels.len()];
                caffe.apply(pixels, &mut out);
                (id.clone(), out)
            });
            let floats: Vec<(String, Vec<f32>)> = floats.collect();
            let loader = loader.view("caffe").batch_size(7);
            assert_eq!(read(&mut loader.clone().build().unwrap().epoch(2)), floats);
            let halves = read(&mut loader.build_as::<bf16>().unwrap().epoch(2));
            for ((id, half), (expected, plain)) in halves.iter().zip(&floats) {
                assert_eq!(id, expected);
                assert!(half.iter().zip(plain).all(|(h, &p)| *h == bf16::from_f32(p)));
            }
        }
    }
}

#[test]
fn an_epoch_goes_on_from_every_step_in_any_world_and_looks_the_same() {
    let (_folder, dataset) = dataset();
    let augment = Augment { crop: Crop::resized(), flip: 0.5 };
    for order in [Order::Shuffle, Order::Balanced] {
        let loader = |batch, rank, world| {
            let loader = dataset.loader("train").order(order, 9).augment(augment).workers(2);
            loader.last_batch(LastBatch::Pad).batch_size(batch).rank(rank, world)
        };
        let expected = expected(&dataset, &loader(4, 0, 1), augment);
        let whole = loader(4, 0, 1).build_as::<u8>().unwrap();
        for stop in 0..=whole.epoch(2).stripes().steps() {
            let mut first = whole.epoch(2);
            let mut had = Vec::new();
            for _ in 0..stop {
                let batch = first.next().unwrap().unwrap();
                let images = batch.images().chunks_exact(3 * 24 * 24).map(<[u8]>::to_vec);
                had.extend(batch.sample_ids().iter().map(str::to_owned).zip(images));
            }
            let state = RankState::merge(&[first.state()]).unwrap();
            // Of the rest, three ranks each have their part of every stripe.
            let ranks: Vec<_> = (0..3).map(|r| loader(3, r, 3).build_as::<u8>().unwrap()).collect();
            let mut epochs: Vec<_> = ranks.iter().map(|r| r.resume(&state).unwrap()).collect();
            let mut parts: Vec<_> =
                epochs.iter_mut().map(|epoch| read(epoch).into_iter()).collect();
            while parts.iter().any(|part| part.len() > 0) {
                parts.iter_mut().for_each(|part| had.extend(part.by_ref().take(3)));
            }
            assert_eq!(had, expected[..had.len()], "{order}, stopped after {stop}");
            let states: Vec<_> = epochs.iter().map(Epoch::state).collect();
            ranks[0].check_receipts(&RankState::merge(&states).unwrap()).unwrap();
        }
    }
}

#[test]
fn a_repeated_sample_looks_different_each_time_and_another_epoch_too() {
    let (_folder, dataset) = dataset();
    let loader = dataset.loader("train").order(Order::Balanced, 9).random_resized_crop(24);
    let loader = loader.build_as::<u8>().unwrap();
    let mut looks: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let mut delivered = 0;
    for epoch in [0, 1] {
        for (id, pixels) in read(&mut loader.epoch(epoch)) {
            looks.entry(id).or_default().insert(pixels);
            delivered += 1;
        }
    }
    let different: usize = looks.values().map(BTreeSet::len).sum();
    assert_eq!(different, delivered, "no sample twice alike");
    assert!(looks.values().any(|looks| looks.len() == 20), "ten times an epoch");
}

#[test]
fn a_state_is_gone_on_from_with_its_own_augmentation_only() {
    let (_folder, dataset) = dataset();
    let plain = dataset.loader("train").shuffle(9);
    let others = [
        plain.clone(),
        plain.clone().flip(0.5),
        plain.clone().flip(0.25),
        plain.clone().random_crop(16),
        plain.clone().random_crop_padded(16, 2),
        plain.clone().random_resized_crop(16),
        plain.random_resized_crop(16).flip(0.5),
    ];
    for (own, loader) in others.iter().enumerate() {
        let state = loader.clone().build().unwrap().epoch(0).state().state;
        for (other, loader) in others.iter().enumerate() {
            let resumed = loader.clone().build().unwrap().resume(&state).map(drop);
            assert_eq!(resumed.is_ok(), own == other, "{own} {other}");
            if let Err(error) = resumed {
                let error = error.to_string();
                assert!(error.contains("hash of the options") && error.contains("augmentation"));
            }
        }
    }
}

#[test]
fn augmented_pixels_are_those_of_pillow_bit_for_bit() {
    let Some(python) = shared::python() else { return };
    let (folder, dataset) = dataset();
    for (number, augment) in augments().into_iter().enumerate() {
        let loader = dataset.loader("train").size(112).order(Order::Balanced, 9).augment(augment);
        let samples = read(&mut loader.build_as::<u8>().unwrap().epoch(2));
        let told = json!({
            "augment": to_json(augment), "seed": 9, "epoch": 2, "stored_side": 112,
            "side": augment.shape([112; 2])[0],
            "ids": samples.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        });
        let path = folder.path().join(format!("batches-{number}"));
        fs::write(path.with_extension("json"), told.to_string()).unwrap();
        let pixels: Vec<u8> = samples.into_iter().flat_map(|(_, pixels)| pixels).collect();
        fs::write(path.with_extension("bin"), pixels).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/augment_parity.py");
        let mut command = Command::new(&python);
        command.arg(script).arg(dataset.root()).arg(path).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        println!("{said}");
        assert!(output.status.success(), "{augment:?}: {said}");
    }
}

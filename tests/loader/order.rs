//! Promises of the orders: golden for ever, every sample as often as the order says, for every world,
//! batch size, last batch and resume point.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tcolz_loader::order::{
    MIN_BLOCK_BYTES, balanced_order, class_repeats, forward_blocks, mixing, shuffled_order,
    windowed_order,
};
use tcolz_loader::select::Place;
use tcolz_loader::{LastBatch, Order, Stripes};

fn sorted(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values
}

fn occurrences(order: &[u32]) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    order.iter().for_each(|&index| *counts.entry(index).or_default() += 1);
    counts
}

#[test]
fn the_orders_are_those_that_were_written_down() {
    // Golden, made by fixtures/loader/orders.py. A change here breaks every run that is resumed.
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/loader/orders.json")).unwrap();
    let of = |name: &str| -> Vec<u32> { serde_json::from_value(golden[name].clone()).unwrap() };
    assert_eq!(shuffled_order(42, 0, 20), of("shuffle-v1 42 0"));
    assert_eq!(shuffled_order(42, 1, 20), of("shuffle-v1 42 1"));
    assert_eq!(shuffled_order(u64::MAX, u32::MAX, 7), of("shuffle-v1 max max"));
    assert_eq!(windowed_order(42, 3, &[3, 1, 4, 1, 5, 2], 2), of("windowed-v1 42 3"));
    assert_eq!(balanced_order(42, 3, &[0, 2, 2, 2, 2, 2, 0, 7]), of("balanced-v1 42 3"));
    let names = Order::ALL.map(Order::name);
    assert_eq!(names, ["sequential-v1", "shuffle-v1", "windowed-v1", "balanced-v1"]);
    assert_eq!(names.map(Order::parse), Order::ALL.map(Some));
    assert_eq!(Order::parse("shuffle-v2"), None);
}

#[test]
fn every_order_of_four_is_as_likely_as_the_others() {
    let mut counts: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
    for epoch in 0..24_000 {
        *counts.entry(shuffled_order(5, epoch, 4)).or_default() += 1;
    }
    assert_eq!(counts.len(), 24);
    // Chi squared with 23 degrees of freedom: above 49.7 in one of a thousand fair draws.
    let chi: f64 = counts.values().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi < 49.7, "{chi}: {counts:?}");
}

#[test]
fn blocks_lie_in_one_shard_and_are_read_forward_in_20_mb_or_more() {
    let shard = |shard: u32, rows: u32| (0..rows).map(move |row| Place { shard, row });
    let places: Vec<Place> = shard(0, 1300).chain(shard(1, 30)).chain(shard(2, 1250)).collect();
    let blocks = forward_blocks(&places, &[50_000, 50_000, 40_000]);
    assert_eq!(blocks.iter().sum::<u32>() as usize, places.len());
    let mut next = 0;
    for &block in &blocks {
        let block = &places[next..next + block as usize];
        next += block.len();
        assert!(block.iter().all(|place| place.shard == block[0].shard));
        let row_bytes = if block[0].shard == 2 { 40_000 } else { 50_000 };
        let bytes = u64::from(block[block.len() - 1].row - block[0].row + 1) * row_bytes;
        let range = MIN_BLOCK_BYTES..2 * MIN_BLOCK_BYTES;
        assert!(range.contains(&bytes) || block[0].shard == 1, "{bytes}");
    }
    assert_eq!(blocks, [400, 400, 500, 30, 500, 750]);
    let mixing = mixing(&blocks, 4);
    assert_eq!((mixing.blocks, mixing.windows, mixing.window_samples), (6, 2, 1290.0));
    // Of a sparse selection a block spans what lies between its samples.
    let sparse: Vec<Place> = places.iter().copied().step_by(50).collect();
    assert_eq!(forward_blocks(&sparse, &[50_000, 50_000, 40_000])[0], 9);
}

#[test]
fn a_window_is_a_few_blocks_and_the_next_epoch_takes_others() {
    let blocks = [100u32; 40];
    let order = windowed_order(1, 0, &blocks, 8);
    let windows = |order: &[u32]| -> Vec<Vec<u32>> {
        let window = |w: &[u32]| occurrences(&w.iter().map(|i| i / 100).collect::<Vec<_>>());
        order.chunks(800).map(|w| window(w).into_keys().collect()).collect()
    };
    assert!(windows(&order).iter().all(|blocks| blocks.len() == 8));
    assert_ne!(windows(&order), windows(&windowed_order(1, 1, &blocks, 8)));
}

#[test]
fn a_balanced_epoch_says_what_it_repeats() {
    let labels: Vec<u16> = (0..100).map(|i| if i % 10 == 0 { 3 } else { 5 }).collect();
    let repeats = class_repeats(&labels);
    assert_eq!(
        repeats.iter().map(|r| (r.label, r.samples, r.times, r.once_more)).collect::<Vec<_>>(),
        [(3, 10, 9, 0), (5, 90, 1, 0)]
    );
    let mut labels = vec![0; 10];
    labels.extend([1; 4]);
    let counts = occurrences(&balanced_order(9, 2, &labels));
    assert!((0..10).all(|index| counts[&index] == 1));
    let of_the_small: Vec<u32> = (10..14).map(|index| counts[&index]).collect();
    assert_eq!(of_the_small.iter().sum::<u32>(), 10);
    assert!(of_the_small.iter().all(|n| (2..=3).contains(n)), "{of_the_small:?}");
}

proptest! {
    #[test]
    fn every_sample_is_there_as_often_as_the_order_says(
        seed: u64, epoch: u32,
        blocks in prop::collection::vec(1u32..9, 0..20),
        window in 1usize..6,
        labels in prop::collection::vec(0u16..4, 0..60),
    ) {
        let samples: u32 = blocks.iter().sum();
        let all: Vec<u32> = (0..samples).collect();
        prop_assert_eq!(&sorted(shuffled_order(seed, epoch, samples)), &all);
        prop_assert_eq!(&sorted(windowed_order(seed, epoch, &blocks, window)), &all);
        let counts = occurrences(&balanced_order(seed, epoch, &labels));
        for class in class_repeats(&labels) {
            let of_class = (0..labels.len()).filter(|&index| labels[index] == class.label);
            let times: Vec<u32> = of_class.map(|index| counts[&(index as u32)]).collect();
            prop_assert!(times.iter().all(|n| (class.times..=class.times + 1).contains(n)));
            let more = times.iter().filter(|&&n| n > class.times).count();
            prop_assert_eq!(more, class.once_more as usize);
        }
    }

    #[test]
    fn ranks_share_the_positions_whatever_world_and_batch_go_on_from_wherever(
        total in 0u64..200,
        legs in prop::collection::vec((1u32..6, 1u32..9, 0u64..4), 1..5),
        last in prop_oneof![Just(LastBatch::Keep), Just(LastBatch::Drop), Just(LastBatch::Pad)],
    ) {
        let (mut position, mut delivered) = (0u64, Vec::new());
        for (index, &(world, batch_size, steps)) in legs.iter().enumerate() {
            let stripes = Stripes { start: position, total, world, batch_size, last };
            let is_last = index + 1 == legs.len();
            let steps = if is_last { stripes.steps() } else { steps.min(stripes.steps()) };
            for step in 0..steps {
                for rank in 0..world {
                    let batch = stripes.batch(rank, step);
                    prop_assert!(batch.end - batch.start <= u64::from(batch_size));
                    delivered.extend(batch);
                }
                prop_assert_eq!(delivered.len() as u64, stripes.position_after(step + 1));
            }
            position = stripes.position_after(steps);
            if is_last {
                let end = total.max(stripes.start);
                let rest = (end - stripes.start) % u64::from(world * batch_size);
                let stripe = u64::from(world * batch_size);
                let (dropped, padded) = match last {
                    LastBatch::Keep => (0, 0),
                    LastBatch::Drop => (rest, 0),
                    LastBatch::Pad => (0, (stripe - rest) % stripe),
                };
                prop_assert_eq!((stripes.dropped(), stripes.padded()), (dropped, padded));
                prop_assert_eq!(position + dropped, end + padded);
            }
        }
        // Each position once, and in whole steps: nothing twice, nothing left out.
        prop_assert_eq!(delivered, (0..position).collect::<Vec<_>>());
    }
}

//! The self-test for owners of a GPU is itself right: the CPU agrees with itself in every bit, and what is
//! wrong is found.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../examples/cuda_selftest/compare.rs"]
mod compare;
#[path = "../examples/cuda_selftest/loading.rs"]
mod loading;
#[path = "../examples/cuda_selftest/network.rs"]
mod network;
#[path = "../examples/cuda_selftest/ops.rs"]
mod ops;
#[path = "../examples/cuda_selftest/stream.rs"]
mod stream;

use std::cell::Cell;

use candle_core::{DType, Device, Tensor};
use compare::{Check, Verdict};

#[test]
fn every_operation_of_the_cpu_agrees_with_itself_in_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = loading::dataset(folder.path(), 24, 32).unwrap();
    let checks = loading::checks(&dataset).into_iter().chain(network::checks());
    let stress = stream::Stress { batches: 30, batch_size: 5, product: 8 };
    let stream = stream::check(&dataset, "on the CPU", stress);
    let checks = checks.chain(ops::checks()).chain([stream]);
    println!("{}", compare::head());
    let mut seen = 0;
    for check in checks {
        let outcome = check.compare(&Device::Cpu, &Device::Cpu);
        println!("{}", outcome.row());
        assert_eq!(outcome.verdict, Verdict::Same, "{}", outcome.row());
        assert!(outcome.is_sound() && outcome.difference == 0.0);
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

/// The outcome for a computation that gives one thing first, and another one then.
fn differing(relative: f64, first: Tensor, then: Tensor) -> Verdict {
    let calls = Cell::new(0);
    let check = Check::new("differing", relative, move |_| {
        calls.set(calls.get() + 1);
        Ok(vec![if calls.get() == 1 { first.clone() } else { then.clone() }])
    });
    let outcome = check.compare(&Device::Cpu, &Device::Cpu);
    assert_eq!(outcome.is_sound(), matches!(outcome.verdict, Verdict::Same | Verdict::Near));
    outcome.verdict
}

#[test]
fn what_is_off_is_found_by_its_bits_its_distance_its_kind_and_its_error() {
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    let (a, b) = (tensor(&[1.0, -8.0]), tensor(&[1.001, -8.0]));
    assert_eq!(differing(1e-3, a.clone(), b.clone()), Verdict::Near, "0.001 of 8 · 0.001");
    assert_eq!(differing(1e-4, a.clone(), b.clone()), Verdict::Off);
    assert_eq!(differing(0.0, a.clone(), b), Verdict::Off);
    assert_eq!(differing(0.0, tensor(&[0.0]), tensor(&[-0.0])), Verdict::Off, "the sign of a zero");
    let failed = |first: Tensor, then: Tensor| match differing(1.0, first, then) {
        Verdict::Failed(error) => error,
        other => panic!("{other:?}"),
    };
    assert!(failed(a.clone(), tensor(&[1.0])).contains("found ([1]"));
    assert!(failed(a.clone(), a.to_dtype(DType::F16).unwrap()).contains("F16"));
    assert!(failed(tensor(&[f32::NAN]), tensor(&[f32::NAN])).contains("not a number"));
    let refused = Check::new("refused", 1.0, |_| Err("out of memory".into()));
    let outcome = refused.compare(&Device::Cpu, &Device::Cpu);
    assert_eq!(outcome.verdict, Verdict::Failed("out of memory".to_owned()));
    assert!(outcome.row().contains("FAILED: out of memory"));
    let nothing = Check::new("nothing", 1.0, |_| Ok(Vec::new()));
    assert!(!nothing.compare(&Device::Cpu, &Device::Cpu).is_sound(), "nothing was compared");
}

#[test]
fn a_batch_whose_sum_or_label_is_not_the_hosts_is_named() {
    let read = |sum: f64, label: f64, ids: &[&str]| {
        let tensor = |value: f64| Tensor::new(&[value], &Device::Cpu).unwrap();
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut unread = vec![([tensor(sum), tensor(label)], ids)];
        let expected = stream::Sums::from([("a".to_owned(), [0.5, 1.0])]);
        let mut found = stream::Sums::new();
        stream::read(&mut unread, &expected, &mut found, 7).map(|()| found == expected)
    };
    assert!(read(0.5, 1.0, &["a"]).unwrap());
    for (sum, label, ids) in [(0.25, 1.0, &["a"][..]), (0.5, 2.0, &["a"]), (0.5, 1.0, &["b"])] {
        let error = read(sum, label, ids).unwrap_err().to_string();
        assert!(error.starts_with(&format!("batch 6, {}", ids[0])), "{error}");
    }
    assert!(read(0.5, 1.0, &["a", "b"]).unwrap_err().to_string().contains("2 samples, 1 sums"));
}

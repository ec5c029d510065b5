//! Promise: whatever the order in which threads and streams come, each consumer finds its own batch; and each wait,
//! event and synchronization is there because some order goes wrong without it.
//!
//! What [`Staged`](crate::staged::Staged) does on a pretended device is written down once; nothing in it depends on
//! what the device has done by then. A consumer on another thread takes each batch and computes with it. Then every
//! order in which the two threads and the streams can come is gone through: whole, and with one step left out.

mod explore;
mod first;
mod recorder;

use std::cell::RefCell;
use std::rc::Rc;

use explore::{Op, Program, Queue, Step, explore, explore_all};
use recorder::{Recorder, Recording};

use crate::piece::Piece;
use crate::staged::Staged;

/// Streams of a device that was opened here: for copies, and one main stream.
const COPIES: Queue = 0;
const MAIN: Queue = 1;
/// The consumer's stream, where each thread has one of its own.
const OTHER_MAIN: Queue = 2;

/// Numbers in each of the batches: each slot is used twice.
const ALIKE: &[usize] = &[10; 4];
/// The third and the fourth one need larger memory, while the smaller one is in use.
const GROWING: &[usize] = &[10, 10, 1000, 1000];

/// The thread ahead, which brings batches in `queues` and makes a view of each, and the consumer, which computes in a
/// stream.
fn program(sizes: &[usize], queues: [Queue; 2], shared: bool, consumer: Queue) -> Program {
    let recorder =
        Recorder { recording: Rc::new(RefCell::new(Recording::default())), queues, shared };
    let mut staged = Staged::new(recorder.clone());
    let mut consumes = Vec::new();
    for (&size, batch) in sizes.iter().zip(1..) {
        let numbers = vec![batch; size];
        let piece = Piece::new(&numbers, size).unwrap();
        let given = staged.bring([piece], |[tensor]| Ok(recorder.view(&tensor).give())).unwrap();
        recorder.recording.borrow_mut().steps.push(Step::Send(given));
        let uses = [Op::Use { of: given, batch }, Op::Free(given)];
        consumes.extend([Step::Receive].into_iter().chain(uses.map(|op| Step::Ask(consumer, op))));
    }
    drop(staged);
    let Recording { steps, cells, events } = recorder.recording.take();
    Program { threads: [steps, consumes], cells, events }
}

/// On a device that was opened here.
fn one_stream(sizes: &[usize]) -> Program {
    program(sizes, [COPIES, MAIN], true, MAIN)
}

/// On a device whose threads have a stream each.
fn stream_a_thread(sizes: &[usize]) -> Program {
    program(sizes, [MAIN, MAIN], false, OTHER_MAIN)
}

#[test]
fn in_every_order_of_threads_and_streams_each_consumer_finds_its_own_batch() {
    let all = |program| explore(&program).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    for sizes in [ALIKE, GROWING] {
        let states = all(one_stream(sizes));
        assert!(states > 10_000, "{states} states are no exploration");
        all(stream_a_thread(sizes));
    }
}

/// What each step that orders others stands for, where it is not for something that never happened: a wait for an
/// event that was not recorded yet is none.
fn order_of(program: &Program) -> Vec<(usize, &'static str)> {
    let steps = &program.threads[0];
    let recorded = |event, until: usize| {
        let record =
            |step: &Step| matches!(step, Step::Ask(_, Op::Record(other)) if *other == event);
        steps[..until].iter().any(record)
    };
    let named = |(place, step): (usize, &Step)| {
        let next = steps.get(place + 1);
        let name = match *step {
            Step::Hold(event) | Step::Ask(_, Op::Wait(event)) if !recorded(event, place) => {
                return None;
            }
            Step::Hold(_) if matches!(next, Some(Step::Write { .. })) => HOLD_TO_WRITE,
            Step::Hold(_) => HOLD_TO_FREE,
            Step::Ask(COPIES, Op::Wait(_)) => match next {
                Some(Step::Ask(COPIES, Op::Copy { .. })) => WAIT_TO_COPY,
                _ => WAIT_TO_FREE,
            },
            Step::Ask(COPIES, Op::Record(_)) => COPIED,
            Step::Ask(_, Op::Wait(_)) => WAIT_TO_TAKE,
            Step::Ask(_, Op::Record(_)) => TAKEN,
            Step::Synchronize(_) => SYNCHRONIZED,
            _ => return None,
        };
        Some((place, name))
    };
    steps.iter().enumerate().filter_map(named).collect()
}

const HOLD_TO_WRITE: &str = "the host waits for the copy before it writes pinned memory again";
const WAIT_TO_COPY: &str = "the copy stream waits for the taking before it copies there again";
const COPIED: &str = "the copy is recorded";
const WAIT_TO_TAKE: &str = "the main stream waits for the copy before it takes it";
const TAKEN: &str = "the taking is recorded";
const HOLD_TO_FREE: &str = "the host waits for the copy before it frees pinned memory";
const WAIT_TO_FREE: &str = "the copy stream waits for the taking before it frees staging memory";
const SYNCHRONIZED: &str = "the thread waits for its stream before it gives a batch to another one";

/// How often each is left out in turn, on devices opened here with batches of one size, with growing ones, and on
/// devices with a stream a thread, where the stream itself keeps the order of all else.
const LEFT_OUT: [(&str, [usize; 3]); 8] = [
    (HOLD_TO_WRITE, [2, 0, 0]),
    (WAIT_TO_COPY, [2, 0, 0]),
    (COPIED, [4, 4, 0]),
    (WAIT_TO_TAKE, [4, 4, 0]),
    (TAKEN, [4, 4, 0]),
    (HOLD_TO_FREE, [2, 4, 0]),
    (WAIT_TO_FREE, [2, 4, 0]),
    (SYNCHRONIZED, [0, 0, 4]),
];

#[test]
fn without_any_one_wait_event_or_synchronization_some_order_goes_wrong() {
    let programs = [one_stream(ALIKE), one_stream(GROWING), stream_a_thread(ALIKE)];
    for (column, program) in programs.iter().enumerate() {
        let mut steps = order_of(program);
        if column == 2 {
            steps.retain(|(_, name)| *name == SYNCHRONIZED);
        }
        for (name, times) in LEFT_OUT {
            let found = steps.iter().filter(|(_, other)| *other == name).count();
            assert_eq!(found, times[column], "{name}, program {column}");
        }
        for (place, name) in steps {
            let mut without = program.clone();
            without.threads[0].remove(place);
            let states = explore(&without).map_err(|wrong| wrong.what);
            assert!(states.is_err(), "program {column} is right without: {name} (step {place})");
        }
    }
}

#[test]
fn a_stream_for_copies_does_not_help_where_each_thread_has_a_stream() {
    let wrong = explore(&program(ALIKE, [COPIES, MAIN], true, OTHER_MAIN)).unwrap_err();
    assert!(wrong.what.contains("the consumer of batch 1 finds Unset"), "{wrong:#?}");
    assert!(!wrong.order.is_empty());
}

#[test]
fn orders_that_need_not_be_gone_through_hide_nothing() {
    const FEW: &[usize] = &[10, 10];
    let programs =
        [one_stream(FEW), stream_a_thread(FEW), program(FEW, [COPIES, MAIN], true, OTHER_MAIN)];
    for program in programs {
        let places = order_of(&program).into_iter().map(|(place, _)| Some(place));
        for place in places.chain([None]) {
            let mut without = program.clone();
            if let Some(place) = place {
                without.threads[0].remove(place);
            }
            let (some, all) = (explore(&without), explore_all(&without));
            assert_eq!(some.is_ok(), all.is_ok(), "without step {place:?}: {some:?}, {all:?}");
            assert!(some.unwrap_or(0) <= all.unwrap_or(usize::MAX));
        }
    }
}

//! Every order in which two threads of the host and the streams of a device can come.
//!
//! A read or a write is one move. Where two could overlap on a real device, either could come first here, and one of
//! the two orders gives a wrong outcome.

use std::collections::{HashSet, VecDeque};

use super::first::first_mover;

/// Memory of the host or of the device.
pub(super) type Cell = usize;
/// An event.
pub(super) type EventId = usize;
/// A stream.
pub(super) type Queue = usize;

/// What a thread of the host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Waits for an event.
    Hold(EventId),
    /// Writes a batch into memory.
    Write { to: Cell, batch: u8 },
    /// Frees memory of the host.
    Free(Cell),
    /// Asks something of a stream.
    Ask(Queue, Op),
    /// Waits until a stream has done all.
    Synchronize(Queue),
    /// Gives a tensor to the other thread, when there is room.
    Send(Cell),
    /// Gets the next tensor from the other thread.
    Receive,
}

/// What a stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// Waits for an event, as it was recorded last when this was asked.
    Wait(EventId),
    /// Lets an event come.
    Record(EventId),
    /// Reads and writes memory: a copy, or something computed.
    Copy { from: Cell, to: Cell },
    /// Reads a tensor that should be of a batch.
    Use { of: Cell, batch: u8 },
    /// Frees memory.
    Free(Cell),
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mover {
    Thread(usize),
    Stream(Queue),
}

/// What two threads do.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) threads: [Vec<Step>; THREADS],
    pub(super) cells: usize,
    pub(super) events: usize,
}

/// Tensors that may wait between the threads.
const CHANNEL: usize = 1;
/// The entry before the first one of a history.
const NOTHING: usize = usize::MAX;
/// Threads of the host.
pub(super) const THREADS: usize = 2;
/// Streams: as many as any program here has.
pub(super) const QUEUES: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Content {
    Unset,
    Batch(u8),
    Freed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The next step of each thread.
    pub(super) next: [usize; THREADS],
    /// What the streams were asked, with the record that a wait stands for.
    pub(super) queues: [VecDeque<(Op, u8)>; QUEUES],
    cells: Vec<Content>,
    /// How often each event was recorded by the host, and how often it has come.
    events: Vec<(u8, u8)>,
    /// Tensors that wait between the threads.
    pub(super) waiting: usize,
}

/// An order that gives a wrong outcome.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What went wrong.
    pub(super) what: String,
    /// What was done in which order until then, but for waits.
    pub(super) order: Vec<Move>,
}

/// Of a thread or a stream.
#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "shown by a test that fails")]
pub(super) enum Move {
    Thread(usize, Step),
    Stream(Queue, Op),
}

/// Goes through every order, but for those that differ from another one only in moves that have nothing to do with
/// each other; gives how many states it met.
///
/// # Errors
/// An order that reads or writes memory that is freed, gives a consumer another batch than its own, or comes to a
/// halt.
pub(super) fn explore(program: &Program) -> Result<usize, Wrong> {
    explore_by(program, &|state| first_mover(program, state))
}

/// The same without leaving any order out.
pub(super) fn explore_all(program: &Program) -> Result<usize, Wrong> {
    explore_by(program, &|_| None)
}

fn explore_by(program: &Program, first: &dyn Fn(&State) -> Option<Mover>) -> Result<usize, Wrong> {
    let explorer = Explorer { program, alone: [0, 1].map(|thread| program.asked_alone(thread)) };
    let mut begin = State {
        next: [0; THREADS],
        queues: Default::default(),
        cells: vec![Content::Unset; program.cells],
        events: vec![(0, 0); program.events],
        waiting: 0,
    };
    explorer.settle(&mut begin);
    // What was done last, and the entry of what was done before it.
    let mut history: Vec<(usize, Move)> = Vec::new();
    let mut met = HashSet::from([begin.clone()]);
    let mut open = vec![(begin, NOTHING)];
    while let Some((state, before)) = open.pop() {
        let mut goes_on = false;
        let movers = (0..THREADS).map(Mover::Thread).chain((0..QUEUES).map(Mover::Stream));
        let first = first(&state);
        for mover in movers.filter(|mover| first.is_none_or(|first| first == *mover)) {
            let mut after = state.clone();
            let Some((done, fault)) = explorer.go(&mut after, mover) else { continue };
            goes_on = true;
            if let Some(what) = fault {
                history.push((before, done));
                return Err(Wrong { what, order: order(&history, history.len() - 1) });
            }
            explorer.settle(&mut after);
            if met.insert(after.clone()) {
                open.push((after, history.len()));
                history.push((before, done));
            }
        }
        let ended = (0..THREADS).all(|thread| state.next[thread] == program.threads[thread].len())
            && state.queues.iter().all(VecDeque::is_empty);
        if !goes_on && !ended {
            return Err(Wrong {
                what: "nothing goes on".to_owned(),
                order: order(&history, before),
            });
        }
    }
    Ok(met.len())
}

/// What was done until an entry of a history.
fn order(history: &[(usize, Move)], mut place: usize) -> Vec<Move> {
    let mut order = Vec::new();
    while let Some(&(before, done)) = history.get(place) {
        order.push(done);
        place = before;
    }
    order.reverse();
    order
}

impl Program {
    /// The streams of which only this thread asks anything.
    fn asked_alone(&self, thread: usize) -> [bool; QUEUES] {
        let asks =
            |queue| move |step: &Step| matches!(step, Step::Ask(other, _) if *other == queue);
        std::array::from_fn(|queue| !self.threads[1 - thread].iter().any(asks(queue)))
    }
}

struct Explorer<'a> {
    program: &'a Program,
    /// The streams of which only one of the threads asks anything.
    alone: [[bool; QUEUES]; THREADS],
}

impl Explorer<'_> {
    /// One thread or stream does what reads or writes memory, or takes a place among what another one asks: the moves
    /// whose order matters. Gives its name, and what is wrong with it.
    fn go(&self, state: &mut State, mover: Mover) -> Option<(Move, Option<String>)> {
        let thread = match mover {
            Mover::Stream(queue) => return state.run(queue),
            Mover::Thread(thread) => thread,
        };
        let step = *self.program.threads[thread].get(state.next[thread])?;
        let fault = match step {
            Step::Write { to, batch } => state.write(to, Content::Batch(batch)),
            Step::Free(cell) => state.free(cell),
            Step::Ask(queue, op) => {
                state.ask(queue, op);
                None
            }
            Step::Hold(_) | Step::Synchronize(_) | Step::Send(_) | Step::Receive => return None,
        };
        state.next[thread] += 1;
        Some((Move::Thread(thread, step), fault))
    }

    /// Does at once what touches no memory and only lets others go on: an order in which it comes later has no
    /// outcome that this one has not. (Events are recorded by one thread, so that what is asked of a stream by it alone
    /// means the same whenever the other one moves.)
    fn settle(&self, state: &mut State) {
        loop {
            let mut changed = false;
            for queue in 0..QUEUES {
                while let Some(&(op, asked)) = state.queues[queue].front() {
                    match op {
                        Op::Wait(event) if state.events[event].1 >= asked => {}
                        Op::Record(event) => state.events[event].1 += 1,
                        _ => break,
                    }
                    state.queues[queue].pop_front();
                    changed = true;
                }
            }
            for thread in 0..THREADS {
                while let Some(&step) = self.program.threads[thread].get(state.next[thread]) {
                    match step {
                        Step::Hold(event) if state.events[event].1 >= state.events[event].0 => {}
                        Step::Synchronize(queue) if state.queues[queue].is_empty() => {}
                        Step::Send(_) if state.waiting < CHANNEL => state.waiting += 1,
                        Step::Receive if state.waiting > 0 => state.waiting -= 1,
                        Step::Ask(queue, op) if self.alone[thread][queue] => {
                            state.ask(queue, op);
                        }
                        _ => break,
                    }
                    state.next[thread] += 1;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

impl State {
    /// A stream does what it was asked first.
    fn run(&mut self, queue: Queue) -> Option<(Move, Option<String>)> {
        let (op, _) = *self.queues[queue].front()?;
        let fault = match op {
            Op::Wait(_) | Op::Record(_) => return None,
            Op::Copy { from, to } => self.copy(from, to),
            Op::Use { of, batch } => self.check(of, batch),
            Op::Free(cell) => self.free(cell),
        };
        self.queues[queue].pop_front();
        Some((Move::Stream(queue, op), fault))
    }

    fn ask(&mut self, queue: Queue, op: Op) {
        let asked = match op {
            Op::Wait(event) => self.events[event].0,
            Op::Record(event) => {
                self.events[event].0 += 1;
                0
            }
            _ => 0,
        };
        self.queues[queue].push_back((op, asked));
    }

    fn write(&mut self, to: Cell, content: Content) -> Option<String> {
        let freed = self.cells[to] == Content::Freed;
        self.cells[to] = content;
        freed.then(|| format!("memory {to} is written after it was freed"))
    }

    fn copy(&mut self, from: Cell, to: Cell) -> Option<String> {
        match self.cells[from] {
            Content::Freed => Some(format!("memory {from} is read after it was freed")),
            content => self.write(to, content),
        }
    }

    fn check(&self, of: Cell, batch: u8) -> Option<String> {
        let found = self.cells[of];
        (found != Content::Batch(batch))
            .then(|| format!("the consumer of batch {batch} finds {found:?}"))
    }

    fn free(&mut self, cell: Cell) -> Option<String> {
        let freed = self.cells[cell] == Content::Freed;
        self.cells[cell] = Content::Freed;
        freed.then(|| format!("memory {cell} is freed twice"))
    }
}

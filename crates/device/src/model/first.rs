//! Orders that need not be gone through: those that differ from another one only in moves that have nothing to do with
//! each other (persistent sets of one move: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems,
//! 1996).

use super::explore::{Cell, Mover, Op, Program, QUEUES, Queue, State, Step, THREADS};

/// Memory that moves read and write, a bit a cell.
#[derive(Debug, Clone, Copy, Default)]
struct Touched {
    read: u64,
    written: u64,
}

impl Touched {
    fn write(&mut self, cell: Cell) {
        self.written |= 1 << cell;
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Wait(_) | Op::Record(_) => {}
            Op::Copy { from, to } => {
                self.read |= 1 << from;
                self.write(to);
            }
            Op::Use { of, .. } => self.read |= 1 << of,
            Op::Free(cell) => self.write(cell),
        }
    }

    /// Whether it matters which of the two comes first.
    fn meets(self, other: Touched) -> bool {
        self.written & (other.read | other.written) != 0 || self.read & other.written != 0
    }
}

/// Someone whose next move has nothing to do with anything that others can do before it, so that it may come first.
pub(super) fn first_mover(program: &Program, state: &State) -> Option<Mover> {
    let threads = (0..THREADS).filter(|thread| match next(program, state, *thread) {
        Some(Step::Write { to: cell, .. } | Step::Free(cell)) => {
            let mut own = Touched::default();
            own.write(cell);
            !own.meets(others(program, state, Mover::Thread(*thread)))
        }
        Some(Step::Ask(queue, op)) => takes_any_place(program, state, *thread, queue, op),
        _ => false,
    });
    let streams = (0..QUEUES).filter(|queue| match state.queues[*queue].front() {
        None | Some((Op::Wait(_) | Op::Record(_), _)) => false,
        Some((op, _)) => {
            let mut own = Touched::default();
            own.op(*op);
            !own.meets(others(program, state, Mover::Stream(*queue)))
        }
    });
    threads.map(Mover::Thread).chain(streams.map(Mover::Stream)).next()
}

fn next(program: &Program, state: &State, thread: usize) -> Option<Step> {
    program.threads[thread].get(state.next[thread]).copied()
}

/// What others can do before a mover does something.
fn others(program: &Program, state: &State, mover: Mover) -> Touched {
    let mut touched = Touched::default();
    let others = |queue: &Queue| Mover::Stream(*queue) != mover;
    for queue in (0..QUEUES).filter(others) {
        state.queues[queue].iter().for_each(|(op, _)| touched.op(*op));
    }
    for thread in (0..THREADS).filter(|thread| Mover::Thread(*thread) != mover) {
        for step in before(program, state, thread, mover) {
            match *step {
                Step::Write { to: cell, .. } | Step::Free(cell) => touched.write(cell),
                // What the same stream is asked later it does later.
                Step::Ask(queue, op) if others(&queue) => touched.op(op),
                _ => {}
            }
        }
    }
    touched
}

/// Whether what a thread asks next of a stream may stand before or behind all that the other thread can ask of it.
fn takes_any_place(program: &Program, state: &State, thread: usize, queue: Queue, op: Op) -> bool {
    let orders = |op: &Op| matches!(op, Op::Wait(_) | Op::Record(_));
    let (mut own, mut other) = (Touched::default(), Touched::default());
    own.op(op);
    for step in before(program, state, 1 - thread, Mover::Thread(thread)) {
        match step {
            Step::Ask(of, asked) if *of == queue && (orders(asked) || orders(&op)) => return false,
            Step::Ask(of, asked) if *of == queue => other.op(*asked),
            _ => {}
        }
    }
    !own.meets(other)
}

/// What a thread can do before a mover does anything.
fn before<'a>(
    program: &'a Program,
    state: &State,
    thread: usize,
    mover: Mover,
) -> impl Iterator<Item = &'a Step> {
    // Nothing is sent to it while the other thread does nothing.
    let held = mover == Mover::Thread(1 - thread);
    let mut receives = if held { state.waiting } else { usize::MAX };
    program.threads[thread][state.next[thread]..].iter().take_while(move |step| {
        let goes_on = **step != Step::Receive || receives > 0;
        receives -= usize::from(**step == Step::Receive && goes_on);
        goes_on
    })
}

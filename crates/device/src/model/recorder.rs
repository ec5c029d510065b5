//! A pretended device, which writes down what the host does and asks of it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use super::explore::{Cell, EventId, Op, Queue, Step};
use crate::staged::{Placed, Stream, Streams};

/// What one thread of the host has done.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) steps: Vec<Step>,
    pub(super) cells: usize,
    pub(super) events: usize,
}

/// The device, as the thread sees it that brings batches.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) recording: Rc<RefCell<Recording>>,
    /// The stream for copies, and the main one.
    pub(super) queues: [Queue; 2],
    /// What it says of the main stream.
    pub(super) shared: bool,
}

/// Memory that is freed when it is dropped.
pub(super) struct Memory {
    pub(super) cell: Cell,
    bytes: usize,
    free: Step,
    recording: Option<Rc<RefCell<Recording>>>,
}

impl Memory {
    /// Somebody else frees it.
    pub(super) fn give(mut self) -> Cell {
        self.recording = None;
        self.cell
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(recording) = &self.recording {
            recording.borrow_mut().steps.push(self.free);
        }
    }
}

impl Recorder {
    fn does(&self, step: Step) {
        self.recording.borrow_mut().steps.push(step);
    }

    fn queue(&self, stream: Stream) -> Queue {
        match stream {
            Stream::Copies => self.queues[0],
            Stream::Main => self.queues[1],
        }
    }

    fn memory(&self, bytes: usize, free: impl Fn(Cell) -> Step) -> Memory {
        let mut recording = self.recording.borrow_mut();
        let cell = recording.cells;
        recording.cells += 1;
        Memory { cell, bytes, free: free(cell), recording: Some(Rc::clone(&self.recording)) }
    }

    /// A tensor that is computed of another one.
    pub(super) fn view(&self, tensor: &Memory) -> Memory {
        self.tensor(tensor)
    }

    fn tensor(&self, of: &Memory) -> Memory {
        let queue = self.queue(Stream::Main);
        let tensor = self.memory(of.bytes, |cell| Step::Ask(queue, Op::Free(cell)));
        let copy = Op::Copy { from: of.cell, to: tensor.cell };
        self.does(Step::Ask(queue, copy));
        tensor
    }
}

impl Streams for Recorder {
    type Pinned = Memory;
    type Staging = Memory;
    type Event = EventId;
    type Tensor = Memory;
    type Error = Infallible;

    fn pinned(&self, bytes: usize) -> Result<Memory, Infallible> {
        Ok(self.memory(bytes, Step::Free))
    }

    fn staging(&self, bytes: usize) -> Result<Memory, Infallible> {
        let queue = self.queue(Stream::Copies);
        Ok(self.memory(bytes, |cell| Step::Ask(queue, Op::Free(cell))))
    }

    fn event(&self) -> Result<EventId, Infallible> {
        let mut recording = self.recording.borrow_mut();
        recording.events += 1;
        Ok(recording.events - 1)
    }

    fn record(&self, event: &EventId, stream: Stream) -> Result<(), Infallible> {
        self.does(Step::Ask(self.queue(stream), Op::Record(*event)));
        Ok(())
    }

    fn wait(&self, stream: Stream, event: &EventId) -> Result<(), Infallible> {
        self.does(Step::Ask(self.queue(stream), Op::Wait(*event)));
        Ok(())
    }

    fn hold(&self, event: &EventId) -> Result<(), Infallible> {
        self.does(Step::Hold(*event));
        Ok(())
    }

    fn write(&self, pinned: &mut Memory, placed: &[Placed<'_>]) -> Result<(), Infallible> {
        let mut memory = vec![0; pinned.bytes];
        for Placed { piece, start } in placed {
            piece.write(&mut memory[*start..start + piece.bytes()]).unwrap();
        }
        self.does(Step::Write { to: pinned.cell, batch: memory[0] });
        Ok(())
    }

    fn copy(&self, from: &Memory, to: &mut Memory, bytes: usize) -> Result<(), Infallible> {
        assert!(bytes <= from.bytes && bytes <= to.bytes, "{bytes} bytes have no room");
        let copy = Op::Copy { from: from.cell, to: to.cell };
        self.does(Step::Ask(self.queue(Stream::Copies), copy));
        Ok(())
    }

    fn take(&self, staging: &Memory, placed: &Placed<'_>) -> Result<Memory, Infallible> {
        assert!(placed.start + placed.piece.bytes() <= staging.bytes, "a piece ends behind it");
        Ok(self.tensor(staging))
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    fn synchronize(&self) -> Result<(), Infallible> {
        self.does(Step::Synchronize(self.queue(Stream::Main)));
        Ok(())
    }
}

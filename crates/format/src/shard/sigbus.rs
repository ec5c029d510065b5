//! Says which shard it was when a memory map loses its file.
//!
//! A map whose file was cut short, or whose disk fails, ends the process with SIGBUS where it is read; no
//! library can make an error of it. A program may have the file named first: [`name_lost_maps`]. The handler does
//! what POSIX lets a signal handler do and nothing else: it looks into a list of atomics, calls `write` and
//! `_exit`, and gives every SIGBUS that is not of our maps back to the system.

#![allow(unsafe_code, reason = "SIMD and the memory map")]

use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tcolz_base::door::call;
use tcolz_base::visible::one_line;

/// A place for one map; made when all others are taken, and never freed.
#[derive(Debug)]
struct Slot {
    /// Length of the map; 0 for a place that is free. Written last, cleared first.
    length: AtomicUsize,
    start: AtomicUsize,
    /// What is to be said, the path in it.
    text: AtomicPtr<u8>,
    text_length: AtomicUsize,
    next: AtomicPtr<Slot>,
}

/// All places, the newest first.
static FIRST: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());
/// Those that are free.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// A map in the list; taken out when this is dropped, which must be before it is unmapped.
#[derive(Debug)]
pub(super) struct Listed {
    slot: &'static Slot,
    /// What `slot.text` points to.
    _text: Box<[u8]>,
}

impl Listed {
    /// Lists the `length` bytes at `start`, a map of the file `path`.
    pub(super) fn new(start: *const u8, length: usize, path: &Path) -> Listed {
        let mut text = format!(
            "error: {}: lost while it was read through a memory map: the file was cut short, or its disk failed; \
             next: {}\n",
            one_line(&path.to_string_lossy()),
            call("verify", &["DATASET"], &[])
        )
        .into_bytes()
        .into_boxed_slice();
        let slot = free_slot();
        slot.start.store(start as usize, Ordering::Release);
        slot.text.store(text.as_mut_ptr(), Ordering::Release);
        slot.text_length.store(text.len(), Ordering::Release);
        slot.length.store(length, Ordering::Release);
        Listed { slot, _text: text }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.slot.length.store(0, Ordering::SeqCst);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
    }
}

fn free_slot() -> &'static Slot {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(slot) = free.pop() {
        return slot;
    }
    // The lock is held: nobody else puts one in front meanwhile.
    let slot: &'static mut Slot = Box::leak(Box::new(Slot {
        length: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        text: AtomicPtr::new(std::ptr::null_mut()),
        text_length: AtomicUsize::new(0),
        next: AtomicPtr::new(FIRST.load(Ordering::Acquire)),
    }));
    let pointer: *mut Slot = slot;
    FIRST.store(pointer, Ordering::Release);
    // SAFETY: the slot was leaked above and lives for ever; all its fields are atomics, and from here on
    // nobody writes to it in any other way.
    unsafe { &*pointer }
}

/// From now on, a shard that is lost while its map is read is named on standard error, and the process ends
/// with exit code 1. For programs, not for libraries: it takes the process's SIGBUS. Any other SIGBUS does what it does
/// by default, and ends the process. Nothing happens where there are no signals.
pub fn name_lost_maps() {
    #[cfg(unix)]
    handler::install();
}

#[cfg(unix)]
mod handler {
    use super::*;

    pub(super) fn install() {
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            on_sigbus;
        // SAFETY: all zeros are a valid `sigaction`; every field that counts is set below. The handler is
        // a function of the type that SA_SIGINFO asks for, and does only what a handler may. SA_ONSTACK
        // lets a thread with little stack left use its other one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut());
        }
    }

    extern "C" fn on_sigbus(
        _signal: libc::c_int,
        info: *mut libc::siginfo_t,
        _context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel hands a handler with SA_SIGINFO a valid `siginfo_t`. A code above 0 says that
        // the kernel sent the signal, and then there is an address.
        let address = unsafe { ((*info).si_code > 0).then(|| (*info).si_addr() as usize) };
        if let Some(slot) = address.and_then(slot_of) {
            let text = slot.text.load(Ordering::Acquire);
            let length = slot.text_length.load(Ordering::Acquire);
            // SAFETY: this thread is reading the slot's map, so that the map is not being dropped, and its
            // text is dropped after it. `write` and `_exit` may be called in a handler.
            unsafe {
                libc::write(libc::STDERR_FILENO, text.cast(), length);
                libc::_exit(1);
            }
        }
        // SAFETY: both may be called in a handler. Blocked until it returns, the signal then does what it
        // does by default.
        unsafe {
            libc::signal(libc::SIGBUS, libc::SIG_DFL);
            libc::raise(libc::SIGBUS);
        }
    }

    /// The map that an address lies in.
    pub(super) fn slot_of(address: usize) -> Option<&'static Slot> {
        let mut next = FIRST.load(Ordering::Acquire);
        loop {
            // SAFETY: null, or a slot, and slots are never freed.
            let slot = unsafe { next.as_ref() }?;
            let length = slot.length.load(Ordering::Acquire);
            let inside = address.wrapping_sub(slot.start.load(Ordering::Acquire)) < length;
            // Once more: another thread may have given the place to another map in between.
            if inside && slot.length.load(Ordering::SeqCst) == length {
                return Some(slot);
            }
            next = slot.next.load(Ordering::Acquire);
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_its_own_map_while_that_is_listed_and_places_are_used_again() {
        // Addresses that no map of this process has.
        let at = |number: usize| (number * 1000) as *const u8;
        let name = |address: usize| {
            let slot = handler::slot_of(address)?;
            let (text, length) = (&slot.text, &slot.text_length);
            // SAFETY: the texts of this test live as long as their maps are listed.
            let text = unsafe {
                std::slice::from_raw_parts(
                    text.load(Ordering::Acquire),
                    length.load(Ordering::Acquire),
                )
            };
            Some(String::from_utf8_lossy(text).into_owned())
        };
        let listed: Vec<Listed> =
            (1..50).map(|n| Listed::new(at(n), 700, Path::new(&format!("{n}.arrow")))).collect();
        for number in 1..50 {
            let expected = format!("error: {number}.arrow: lost while");
            for address in [number * 1000, number * 1000 + 699] {
                assert!(name(address).unwrap().starts_with(&expected), "{address}");
            }
            assert_eq!(name(number * 1000 + 700), None);
        }
        drop(listed);
        assert!((1..50).all(|number| name(number * 1000).is_none()));
        let again = Listed::new(at(7), 1, Path::new("again.arrow"));
        assert!(name(7000).unwrap().starts_with("error: again.arrow"));
        assert_eq!(name(7001), None);
        drop(again);
    }
}

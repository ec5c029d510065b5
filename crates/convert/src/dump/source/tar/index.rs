//! The index of a tar's members, made by one forward pass over the file.
//!
//! Headers and data alike are read: a disk that seeks is faster at reading everything than at jumping
//! from header to header. As `tar x` would, the last of several members of one name wins, and links
//! stand for what they point to. Rubbish between members is skipped, and a tar that was cut off is read
//! as far as it goes; both count as damage.

use std::fs::File as OpenFile;
use std::io;

use super::block::{BLOCK_BYTES, is_header_at, next_header};
use super::found::Members;
use super::header::{Found, Headers};
use super::member::Index;
use super::window::Window;
use crate::dump::source::access::Watch;

/// Read at once in the forward pass. Skipping a member shorter than this never seeks.
const FORWARD_BYTES: usize = 1 << 20;
/// Places of rubbish that are named one by one.
const NAMED_PLACES: u64 = 3;
/// Searched for a header at a time.
const SEARCHED_BYTES: u64 = 1 << 24;
/// Archivers fill up their last record with zeros; none has longer ones.
const LONGEST_RECORD: u64 = 1 << 24;

impl Index {
    /// Goes through the tar once; `None` when `watch` gives up.
    pub(super) fn make(
        file: &OpenFile,
        length: u64,
        watch: &mut Watch<'_>,
    ) -> io::Result<Option<Index>> {
        let mut window = Window::new(file, length, FORWARD_BYTES);
        let (mut headers, mut members) = (Headers::default(), Members::default());
        let mut rubbish = Rubbish::default();
        // Several tars in one file, one after the other, are one.
        let mut zeros_from = None;
        // Why the tar ends here has been said.
        let mut is_said = false;
        let (mut at, mut number) = (0, 0u64);
        // Where data ended that need not have been filled up to a block.
        let mut unpadded = None;
        while at < length {
            if number.is_multiple_of(64) && watch(at, length).is_break() {
                return Ok(None);
            }
            number += 1;
            match headers.read(&mut window, at)? {
                // Too short for an end mark.
                Found::Zeros if zeros_from.is_none() && length - at < BLOCK_BYTES => break,
                Found::Zeros => {
                    zeros_from.get_or_insert(at);
                    at += BLOCK_BYTES;
                    continue;
                }
                Found::Member(mut member) => {
                    let begin = member.data;
                    at = member.end();
                    unpadded = Some(begin.saturating_add(member.bytes));
                    // Either the tar was cut or the length is wrong, and then others follow.
                    if at > length {
                        let Some(next) = search(&mut window, begin, watch)? else {
                            return Ok(None);
                        };
                        if next < length {
                            rubbish.add(begin, next, "data of a member longer than the tar");
                            member.is_unclear = true;
                            at = next;
                        }
                    }
                    members.add(member, length);
                }
                Found::Global { end } => at = end,
                Found::Orphan { end } => {
                    rubbish.add(at, end, "headers of a member that does not follow");
                    at = end;
                }
                Found::Rubbish(why) => {
                    // Once: what begins there may be rubbish, too.
                    if let Some(end) = unpadded.take().filter(|&end| end < at)
                        && is_header_at(&mut window, end)?
                    {
                        at = end;
                        continue;
                    }
                    let Some(next) = search(&mut window, at, watch)? else { return Ok(None) };
                    rubbish.add(at, next, why);
                    at = next;
                    is_said = at == length;
                }
                // Behind an end mark, less than a block is no header.
                Found::Cut if zeros_from.is_some() && length - at < BLOCK_BYTES => {
                    rubbish.add(at, length, "no header");
                    at = length;
                    continue;
                }
                Found::Cut => {
                    let Some(next) = search(&mut window, at, watch)? else { return Ok(None) };
                    if next < length {
                        rubbish.add(at, next, "headers longer than the tar");
                    } else {
                        members.damage.push(format!(
                            "the tar is cut off within the headers of a member, which begin at byte \
                             {at}; was it downloaded whole?"
                        ));
                        is_said = true;
                    }
                    at = next;
                }
            }
            zeros_from = None;
        }
        match zeros_from {
            Some(from) if length - from > LONGEST_RECORD => members.damage.push(format!(
                "{} zeros follow the last member, from byte {from} on; was the tar downloaded whole?",
                length - from
            )),
            Some(_) => {}
            None if at > length => members.damage.push(format!(
                "the tar is cut off: its last member ends at byte {at}, the file at byte {length}; was \
                 it downloaded whole?"
            )),
            None if is_said => {}
            None => {
                members.damage.push("the tar has no end mark; was it downloaded whole?".to_owned());
            }
        }
        members.damage.extend(rubbish.in_words());
        if headers.odd_globals > 0 {
            members.notes.push(format!(
                "headers that give all members behind them a name or a length, not followed: {}",
                headers.odd_globals
            ));
        }
        Ok(Some(members.index()))
    }
}

/// The next header behind the byte `after`, or the end of the file; `None` when `watch` gives up.
fn search(window: &mut Window<'_>, after: u64, watch: &mut Watch<'_>) -> io::Result<Option<u64>> {
    let length = window.length();
    let mut at = after;
    while at < length {
        let until = at.saturating_add(SEARCHED_BYTES);
        if let Some(found) = next_header(window, at, until)? {
            return Ok(Some(found));
        }
        if watch(at, length).is_break() {
            return Ok(None);
        }
        // The next search begins a block early: it finds only what is behind its beginning.
        at = until - BLOCK_BYTES;
    }
    Ok(Some(length))
}

/// What is no tar.
#[derive(Default)]
struct Rubbish {
    named: Vec<String>,
    places: u64,
    bytes: u64,
}

impl Rubbish {
    fn add(&mut self, begin: u64, end: u64, why: &str) {
        let bytes = end - begin;
        self.places += 1;
        self.bytes += bytes;
        if self.places <= NAMED_PLACES {
            self.named.push(format!(
                "{bytes} bytes from byte {begin} on are no tar ({why}) and were skipped"
            ));
        }
    }

    fn in_words(mut self) -> Vec<String> {
        if self.places > NAMED_PLACES {
            let (places, bytes) = (self.places, self.bytes);
            self.named.push(format!("in all, {bytes} bytes at {places} places are no tar"));
        }
        self.named
    }
}

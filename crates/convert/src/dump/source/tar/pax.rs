//! The records of a pax header: `LENGTH KEY=VALUE\n`, the length that of the whole record.

use super::sparse_map::{MAX_PIECES, Map, Piece, Sparse};

/// What a pax header says of the member that follows.
#[derive(Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) bytes: Option<u64>,
    pub(super) sparse: PaxSparse,
    /// The next member goes on with this file of another volume.
    pub(super) continued: Option<Vec<u8>>,
    /// Its records cannot be read to the end.
    pub(super) is_damaged: bool,
}

/// What it says of holes. Versions 0.0 and 0.1 of GNU tar hold the map itself, version 1.0 keeps it in front
/// of the data.
#[derive(Default)]
pub(super) struct PaxSparse {
    name: Option<Vec<u8>>,
    real_bytes: Option<u64>,
    major: Option<u64>,
    pieces: Vec<Piece>,
    /// The offset of a piece whose length follows.
    offset: Option<u64>,
    is_foreign: bool,
    is_damaged: bool,
}

impl Pax {
    pub(super) fn of(mut content: &[u8]) -> Pax {
        let mut pax = Pax::default();
        while !content.is_empty() {
            let Some((key, value, rest)) = record(content) else {
                pax.is_damaged = content.iter().any(|&byte| byte != 0);
                break;
            };
            pax.add(key, value);
            content = rest;
        }
        pax
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        match key {
            // An empty value takes a record back.
            b"path" => self.path = Some(value.to_vec()).filter(|value| !value.is_empty()),
            b"linkpath" => self.link = Some(value.to_vec()).filter(|value| !value.is_empty()),
            b"size" if value.is_empty() => self.bytes = None,
            b"size" => {
                self.bytes = number(value);
                self.is_damaged |= self.bytes.is_none();
            }
            b"GNU.volume.filename" => self.continued = Some(value.to_vec()),
            b"SCHILY.realsize" => self.sparse.is_foreign = true,
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.add(key, value);
                }
            }
        }
    }
}

impl PaxSparse {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        let read = |of_value: &mut bool| {
            let number = number(value);
            *of_value |= number.is_none();
            number
        };
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"major" => self.major = read(&mut self.is_damaged),
            b"size" | b"realsize" => self.real_bytes = read(&mut self.is_damaged),
            b"offset" => self.offset = read(&mut self.is_damaged),
            b"numbytes" => match (self.offset.take(), read(&mut self.is_damaged)) {
                (Some(offset), Some(length)) => self.push((offset, length)),
                _ => self.is_damaged = true,
            },
            b"map" => {
                let mut numbers = value.split(|&byte| byte == b',').map(number);
                while let Some(offset) = numbers.next() {
                    match (offset, numbers.next().flatten()) {
                        (Some(offset), Some(length)) => self.push((offset, length)),
                        _ => self.is_damaged = true,
                    }
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, piece: Piece) {
        if self.pieces.len() < MAX_PIECES {
            self.pieces.push(piece);
        } else {
            self.is_damaged = true;
        }
    }

    /// The real name of a sparse member, where one is given, and its map; `None` for other members.
    pub(super) fn finished(self) -> Option<(Option<Vec<u8>>, Sparse)> {
        let map = match (self.is_damaged, self.major) {
            (true, _) => Map::Unreadable("its numbers are wrong"),
            (false, None | Some(0)) if self.real_bytes.is_some() => Map::Pieces(self.pieces),
            (false, Some(1)) if self.real_bytes.is_some() => Map::BeforeData,
            (false, None) if self.is_foreign => Map::Unreadable("it is not of GNU tar"),
            (false, None) => return None,
            (false, Some(_)) => Map::Unreadable("its version is not known"),
        };
        Some((self.name, Sparse { real_bytes: self.real_bytes.unwrap_or(0), map }))
    }
}

/// The first record, its key and value, and what follows it.
fn record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = content.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(number(&content[..blank])?).ok()?;
    let record = content.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &content[length..]))
}

/// A number in decimal digits.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(text).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

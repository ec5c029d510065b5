//! Numbers as files of weights store them, read as float32 piece by piece.

use std::io::{self, Read};

use half::f16;

/// Bytes that are read at once, so that a tensor needs no second copy of itself.
const PIECE_BYTES: usize = 1 << 20;

/// What a tensor is made of in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// IEEE 754 binary64: rounded to the nearest float32.
    F64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of binary32.
    Bf16,
    /// Something that weights are not made of, and what: integers, truth values, quantised numbers.
    Other(&'static str),
}

impl Element {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Element::F64 => "f64",
            Element::F32 => "f32",
            Element::F16 => "f16",
            Element::Bf16 => "bf16",
            Element::Other(what) => what,
        }
    }

    /// Bytes of one; `None` where it cannot be read.
    pub(crate) fn size_bytes(self) -> Option<usize> {
        match self {
            Element::F64 => Some(8),
            Element::F32 => Some(4),
            Element::F16 | Element::Bf16 => Some(2),
            Element::Other(_) => None,
        }
    }

    /// Reads `count` numbers, stored little-endian, as float32. The caller has tested that a file can hold
    /// so many.
    pub(super) fn read(self, from: &mut impl Read, count: usize) -> io::Result<Vec<f32>> {
        let Some(size) = self.size_bytes() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, self.name()));
        };
        let mut values = Vec::with_capacity(count);
        let mut piece = vec![0; PIECE_BYTES.min(count.saturating_mul(size))];
        while values.len() < count {
            let bytes = &mut piece[..PIECE_BYTES.min((count - values.len()) * size)];
            from.read_exact(bytes)?;
            self.decode(bytes, &mut values);
        }
        Ok(values)
    }

    fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Element::F64 => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32));
            }
            Element::F32 => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)))
            }
            Element::F16 => {
                values.extend(bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()));
            }
            Element::Bf16 => {
                let wide = |&[low, high]: &[u8; 2]| f32::from_le_bytes([0, 0, low, high]);
                values.extend(bytes.as_chunks().0.iter().map(wide));
            }
            Element::Other(_) => {}
        }
    }
}

/// A tensor as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is made of.
    pub(crate) element: Element,
}

impl Stored {
    /// Numbers in it; of a shape that a reader has tested.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_number_is_read_as_the_float32_next_to_it() {
        let values = [0.0f32, -0.0, 1.5, -2.25, 65504.0, f32::INFINITY];
        let read = |element: Element, bytes: Vec<u8>| {
            element.read(&mut bytes.as_slice(), values.len()).unwrap()
        };
        let same = |found: Vec<f32>| {
            assert_eq!(found.map_bits(), values.to_vec().map_bits());
        };
        same(read(Element::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()));
        same(read(Element::F64, values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect()));
        let halves = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes());
        same(read(Element::F16, halves.collect()));
        let exact = [0.0f32, -0.0, 1.5, -2.25, 65280.0, f32::INFINITY];
        let upper = exact.iter().flat_map(|v| [v.to_le_bytes()[2], v.to_le_bytes()[3]]);
        let found = Element::Bf16.read(&mut upper.collect::<Vec<_>>().as_slice(), 6).unwrap();
        assert_eq!(found.map_bits(), exact.to_vec().map_bits());
    }

    #[test]
    fn more_numbers_than_one_piece_are_all_read_and_too_few_bytes_are_an_error() {
        let count = PIECE_BYTES / 4 * 2 + 7;
        let bytes: Vec<u8> = (0..count).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let found = Element::F32.read(&mut bytes.as_slice(), count).unwrap();
        assert!(found.iter().enumerate().all(|(n, &value)| value == n as f32));
        Element::F32.read(&mut &bytes[1..], count).unwrap_err();
        Element::Other("integers").read(&mut bytes.as_slice(), 1).unwrap_err();
    }

    trait Bits {
        fn map_bits(self) -> Vec<u32>;
    }

    impl Bits for Vec<f32> {
        fn map_bits(self) -> Vec<u32> {
            self.into_iter().map(f32::to_bits).collect()
        }
    }
}

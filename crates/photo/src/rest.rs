//! What is left of a file while its structure is read.

use super::error::DecodeError;
use tcolz_pixels::photo_info::SourceFormat;

/// Bytes of a file and a place in them. Whatever reaches beyond the end is [`DecodeError::Truncated`].
#[derive(Debug, Clone)]
pub(super) struct Rest<'data> {
    format: SourceFormat,
    bytes: &'data [u8],
    at: usize,
}

impl<'data> Rest<'data> {
    pub(super) fn new(format: SourceFormat, bytes: &'data [u8]) -> Rest<'data> {
        Rest { format, bytes, at: 0 }
    }

    /// From a place on, which may lie beyond the end: then nothing is left.
    pub(super) fn from(format: SourceFormat, bytes: &'data [u8], at: usize) -> Rest<'data> {
        Rest { format, bytes, at }
    }

    /// Bytes before this place.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Everything from this place on.
    pub(super) fn all(&self) -> &'data [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'data [u8], DecodeError> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.cut(end))?;
        self.at = end;
        Ok(taken)
    }

    /// Goes on, beyond the end if need be.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes as were asked for"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn cut(&self, end: usize) -> DecodeError {
        let reason = format!("{} bytes, at least {end} are needed", self.bytes.len());
        DecodeError::Truncated { format: self.format, reason }
    }
}

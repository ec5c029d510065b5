//! The safe side of `libjpeg_shim.c`: one JPEG being decoded by libjpeg-turbo.
//!
//! This is the only place that calls the C functions. Every one of them returns normally: libjpeg's longjmp never leaves C.

#![allow(unsafe_code, reason = "libjpeg-turbo is C")]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::NonNull;

// The crate that builds and links libjpeg-turbo. Nothing of its Rust side is called, but without this line it would not be linked.
use turbojpeg_sys as _;

/// Most rows that one [`Libjpeg::read`] gives (the shim's own constant).
pub(super) const MAX_STRIP_ROWS: usize = 64;

const DONE: c_int = 0;
const TOO_MANY_SCANS: c_int = 2;
const NO_MEMORY: c_int = 3;
const CUT: c_int = 4;

/// Version of the libjpeg-turbo that is linked, such as `3.1.0`.
pub fn libjpeg_turbo_version() -> String {
    // SAFETY: takes nothing and returns a constant.
    let number = unsafe { tcolz_jpeg_version() };
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}

#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

/// What the header says; the shim's `struct tcolz_jpeg_header`.
#[repr(C)]
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1 grey, 3 colour, 4 CMYK or YCCK; others exist in damaged files.
    pub(super) components: i32,
    /// Bits a sample.
    pub(super) data_precision: i32,
    /// Not zero: spectral selection or successive approximation.
    pub(super) progressive: i32,
    /// Not zero: the coefficients of the whole picture are held in memory.
    pub(super) multiple_scans: i32,
    /// Bytes of those coefficients.
    pub(super) coefficient_bytes: u64,
    /// Bytes of one iMCU row of all components, as samples.
    pub(super) row_bytes: u64,
    /// Quantisation table of the first component, natural order; zeros where there is none.
    pub(super) luma_table: [u16; 64],
}

/// The picture that [`Libjpeg::read`] gives; the shim's `struct tcolz_jpeg_output`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Rows that one row of MCUs gives.
    pub(super) mcu_rows: u32,
}

#[repr(C)]
struct RawStatus {
    rows_reached: u32,
    incomplete: i32,
    message: [c_char; 200],
}

/// How the decoding went.
#[derive(Debug, Clone)]
pub(super) struct Status {
    /// Source rows that luminance data reach.
    pub(super) rows_reached: u32,
    /// Data are missing, of whatever kind.
    pub(super) incomplete: bool,
}

/// Why libjpeg gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// libjpeg's own message.
    Fatal(String),
    /// More scans than allowed.
    TooManyScans,
    /// malloc failed.
    OutOfMemory,
    /// The data end inside the header.
    Cut(String),
}

unsafe extern "C" {
    fn tcolz_jpeg_version() -> c_int;
    fn tcolz_jpeg_new() -> *mut Handle;
    fn tcolz_jpeg_free(jpeg: *mut Handle);
    fn tcolz_jpeg_read_header(
        jpeg: *mut Handle,
        data: *const u8,
        length: usize,
        max_scans: c_int,
        header: *mut Header,
    ) -> c_int;
    fn tcolz_jpeg_start(jpeg: *mut Handle, eighths: u32, output: *mut Output) -> c_int;
    fn tcolz_jpeg_read(
        jpeg: *mut Handle,
        dest: *mut u8,
        stride: usize,
        count: u32,
        done: *mut u32,
    ) -> c_int;
    fn tcolz_jpeg_status(jpeg: *const Handle, status: *mut RawStatus);
}

/// One JPEG file being decoded: [`open`](Libjpeg::open), [`start`](Libjpeg::start), [`read`](Libjpeg::read) until all rows are there.
///
/// A new libjpeg decoder is made for every file (a few microseconds), so no state of one file can reach the next.
pub(super) struct Libjpeg<'data> {
    handle: NonNull<Handle>,
    header: Header,
    output: Option<Output>,
    /// Set by the first failure; libjpeg is not called again after it.
    failed: bool,
    /// libjpeg keeps a pointer into the file's bytes.
    data: PhantomData<&'data [u8]>,
}

impl<'data> Libjpeg<'data> {
    /// Reads the header, up to the first scan.
    pub(super) fn open(data: &'data [u8], max_scans: u32) -> Result<Libjpeg<'data>, Failure> {
        // SAFETY: takes nothing, gives a heap pointer that this value owns from here on, or null.
        let handle = NonNull::new(unsafe { tcolz_jpeg_new() }).ok_or(Failure::OutOfMemory)?;
        let header = Header {
            width: 0,
            height: 0,
            components: 0,
            data_precision: 0,
            progressive: 0,
            multiple_scans: 0,
            coefficient_bytes: 0,
            row_bytes: 0,
            luma_table: [0; 64],
        };
        let mut jpeg = Libjpeg { handle, header, output: None, failed: false, data: PhantomData };
        let max_scans = c_int::try_from(max_scans).unwrap_or(c_int::MAX);
        // SAFETY: the handle is live and not shared. `data` outlives it, by the lifetime in this type; `Header` is laid out as in C.
        let code = unsafe {
            tcolz_jpeg_read_header(
                jpeg.handle.as_ptr(),
                data.as_ptr(),
                data.len(),
                max_scans,
                &raw mut jpeg.header,
            )
        };
        jpeg.check(code)?;
        Ok(jpeg)
    }

    /// What the header says.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of one output pixel: 3 for RGB, 4 for CMYK as stored in the file.
    pub(super) fn pixel_bytes(&self) -> usize {
        if self.header.components == 4 { 4 } else { 3 }
    }

    /// Starts decoding at `eighths`/8 of the size. A file of several scans is read to its end here.
    pub(super) fn start(&mut self, eighths: u32) -> Result<Output, Failure> {
        assert!(self.output.is_none() && !self.failed, "a JPEG is started once");
        let mut output = Output { width: 0, height: 0, mcu_rows: 0 };
        // SAFETY: the handle is live and not shared, its header has been read, and `Output` is laid out as in C.
        let code = unsafe { tcolz_jpeg_start(self.handle.as_ptr(), eighths, &raw mut output) };
        self.check(code)?;
        self.output = Some(output);
        Ok(output)
    }

    /// Fills `rows` with as many of the next rows as it holds and says how many there were: fewer only at the end of the picture.
    pub(super) fn read(&mut self, rows: &mut [u8]) -> Result<usize, Failure> {
        let output = self.output.expect("a JPEG is started before it is read");
        assert!(!self.failed, "a JPEG is not read after a failure");
        let stride = output.width as usize * self.pixel_bytes();
        let count = (rows.len() / stride).min(MAX_STRIP_ROWS);
        let mut done = 0;
        // SAFETY: the handle is live, not shared and started; libjpeg writes at most `count` rows of `stride` bytes, which `rows` holds:
        // `stride` is the output width times the bytes of the output colour space that the shim chose.
        let code = unsafe {
            tcolz_jpeg_read(
                self.handle.as_ptr(),
                rows.as_mut_ptr(),
                stride,
                count as u32,
                &raw mut done,
            )
        };
        self.check(code)?;
        Ok(done as usize)
    }

    /// How far the data reached. Meaningful after the last row.
    pub(super) fn status(&self) -> Status {
        let raw = self.raw_status();
        Status { rows_reached: raw.rows_reached, incomplete: raw.incomplete != 0 }
    }

    fn raw_status(&self) -> RawStatus {
        let mut raw = RawStatus { rows_reached: 0, incomplete: 0, message: [0; 200] };
        // SAFETY: the handle is live; the call only reads its fields; `RawStatus` is laid out as in C.
        unsafe { tcolz_jpeg_status(self.handle.as_ptr(), &raw mut raw) };
        raw
    }

    /// What libjpeg said when it failed.
    fn message(&self) -> String {
        let message = self.raw_status().message.map(|byte| byte as u8);
        let text = CStr::from_bytes_until_nul(&message).unwrap_or_default();
        text.to_string_lossy().into_owned()
    }

    fn check(&mut self, code: c_int) -> Result<(), Failure> {
        if code == DONE {
            return Ok(());
        }
        self.failed = true;
        Err(match code {
            TOO_MANY_SCANS => Failure::TooManyScans,
            NO_MEMORY => Failure::OutOfMemory,
            CUT => Failure::Cut(self.message()),
            _ => Failure::Fatal(self.message()),
        })
    }
}

impl Drop for Libjpeg<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is live and owned by this value, which is gone after this.
        unsafe { tcolz_jpeg_free(self.handle.as_ptr()) };
    }
}

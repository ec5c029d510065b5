//! The floor: libjpeg-turbo's own high-level call, `tj3Decompress8`, of the very build that is linked.

use std::ffi::{c_int, c_void};

use turbojpeg_sys::{
    TJINIT_TJINIT_DECOMPRESS, TJPARAM_TJPARAM_COLORSPACE, TJPARAM_TJPARAM_JPEGHEIGHT,
    TJPARAM_TJPARAM_JPEGWIDTH, TJPF_TJPF_CMYK, TJPF_TJPF_RGB, tj3Decompress8, tj3DecompressHeader,
    tj3Destroy, tj3Get, tj3Init, tj3SetScalingFactor, tjscalingfactor,
};

/// From here on the colour space is CMYK or YCCK (`TJCS_CMYK`).
const CMYK: c_int = 3;

/// One decompressor and one recycled picture, as a thread that does nothing else would have them.
pub(crate) struct Turbo {
    handle: *mut c_void,
    pixels: Vec<u8>,
}

impl Turbo {
    /// A decompressor.
    pub(crate) fn new() -> Turbo {
        // SAFETY: takes a constant; the result is checked.
        let handle = unsafe { tj3Init(TJINIT_TJINIT_DECOMPRESS as c_int) };
        assert!(!handle.is_null(), "tj3Init");
        Turbo { handle, pixels: Vec::new() }
    }

    /// Decodes one JPEG, at the smallest of 1/8, 1/4, 1/2, 1 whose sides are both at least `at_least`
    /// (in full for `None`): the scale that the conversion takes for `--fit squash`. False for
    /// what is no JPEG.
    pub(crate) fn decode(&mut self, bytes: &[u8], at_least: Option<u32>) -> bool {
        // SAFETY: the handle is live and used by one thread; `bytes` outlives the call.
        let header = unsafe { tj3DecompressHeader(self.handle, bytes.as_ptr(), bytes.len() as _) };
        let (width, height) =
            (self.get(TJPARAM_TJPARAM_JPEGWIDTH), self.get(TJPARAM_TJPARAM_JPEGHEIGHT));
        if header != 0 || width <= 0 || height <= 0 {
            // An error in a header poisons a decompressor.
            *self = Turbo::new();
            return false;
        }
        let scaled = |side: c_int, denominator: u32| (side as u32).div_ceil(denominator);
        let enough = |denominator: &u32| Some(scaled(width.min(height), *denominator)) >= at_least;
        let denominator = match at_least {
            Some(_) => [8, 4, 2].into_iter().find(enough).unwrap_or(1),
            None => 1,
        };
        let (kind, channels) = match self.get(TJPARAM_TJPARAM_COLORSPACE) {
            CMYK.. => (TJPF_TJPF_CMYK, 4),
            _ => (TJPF_TJPF_RGB, 3),
        };
        let picture = scaled(width, denominator) as usize * scaled(height, denominator) as usize;
        if self.pixels.len() < picture * channels {
            self.pixels.resize(picture * channels, 0);
        }
        let factor = tjscalingfactor { num: 1, denom: denominator as c_int };
        // SAFETY: the handle is live and used by one thread. With this scaling factor the picture is
        // `picture` pixels of `channels` bytes, which `pixels` holds; pitch 0 means no padding.
        unsafe {
            assert_eq!(tj3SetScalingFactor(self.handle, factor), 0, "tj3SetScalingFactor");
            let (length, target) = (bytes.len() as _, self.pixels.as_mut_ptr());
            tj3Decompress8(self.handle, bytes.as_ptr(), length, target, 0, kind as c_int);
        }
        true
    }

    fn get(&self, parameter: u32) -> c_int {
        // SAFETY: the handle is live; the call only reads.
        unsafe { tj3Get(self.handle, parameter as c_int) }
    }
}

impl Drop for Turbo {
    fn drop(&mut self) {
        // SAFETY: the handle is live and owned by this value, which is gone after this.
        unsafe { tj3Destroy(self.handle) };
    }
}

//! Panics of third-party decoders: caught, without a word on the screen, and turned into errors of the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::error::DecodeError;
use tcolz_pixels::photo_info::SourceFormat;

/// Tests of debug builds name formats here, separated by commas, whose decoders are to panic.
#[cfg(debug_assertions)]
const PANICS: &str = "TCOLZ_TEST_DECODER_PANICS";

thread_local! {
    /// Whether this thread is inside a third-party decoder.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls into a third-party decoder and turns its panic into an error of this file.
///
/// Those crates mean never to panic, but they parse hostile bytes, and one bad photo among half a million must not end a conversion.
/// Only their own calls are guarded: a panic of the sink is a fault of ours and passes through. What the decoder was working on is
/// dropped after a panic, so nothing half-changed is seen again.
///
/// The first call puts a panic hook in front of the one that is installed. A hook runs before a panic is caught and cannot know that
/// it will be, so ours is told by a flag of the thread: it says nothing about a guarded panic, whose text means nothing to whoever
/// looks at their photos, and hands every other one on.
pub(super) fn guard<T>(
    format: SourceFormat,
    call: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let installed = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                installed(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(debug_assertions)]
        panic_if_a_test_asks(format);
        call()
    }));
    GUARDED.set(outer);
    result.unwrap_or(Err(DecodeError::DecoderFailed { format }))
}

#[cfg(debug_assertions)]
fn panic_if_a_test_asks(format: SourceFormat) {
    use std::sync::LazyLock;
    static FORMATS: LazyLock<String> = LazyLock::new(|| std::env::var(PANICS).unwrap_or_default());
    assert!(!FORMATS.split(',').any(|name| name == format.as_str()), "as a test");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_third_party_decoder_is_an_error_of_the_file() {
        let result: Result<(), _> = guard(SourceFormat::Bmp, || panic!("as a test"));
        assert_eq!(result, Err(DecodeError::DecoderFailed { format: SourceFormat::Bmp }));
        assert!(!GUARDED.get(), "what follows is no longer guarded");
    }
}

//! Panics of other crates are caught by tcolz and become errors: no line for each of them.

/// Replaces libFuzzer's panic hook, which ends the process even for a panic that is caught. One that gets
/// out of a target still ends it.
pub fn about_caught_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_none_or(|place| !place.file().contains("/registry/")) {
            eprintln!("{panic}");
        }
    }));
}

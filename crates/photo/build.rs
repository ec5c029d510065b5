//! Compiles the C shim of this crate against the headers of the libjpeg-turbo that `turbojpeg-sys` builds and links.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=src/libjpeg_shim.c");
    // Set by turbojpeg-sys; several folders are separated by commas.
    let include = env::var("DEP_TURBOJPEG_INCLUDE")
        .expect("turbojpeg-sys tells where its headers are (DEP_TURBOJPEG_INCLUDE)");
    cc::Build::new()
        .file("src/libjpeg_shim.c")
        .includes(include.split(','))
        .warnings(true)
        .extra_warnings(true)
        .opt_level(2)
        .compile("tcolz_libjpeg_shim");
}

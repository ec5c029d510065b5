//! What a report promises.

use super::*;

#[test]
fn keep() {
    let Some(folder) = std::env::var_os("TCOLZ_PICTURES") else { return };
    write_report(&sample::results(), Path::new(&folder)).unwrap();
}

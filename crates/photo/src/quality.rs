//! The quality setting that a JPEG's quantisation table corresponds to.

/// The luminance table of the JPEG standard (ITU-T T.81, table K.1), row by row. Quality 50 uses it unchanged.
const STANDARD_LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, //
    12, 12, 14, 19, 26, 58, 60, 55, //
    14, 13, 16, 24, 40, 57, 69, 56, //
    14, 17, 22, 29, 51, 87, 80, 62, //
    18, 22, 37, 56, 68, 109, 103, 77, //
    24, 35, 55, 64, 81, 104, 113, 92, //
    49, 64, 78, 87, 103, 121, 120, 101, //
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// The quality (1–100) whose IJG table lies closest to this one, by the sum of absolute differences; the higher one of equals.
///
/// Exact for files written by libjpeg and its kin, an estimate for encoders with tables of their own. `table` is in natural
/// (row-major) order. `None` for a table of zeros: the file has none.
pub(super) fn of_luminance_table(table: &[u16; 64]) -> Option<u8> {
    if table.iter().all(|&step| step == 0) {
        return None;
    }
    let distance = |ijg: &[u16; 64]| -> u32 {
        table.iter().zip(ijg).map(|(&found, &step)| u32::from(found.abs_diff(step))).sum()
    };
    let qualities = (1..=100).zip(&IJG_TABLES).rev();
    qualities.min_by_key(|(_, ijg)| distance(ijg)).map(|(quality, _)| quality)
}

/// The tables of quality 1 to 100, made once: every photo is compared with all of them.
static IJG_TABLES: [[u16; 64]; 100] = {
    let mut tables = [[0; 64]; 100];
    let mut quality = 1;
    while quality <= 100 {
        let mut at = 0;
        while at < 64 {
            tables[quality - 1][at] = ijg_step(STANDARD_LUMINANCE[at], quality as u32);
            at += 1;
        }
        quality += 1;
    }
    tables
};

/// One entry of the table that `jpeg_set_quality` makes (jcparam.c), kept to 8 bits as baseline files must.
const fn ijg_step(base: u16, quality: u32) -> u16 {
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    match (base as u32 * percent + 50) / 100 {
        0 => 1,
        step @ 1..=255 => step as u16,
        _ => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ijg_quality_is_recognised_where_its_table_is_its_own() {
        for quality in 1..=100 {
            let table = &IJG_TABLES[quality - 1];
            let found = usize::from(of_luminance_table(table).expect("the table is not empty"));
            assert_eq!(table, &IJG_TABLES[found - 1], "quality {quality} was taken for {found}");
            assert!(found == quality || quality < 10, "quality {quality} was taken for {found}");
        }
    }

    #[test]
    fn no_table_has_no_quality() {
        assert_eq!(of_luminance_table(&[0; 64]), None);
        assert_eq!(of_luminance_table(&[1; 64]), Some(100));
        assert_eq!(of_luminance_table(&[u16::MAX; 64]), Some(1));
    }
}

//! The orientation tag of EXIF data.

/// Orientation (1–8) from the first APP1 segment of a JPEG that carries one.
pub(super) fn jpeg_orientation(bytes: &[u8]) -> Option<u8> {
    let mut rest = bytes.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        // Bytes before a marker are junk that decoders skip; a marker may be padded by any number of 0xFF.
        let start = rest.iter().position(|&byte| byte == 0xFF)?;
        rest = &rest[start..];
        let padding = rest.iter().position(|&byte| byte != 0xFF)?;
        let marker = rest[padding];
        rest = &rest[padding + 1..];
        match marker {
            // Stuffed zero, TEM, restart, start of image: no segment follows.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            // End of image, start of scan: the header is over.
            0xD9 | 0xDA => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length.max(2))?;
        if marker == 0xE1
            && let Some(orientation) = orientation(segment)
        {
            return Some(orientation);
        }
        rest = &rest[length.max(2)..];
    }
}

/// Orientation (1–8) from EXIF data: a TIFF header and directory, with or without `Exif\0\0` in front.
pub(super) fn orientation(exif: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 0x0112;
    const SHORT: u16 = 3;
    const ENTRY_BYTES: usize = 12;

    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let big_endian = match tiff.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let pair: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let quad: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let directory = if big_endian { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) };
    let directory = usize::try_from(directory).ok()?;
    let entries = usize::from(u16_at(directory)?);
    (0..entries).map_while(|index| directory.checked_add(2 + index * ENTRY_BYTES)).find_map(
        |entry| {
            let is_orientation = u16_at(entry)? == ORIENTATION && u16_at(entry + 2)? == SHORT;
            let value = is_orientation.then(|| u16_at(entry + 8)).flatten()?;
            u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exif(big_endian: bool, tag: u16, value: u16) -> Vec<u8> {
        let short = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut tiff = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        tiff.extend(long(8));
        tiff.extend(short(2));
        for (tag, value) in [(0x010F, 7), (tag, value)] {
            tiff.extend(short(tag));
            tiff.extend(short(3));
            tiff.extend(long(1));
            tiff.extend(short(value));
            tiff.extend([0, 0]);
        }
        tiff
    }

    #[test]
    fn both_byte_orders_and_the_jpeg_prefix_are_read() {
        for big_endian in [false, true] {
            let tiff = exif(big_endian, 0x0112, 6);
            assert_eq!(orientation(&tiff), Some(6));
            assert_eq!(orientation(&[b"Exif\0\0", tiff.as_slice()].concat()), Some(6));
        }
    }

    #[test]
    fn values_outside_1_to_8_and_other_tags_are_none() {
        assert_eq!(orientation(&exif(true, 0x0112, 0)), None);
        assert_eq!(orientation(&exif(true, 0x0112, 9)), None);
        assert_eq!(orientation(&exif(true, 0x0113, 6)), None);
    }

    #[test]
    fn any_cut_and_any_offset_is_survived() {
        let tiff = exif(true, 0x0112, 6);
        for cut in 0..tiff.len() {
            let _ = orientation(&tiff[..cut]);
        }
        let mut wild = tiff.clone();
        wild[4..8].copy_from_slice(&[0xFF; 4]);
        assert_eq!(orientation(&wild), None);
        let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 0];
        assert_eq!(jpeg_orientation(&jpeg), None);
        jpeg[5] = 200;
        assert_eq!(jpeg_orientation(&jpeg), None);
    }
}

//! Numbers as people read them.

/// `1234567` → `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in decimal units: `60.3 MB`.
pub fn bytes(number: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{number} bytes"),
        _ if value < 99.95 => format!("{value:.1} {}", units[unit]),
        _ => format!("{value:.0} {}", units[unit]),
    }
}

/// A measured rate without a unit, to three significant digits: `12,300`, `188`, `1.88`.
pub fn rate(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value < 0.0005 {
        return "0".to_owned();
    }
    let decimals = |value: f64| 2 - value.log10().floor() as i32;
    let unit = 10f64.powi(decimals(value));
    let rounded = (value * unit).round() / unit;
    match decimals(rounded) {
        ..=0 => count(rounded as u64),
        decimals => format!("{rounded:.0$}", decimals as usize),
    }
}

/// What so many times the stored size, the size of the plain tensors, reads like: `2.72 times smaller`,
/// `1.43 times larger`.
pub fn times_smaller(ratio: f64) -> String {
    let (times, word) = if ratio >= 1.0 { (ratio, "smaller") } else { (1.0 / ratio, "larger") };
    match format!("{times:.2}") {
        _ if !times.is_finite() || ratio <= 0.0 => "nothing is stored".to_owned(),
        times if times == "1.00" => "as large".to_owned(),
        times => format!("{times} times {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1000, 470_586].map(count), ["0", "999", "1,000", "470,586"]);
        assert_eq!(bytes(361), "361 bytes");
        assert_eq!(bytes(60_270_000), "60.3 MB");
        assert_eq!(bytes(63_000_000_000), "63.0 GB");
        assert_eq!(bytes(999_999), "1.0 MB");
    }

    #[test]
    fn rates_have_three_significant_digits() {
        let said = [187.5535, 12_344.4, 149_685.0, 999.6, 99.96, 9.996, 1.0, 0.0123456, 0.0, 9.5e6];
        let expected = [
            "188",
            "12,300",
            "150,000",
            "1,000",
            "100",
            "10.0",
            "1.00",
            "0.0123",
            "0",
            "9,500,000",
        ];
        assert_eq!(said.map(rate), expected);
        assert_eq!(rate(f64::INFINITY), "–");
    }

    #[test]
    fn a_size_ratio_below_1_is_said_to_be_larger() {
        let said = [2.724, 1.0, 0.999, 0.7, 0.0, f64::NAN].map(times_smaller);
        let nothing = "nothing is stored";
        let expected =
            ["2.72 times smaller", "as large", "as large", "1.43 times larger", nothing, nothing];
        assert_eq!(said, expected);
    }
}

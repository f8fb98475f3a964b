//! Parse and print agree with each other and with long arithmetic on digit strings.

use super::*;
use proptest::prelude::*;

fn units(text: &str) -> i128 {
    parse(text.as_bytes()).unwrap().units
}

#[test]
fn reads_every_notation() {
    assert_eq!(units("0"), 0);
    assert_eq!(units("0.0"), 0);
    assert_eq!(units("-0"), 0);
    assert_eq!(units("1"), ONE);
    assert_eq!(units("-1.5"), -ONE - ONE / 2);
    assert_eq!(units(".5"), ONE / 2);
    assert_eq!(units("5."), 5 * ONE);
    assert_eq!(units("+2"), 2 * ONE);
    assert_eq!(units("5.2E-9"), 5_200_000_000);
    assert_eq!(units("4.4e-7"), 440_000_000_000);
    assert_eq!(units("1E3"), 1000 * ONE);
    assert_eq!(units("1e+3"), 1000 * ONE);
    assert_eq!(units("0E-40"), 0);
    assert_eq!(units("99999999999999999999.999999999999999999"), MAX);
    assert_eq!(units("0099999999.10"), 99_999_999 * ONE + ONE / 10);
    assert_eq!(units("0.000000000000000001"), 1);
}

#[test]
fn refuses_what_is_no_number() {
    for text in [
        "", "-", ".", "1.2.3", "1,5", "1e", "e5", "0x1", "NaN", "inf", " 1", "1 ", "--1", "1e99999",
    ] {
        assert_eq!(parse(text.as_bytes()), Err(ParseError::Syntax), "{text:?}");
    }
    assert_eq!(parse(b"100000000000000000000"), Err(ParseError::TooLarge));
    assert_eq!(parse(b"1e20"), Err(ParseError::TooLarge));
    assert_eq!(parse(b"99999999999999999999.9999999999999999999"), Err(ParseError::TooLarge));
}

#[test]
fn rounds_half_even_and_says_so() {
    let parsed = |text: &str| parse(text.as_bytes()).unwrap();
    assert_eq!(parsed("0.0000000000000000005"), Parsed { units: 0, rounded: true });
    assert_eq!(parsed("0.0000000000000000015"), Parsed { units: 2, rounded: true });
    assert_eq!(parsed("0.00000000000000000050001"), Parsed { units: 1, rounded: true });
    assert_eq!(parsed("-0.0000000000000000015"), Parsed { units: -2, rounded: true });
    assert_eq!(parsed("9E-20"), Parsed { units: 0, rounded: true });
    assert_eq!(parsed("1.0000000000000000000000"), Parsed { units: ONE, rounded: false });
}

#[test]
fn prints_plainly() {
    assert_eq!(format(0), "0");
    assert_eq!(format(-ONE / 2), "-0.5");
    assert_eq!(format(5_200_000_000), "0.0000000052");
    assert_eq!(format_places(ONE / 200, 2), "0.00");
    assert_eq!(format_places(3 * ONE / 200, 2), "0.02");
    assert_eq!(format_places(-ONE / 1000, 2), "0.00");
    assert_eq!(format_places(-3 * ONE / 200, 2), "-0.02");
    assert_eq!(format_grouped(1_234_567 * ONE + ONE / 2, 2), "1,234,567.50");
    assert_eq!(format_grouped(-123 * ONE, 0), "-123");
}

#[test]
fn divides_exactly() {
    assert_eq!(divide(ONE, 3 * ONE), Some(333_333_333_333_333_333));
    assert_eq!(divide(2 * ONE, -3 * ONE), Some(-666_666_666_666_666_667));
    assert_eq!(divide(ONE, 0), None);
    assert_eq!(divide(MAX, 1), None);
    assert_eq!(multiply(MAX, ONE), Some(MAX));
    assert_eq!(multiply(3 * ONE / 2, -2 * ONE), Some(-3 * ONE));
    assert_eq!(multiply(MAX, 2 * ONE), None);
}

#[test]
fn a_sum_tells_of_overflow() {
    let mut sum = Sum::default();
    sum.add(MAX);
    assert_eq!(sum.total(), Ok(MAX));
    sum.add(1);
    assert_eq!(sum.total(), Err(Overflow));
    sum.add(-1);
    assert_eq!(sum.total(), Ok(MAX));
    sum.add(MAX);
    sum.add(-MAX);
    assert_eq!(sum.total(), Err(Overflow));
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(value in -MAX..=MAX) {
        prop_assert_eq!(units(&format(value)), value);
    }

    #[test]
    fn e_notation_is_a_shifted_point(
        value in -999_999_999_999_i128..=999_999_999_999,
        shift in 0_i32..=18,
    ) {
        let expected = value * 10_i128.pow(18 - u32::try_from(shift).unwrap());
        prop_assert_eq!(units(&format!("{value}E-{shift}")), expected);
    }

    #[test]
    fn short_and_long_paths_agree(whole in 0_u64..=99_999_999, fraction in "[0-9]{0,9}") {
        let short = format!("{whole}.{fraction}");
        let long = format!("000000000000000000000{short}");
        prop_assert_eq!(units(&short), units(&long));
    }

    #[test]
    fn multiply_undoes_divide_within_half_a_unit(
        a in 1_i128..=MAX / ONE,
        b in 1_i128..=1_000_000_000_i128,
    ) {
        let quotient = divide(a * ONE, b * ONE).unwrap();
        let back = multiply(quotient, b * ONE).unwrap();
        prop_assert!((back - a * ONE).abs() <= b);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,60}") {
        let parsed = parse(text.as_bytes());
        prop_assert!(parsed.is_ok() || parsed.is_err());
    }
}

//! Dates in claims: NumericDate, seconds since 1970 that may have a fraction (RFC 7519 section 2).

use domain::Timestamp;
use serde_json::{Map, Value};

use super::TokenRefusal;

/// The date in this claim, where there is one. Errors when it is no date.
pub(super) fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenRefusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().and_then(|seconds| seconds.checked_mul(1_000_000));
    let micros = match whole {
        Some(micros) => micros,
        None => fraction(value).ok_or(TokenRefusal::Claim(name))?,
    };
    Ok(Some(Timestamp::from_micros(micros)))
}

/// Seconds with a fraction, in microseconds. None when they are no date of these ten thousand years.
fn fraction(value: &Value) -> Option<i64> {
    let micros = value.as_f64()? * 1e6;
    let possible = Timestamp::MIN.micros() as f64..=Timestamp::MAX.micros() as f64;
    #[expect(clippy::cast_possible_truncation, reason = "it is within the range of a timestamp")]
    possible.contains(&micros).then_some(micros as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_date_is_a_number_of_seconds() {
        let read = |value: Value| {
            let claims = json!({ "iat": value });
            date(claims.as_object().unwrap(), "iat").map(|date| date.map(Timestamp::micros))
        };
        assert_eq!(read(json!(1_654_012_799)), Ok(Some(1_654_012_799_000_000)));
        assert_eq!(read(json!(1_654_012_799.5)), Ok(Some(1_654_012_799_500_000)));
        assert_eq!(read(json!(-1)), Ok(Some(-1_000_000)));
        for none in [json!("1654012799"), json!(null), json!([1]), json!(true), json!(1e300), json!(i64::MAX), json!(u64::MAX)] {
            assert_eq!(read(none.clone()), Err(TokenRefusal::Claim("iat")), "{none}");
        }
        assert_eq!(date(&Map::new(), "iat"), Ok(None));
    }
}

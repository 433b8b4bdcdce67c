//! Response codes of the later editions, said as 1987 says them: the oracle thinks in those.
//!
//! Taken from ISO 8583:1993 table A.9 and ISO 8583:2003 annex A for the causes the oracle knows. A
//! host whose table gives one of them another code is judged wrong, with both messages to look at.

/// 1987, 1993, 2003.
const CODES: [(&str, &str, &str); 21] = [
    ("00", "000", "0000"),
    ("10", "002", "0002"),
    ("05", "100", "1000"),
    ("54", "101", "1001"),
    ("59", "102", "1002"),
    ("62", "104", "1004"),
    ("75", "106", "1006"),
    ("14", "111", "1011"),
    ("70", "112", "1012"),
    ("51", "116", "1016"),
    ("55", "117", "1017"),
    ("57", "119", "1019"),
    ("61", "121", "1021"),
    ("63", "122", "1022"),
    ("65", "123", "1023"),
    ("04", "200", "2000"),
    ("41", "208", "2008"),
    ("43", "209", "2009"),
    ("30", "904", "9100"),
    ("91", "907", "9107"),
    ("94", "913", "9113"),
];

/// The code of 1987 that an answer of an edition means; one nobody knows stays as it is.
pub(super) fn of_1987(code: String, version: u8) -> String {
    let later = |row: &&(&str, &'static str, &'static str)| match version {
        0 => false,
        1 => row.1 == code,
        _ => row.2 == code,
    };
    CODES.iter().find(later).map_or(code.clone(), |row| row.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_like_in_each_edition() {
        let said = |code: &str, version| of_1987(code.to_owned(), version);
        assert_eq!([said("61", 0), said("121", 1), said("1021", 2)], ["61", "61", "61"]);
        assert_eq!([said("121", 0), said("1021", 1), said("999", 1)], ["121", "1021", "999"]);
        for column in 0..3 {
            let of = |row: &(&'static str, &'static str, &'static str)| [row.0, row.1, row.2];
            let mut codes: Vec<&str> = CODES.iter().map(|row| of(row)[column]).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), CODES.len(), "two causes with one code cannot be told apart");
        }
    }
}

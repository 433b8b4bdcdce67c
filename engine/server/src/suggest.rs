//! "Did you mean ...?": the known name nearest to one that was mistyped.

/// The name nearest to `found`, if one is near enough to have been meant.
#[must_use]
pub fn nearest<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // As many slips as a third of the name: `bnid` is meant as `bind`, `port` is not.
    let most = (found.chars().count() / 3).max(1);
    names
        .map(|name| (strsim::damerau_levenshtein(&found.to_lowercase(), name), name))
        .filter(|(slips, name)| *slips <= most || is_short_form(found, name))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// `cert` for `certificate` and the other way round.
fn is_short_form(found: &str, name: &str) -> bool {
    found.len() >= 3 && name.len() >= 3 && (name.starts_with(found) || found.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let names = ["bind", "framing", "dialect", "tpdu", "cert"];
        for (found, meant) in [
            ("bnid", Some("bind")),
            ("Framing", Some("framing")),
            ("dialct", Some("dialect")),
            ("certificate", Some("cert")),
            ("port", None),
            ("x", None),
        ] {
            assert_eq!(nearest(found, names.into_iter()), meant, "{found}");
        }
    }
}

//! What a password must be, after NIST SP 800-63B and OWASP ASVS 2.1: long, not one that everybody
//! tries first, not the user's or the product's name, not one that he had before. No rules about
//! which letters: they make passwords worse.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The shortest, in characters.
pub const LENGTH_LEAST: usize = 12;
/// The longest, in bytes: far more than a person types.
pub const LENGTH_MOST: usize = 256;

/// The shortest name that may stand nowhere in a password, not even within a word.
const NAME_LEAST: usize = 4;

/// Passwords that are tried first, a line each, in small letters.
const COMMON: &str = include_str!("common_passwords.txt");

/// What is wrong with a password, for the person who chose it.
///
/// # Errors
/// What is wrong.
pub fn check(password: &str, user: &str) -> Result<(), String> {
    if password.chars().count() < LENGTH_LEAST {
        return Err(format!("must have {LENGTH_LEAST} characters or more; several words do well"));
    }
    if password.len() > LENGTH_MOST {
        return Err(format!("is longer than {LENGTH_MOST} bytes"));
    }
    let small = password.to_lowercase();
    let plain: String = small.chars().filter(|letter| letter.is_alphanumeric()).collect();
    // Two or three letters are in many good passwords: such a name counts as a word of its own.
    let named = if user.chars().count() < NAME_LEAST {
        small.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == user)
    } else {
        small.contains(user) || plain.contains(user)
    };
    if named {
        return Err("holds the user's name".to_owned());
    }
    let different: BTreeSet<char> = small.chars().collect();
    if different.len() < 5 {
        return Err("repeats the same few characters".to_owned());
    }
    // `P@ssword2026!` is `password` with what everybody does to it.
    let stem = small.trim_end_matches(|letter: char| !letter.is_alphabetic());
    let letters = |text: &str| text.chars().filter(|l| l.is_alphanumeric()).collect::<String>();
    let tries =
        [small.clone(), letters(stem), letters(&unleeted(stem)), letters(&unleeted(&small))];
    if tries.iter().any(|text| common().contains(text.as_str())) || is_run(&plain) {
        return Err("is one of those that are tried first".to_owned());
    }
    Ok(())
}

fn common() -> &'static BTreeSet<&'static str> {
    static COMMON_SET: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    COMMON_SET.get_or_init(|| COMMON.lines().filter(|line| !line.starts_with('#')).collect())
}

/// With the letters that digits and signs stand for.
fn unleeted(text: &str) -> String {
    let letter = |letter| match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// `abcdefghijkl`, `123456789012`, or a row of keys.
fn is_run(text: &str) -> bool {
    const ROWS: [&str; 4] = [
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "qwertyuiopasdfghjklzxcvbnm",
        "йцукенгшщзхъфывапролджэячсмитьбю",
    ];
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

/// A password for somebody else's first login: five groups of letters and digits that are not
/// taken for one another, more than 100 bits. It passes [`check`]: of the very few that do not,
/// another one is drawn.
///
/// # Errors
/// The system gave no randomness.
pub fn temporary(user: &str) -> Result<Zeroizing<String>, getrandom::Error> {
    first_good(user, drawn)
}

fn first_good<E>(
    user: &str,
    mut draw: impl FnMut() -> Result<Zeroizing<String>, E>,
) -> Result<Zeroizing<String>, E> {
    loop {
        let text = draw()?;
        if check(&text, user).is_ok() {
            return Ok(text);
        }
    }
}

fn drawn() -> Result<Zeroizing<String>, getrandom::Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0u8; 25];
    getrandom::fill(&mut random)?;
    let mut text = Zeroizing::new(String::new());
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        let letter = LETTERS.get(usize::from(byte % 32)).copied().unwrap_or_default();
        text.push(char::from(letter));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_long_and_nobody_s_guess() {
        for good in ["seven lamps on the bridge", "ала-тоо да кар эрийт", "x9#fLq2!mZ7&"]
        {
            assert_eq!(check(good, "aida"), Ok(()), "{good}");
        }
        for _ in 0..20 {
            assert_eq!(check(&temporary("aida").unwrap(), "aida"), Ok(()));
        }
    }

    #[test]
    fn a_short_name_is_no_trouble_within_a_word() {
        assert_eq!(check("seven lamps on the bridge", "am"), Ok(()));
        assert_eq!(check("seven-lamps-on-the-bridge", "eve"), Ok(()));
        for bad in ["seven lamps am bridge", "Seven-Lamps-AM-Bridge"] {
            assert!(check(bad, "am").unwrap_err().contains("name"), "{bad}");
        }
    }

    #[test]
    fn another_temporary_password_is_drawn_for_one_that_would_be_refused() {
        let mut draws = ["k7mzp-aida2-x9qtb-e3vfy-8rjdc", "k7mzp-4hw2x-9qtbn-e3vfy-8rjdc"]
            .into_iter()
            .map(|text| Zeroizing::new(text.to_owned()));
        let shown = first_good("aida", || draws.next().ok_or("no more")).unwrap();
        assert_eq!(shown.as_str(), "k7mzp-4hw2x-9qtbn-e3vfy-8rjdc");
        // Of two letters, one in forty held the name before.
        for _ in 0..500 {
            assert_eq!(check(&temporary("ab").unwrap(), "ab"), Ok(()));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (bad, why) in [
            ("short", "12 characters"),
            ("password1234", "tried first"),
            ("P@ssw0rd-P@ssw0rd", "tried first"),
            ("Qwertyuiop123456", "tried first"),
            ("123456789012345", "tried first"),
            ("abcdefghijkl", "tried first"),
            ("lkjihgfedcba", "tried first"),
            ("aaaaaaaaaaaab", "same few"),
            ("aida-is-my-name-2026", "name"),
            ("A.i.d.a-forever-9", "name"),
        ] {
            let error = check(bad, "aida").unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(check(&"x1y2z".repeat(60), "aida").unwrap_err().contains("256"));
    }
}

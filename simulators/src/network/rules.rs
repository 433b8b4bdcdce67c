//! Which rule a message meets, and what follows from it. Counting and drawing are here; the same
//! messages in the same order meet the same fates.

use super::file::{AnswerKeys, Garbage};
use super::message::{Seen, network_code};
use super::values::{Delay, Many};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// What is done to a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// The rule, by its name or its number.
    pub rule: Option<String>,
    /// DE 39, where the rule says it.
    pub code: Option<String>,
    /// Before the answer.
    pub delay: Duration,
    /// Whether nobody waits for it any more then.
    pub late: bool,
    /// Answers more than one.
    pub copies: u32,
    pub drop: bool,
    pub garbage: Option<Garbage>,
    pub close: bool,
    pub stand_in: bool,
    pub forward: bool,
}

/// A rule with what it has counted and drawn.
#[derive(Debug)]
struct Rule {
    name: String,
    keys: AnswerKeys,
    fitted: u64,
    random: ChaCha8Rng,
}

/// All rules, in order.
#[derive(Debug)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    pub(super) fn new(answers: Vec<AnswerKeys>, seed: u64) -> Self {
        let rule = |(at, keys): (u64, AnswerKeys)| Rule {
            name: keys.name.clone().unwrap_or_else(|| format!("answer {}", at + 1)),
            keys,
            fitted: 0,
            // A stream of its own: what one rule draws does not move another's draws.
            random: {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(at + 1);
                random
            },
        };
        Self((0..).zip(answers).map(rule).collect())
    }

    /// The fate of a message: of the first rule that fits, else an approval at once.
    pub(super) fn fate(&mut self, seen: &Seen) -> Fate {
        self.0.iter_mut().find_map(|rule| rule.take(seen)).unwrap_or_default()
    }
}

impl Rule {
    fn take(&mut self, seen: &Seen) -> Option<Fate> {
        let keys = &self.keys;
        if !fits(keys, seen) {
            return None;
        }
        self.fitted += 1;
        let chosen = keys.first.is_none_or(|first| self.fitted <= first)
            && keys.every.is_none_or(|every| self.fitted.is_multiple_of(every))
            && keys.share.is_none_or(|share| self.random.random_bool(share.0));
        if !chosen {
            return None;
        }
        let draw = |delay: Option<Delay>, random: &mut ChaCha8Rng| {
            delay.map_or(Duration::ZERO, |delay| delay.draw(random))
        };
        Some(Fate {
            rule: Some(self.name.clone()),
            code: keys.code.as_ref().map(|code| code.0.clone()),
            delay: draw(keys.delay.or(keys.late), &mut self.random),
            late: keys.late.is_some(),
            copies: keys.duplicate.unwrap_or(0),
            drop: keys.drop,
            garbage: keys.garbage,
            close: keys.close,
            stand_in: keys.stand_in,
            forward: keys.forward,
        })
    }
}

fn fits(keys: &AnswerKeys, seen: &Seen) -> bool {
    let begins = |many: &Many<super::values::Prefix>, element: &[u8]| {
        many.0.is_empty()
            || element
                .iter()
                .find_map(|de| seen.text(*de))
                .is_some_and(|text| many.0.iter().any(|prefix| prefix.begins(&text)))
    };
    let of_type = keys.mti.0.is_empty() || keys.mti.0.iter().any(|mti| mti.fits(seen.mti));
    let of_network = keys.network_code.0.is_empty()
        || network_code(seen)
            .is_some_and(|code| keys.network_code.0.iter().any(|wanted| wanted.0 == code));
    let at_terminal = keys.terminal.0.is_empty()
        || seen.text(41).is_some_and(|id| keys.terminal.0.iter().any(|wanted| wanted.fits(&id)));
    let about = keys.amount.is_none_or(|range| {
        seen.amount().is_some_and(|amount| (range.from..=range.to).contains(&amount))
    });
    let again = keys.repeat.is_none_or(|repeat| repeat == seen.mti.is_repeat());
    let number = keys.bin.0.is_empty()
        || seen
            .card_number()
            .is_some_and(|number| keys.bin.0.iter().any(|bin| bin.begins(&number)));
    of_type
        && of_network
        && at_terminal
        && about
        && again
        && number
        && begins(&keys.processing_code, &[3])
        && begins(&keys.mcc, &[18, 26])
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;
    use crate::intent::Fields;
    use iso8583::FieldValue;
    use payment_types::Mti;
    use std::path::Path;

    fn rules(text: &str, seed: u64) -> Rules {
        let file = file::parse(text, Path::new("net.toml")).unwrap();
        Rules::new(file.answer.into_iter().map(toml::Spanned::into_inner).collect(), seed)
    }

    fn message(mti: &str, fields: &[(u8, &str)]) -> Seen {
        let fields: Fields =
            fields.iter().map(|(de, text)| (*de, FieldValue::Text((*text).into()))).collect();
        Seen { mti: Mti::parse(mti).unwrap(), fields, version: 0 }
    }

    fn purchase() -> Seen {
        message(
            "0200",
            &[
                (2, "9417000000000009"),
                (3, "000000"),
                (4, "000000012000"),
                (18, "5411"),
                (41, "POS00001"),
            ],
        )
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let mut rules = rules(
            "[[answer]]\nmti = \"01xx\"\ncode = \"01\"\n\
             [[answer]]\nbin = \"9418\"\ncode = \"02\"\n\
             [[answer]]\namount = \"0.00-119.99\"\ncode = \"03\"\n\
             [[answer]]\nterminal = \"ATM*\"\ncode = \"04\"\n\
             [[answer]]\nprocessing_code = \"01\"\ncode = \"06\"\n\
             [[answer]]\nmcc = \"6011\"\ncode = \"07\"\n\
             [[answer]]\nrepeat = true\ncode = \"08\"\n\
             [[answer]]\nname = \"shops\"\nmcc = \"54\"\nbin = \"9417\"\ncode = \"09\"\n",
            1,
        );
        let fate = rules.fate(&purchase());
        assert_eq!((fate.rule.as_deref(), fate.code.as_deref()), (Some("shops"), Some("09")));
        let again = Seen { mti: Mti::parse("0201").unwrap(), ..purchase() };
        assert_eq!(rules.fate(&again).code.as_deref(), Some("08"));
        assert_eq!(rules.fate(&message("0400", &[])), Fate::default(), "approved where none fits");
    }

    #[test]
    fn network_messages_are_told_apart_in_every_edition() {
        let mut rules = rules("[[answer]]\nnetwork_code = \"301\"\ndrop = true\n", 1);
        assert!(rules.fate(&message("0800", &[(70, "301")])).drop);
        assert!(!rules.fate(&message("0800", &[(70, "001")])).drop);
        let later = Seen { version: 1, ..message("1800", &[(24, "831")]) };
        assert!(rules.fate(&later).drop);
    }

    #[test]
    fn every_nth_the_first_and_a_share_are_counted_among_those_that_fit() {
        let mut every = rules("[[answer]]\nmti = \"0200\"\nevery = 3\ndrop = true\n", 1);
        let dropped: Vec<bool> = (0..6)
            .map(|_| {
                every.fate(&message("0800", &[]));
                every.fate(&purchase()).drop
            })
            .collect();
        assert_eq!(dropped, [false, false, true, false, false, true]);
        let mut first = rules("[[answer]]\nfirst = 2\ndrop = true\n", 1);
        assert_eq!([0; 3].map(|_| first.fate(&purchase()).drop), [true, true, false]);
        let text = "[[answer]]\nshare = \"30%\"\ndrop = true\n[[answer]]\ndelay = \"1ms-90ms\"\n";
        let run = |seed| {
            let mut rules = rules(text, seed);
            (0..1000).map(|_| rules.fate(&purchase())).collect::<Vec<_>>()
        };
        let share = run(7).iter().filter(|fate| fate.drop).count();
        assert!((250..350).contains(&share), "{share}");
        assert_eq!(run(7), run(7), "the same seed draws the same");
        assert_ne!(run(7), run(8));
    }
}

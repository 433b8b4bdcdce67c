//! Which card comes next: all alike, a few favourites (Zipf), or some accounts that are hot.

use crate::SimError;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// How often each card is used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Popularity {
    /// The exponent of Zipf's law: the card of rank n comes up as often as 1/n to this power. 0 is
    /// all alike.
    pub zipf: f64,
    /// A share of everything that goes to the first few cards.
    pub hot: Option<Hot>,
}

/// Accounts that everybody pays from at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hot {
    /// Of all messages, from 0 to 1.
    pub share: f64,
    /// How many cards share it.
    pub cards: usize,
}

impl std::str::FromStr for Hot {
    type Err = SimError;

    /// Reads `20%=4`: a fifth of the messages to four cards.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let wrong = || SimError::Setting(format!("hot: {text:?} is not SHARE%=CARDS, as 20%=4"));
        let (share, cards) = text.split_once('=').ok_or_else(wrong)?;
        let share = share.trim().strip_suffix('%').and_then(|share| share.parse::<f64>().ok());
        let share = share.filter(|share| (0.0..=100.0).contains(share)).ok_or_else(wrong)?;
        let cards = cards.trim().parse().ok().filter(|cards| *cards > 0).ok_or_else(wrong)?;
        Ok(Self { share: share / 100.0, cards })
    }
}

/// Picks cards.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    count: usize,
    /// The share of all ranks up to each; empty where all are alike.
    upto: Vec<f64>,
    hot: Option<Hot>,
}

impl Picker {
    pub(crate) fn new(count: usize, popularity: Popularity) -> Self {
        let mut upto = Vec::new();
        if popularity.zipf > 0.0 {
            let mut sum = 0.0;
            for rank in 1..=count {
                #[expect(clippy::cast_precision_loss, reason = "a number of cards")]
                let weight = (rank as f64).powf(-popularity.zipf);
                sum += weight;
                upto.push(sum);
            }
        }
        let hot = popularity.hot.map(|hot| Hot { cards: hot.cards.min(count), ..hot });
        Self { count, upto, hot }
    }

    /// One of all.
    pub(crate) fn pick(&self, dice: &mut ChaCha8Rng) -> usize {
        if let Some(hot) = self.hot
            && hot.cards > 0
            && dice.random::<f64>() < hot.share
        {
            return dice.random_range(0..hot.cards);
        }
        match self.upto.last() {
            Some(all) => {
                let throw = dice.random::<f64>() * all;
                self.upto.partition_point(|upto| *upto < throw).min(self.count.saturating_sub(1))
            }
            None => dice.random_range(0..self.count.max(1)),
        }
    }

    /// One of some, all alike.
    pub(crate) fn pick_of(&self, cards: &Range<usize>, dice: &mut ChaCha8Rng) -> usize {
        if cards.is_empty() { self.pick(dice) } else { dice.random_range(cards.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn counts(popularity: Popularity) -> Vec<u32> {
        let picker = Picker::new(1000, popularity);
        let mut dice = ChaCha8Rng::seed_from_u64(3);
        let mut counts = vec![0; 1000];
        (0..100_000).for_each(|_| counts[picker.pick(&mut dice)] += 1);
        counts
    }

    #[test]
    fn favourites_come_up_as_often_as_zipf_says() {
        let even = counts(Popularity::default());
        assert!(even.iter().all(|count| (40..180).contains(count)));
        let zipf = counts(Popularity { zipf: 1.0, hot: None });
        // The harmonic number of 1000 is 7.485.
        assert!((12_800..13_900).contains(&zipf[0]), "{}", zipf[0]);
        assert!((6_300..7_100).contains(&zipf[1]) && (1_150..1_550).contains(&zipf[9]));
        let hot = counts(Popularity { zipf: 0.0, hot: Some("20%=4".parse().unwrap()) });
        assert!((19_500..21_500).contains(&hot[..4].iter().sum::<u32>()));
        let one = Picker::new(1, Popularity { zipf: 2.0, hot: "50%=9".parse().ok() });
        assert_eq!(one.pick(&mut ChaCha8Rng::seed_from_u64(1)), 0);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["20=4", "120%=4", "5%=0", "x%=1", "5%"] {
            assert!(bad.parse::<Hot>().is_err(), "{bad}");
        }
    }
}

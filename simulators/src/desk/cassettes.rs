//! A cash machine's notes: what its cassettes hold, which notes pay an amount, and what is found
//! when somebody opens it and counts.

/// One kind of note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cassette {
    /// A note's worth, minor units.
    pub note: u64,
    /// How many the machine's own counter says there are.
    pub counted: u32,
    /// How many there really are: another number after a misfeed nobody noticed.
    pub real: u32,
    /// How many were put in.
    pub loaded: u32,
}

/// What goes wrong with the next notes handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// One note too few comes out, and the machine notices.
    Short,
    /// One too many, noticed.
    Over,
    /// Nothing comes out.
    Jam,
    /// One too few, and only the count will tell.
    ShortUnseen,
    /// One too many, and only the count will tell.
    OverUnseen,
}

impl Fault {
    /// All of them, with what scripts call them.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::None, "none"),
        (Self::Short, "short"),
        (Self::Over, "over"),
        (Self::Jam, "jam"),
        (Self::ShortUnseen, "short-unseen"),
        (Self::OverUnseen, "over-unseen"),
    ];

    /// As scripts write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, name)| name)
    }

    /// The one after it, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|(fault, _)| *fault == self).unwrap_or_default();
        Self::ALL.get((at + 1) % Self::ALL.len()).map_or(Self::None, |(fault, _)| *fault)
    }
}

/// Notes of each kind, by worth, the largest first.
pub type Mix = Vec<(u64, u32)>;

/// What came out of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOut {
    /// The notes in the customer's hand.
    pub notes: Mix,
    /// The notes the machine's counters say have gone.
    pub counted: Mix,
    /// What the machine's sensors say they are worth.
    pub noticed: u64,
}

/// All of a machine's cassettes, the largest note first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cassettes(Vec<Cassette>);

impl Cassettes {
    /// As many notes of each kind.
    #[must_use]
    pub fn filled(notes: &[u64], count: u32) -> Self {
        Self::loaded(notes.iter().map(|note| (*note, count)))
    }

    /// These notes.
    pub fn loaded(notes: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let full = |(note, loaded)| Cassette { note, counted: loaded, real: loaded, loaded };
        let mut all: Vec<Cassette> =
            notes.into_iter().filter(|(note, _)| *note > 0).map(full).collect();
        all.sort_by_key(|cassette| std::cmp::Reverse(cassette.note));
        all.dedup_by_key(|cassette| cassette.note);
        Self(all)
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Cassette] {
        &self.0
    }

    /// The fewest notes that pay an amount exactly, of those the machine thinks it has; `None` where
    /// they can't.
    #[must_use]
    pub fn mix(&self, amount: u64) -> Option<Mix> {
        let unit = self.0.iter().map(|cassette| cassette.note).fold(0, gcd);
        if unit == 0 || amount == 0 || !amount.is_multiple_of(unit) {
            return None;
        }
        let steps = usize::try_from(amount / unit).ok().filter(|steps| *steps <= STEPS_MAX)?;
        // For each sum in units, the fewest notes; cassette by cassette, each used 0 to `counted`.
        let mut fewest: Vec<Option<u32>> = vec![None; steps + 1];
        *fewest.first_mut()? = Some(0);
        let mut used: Vec<Vec<u32>> = Vec::with_capacity(self.0.len());
        for cassette in &self.0 {
            let worth = usize::try_from(cassette.note / unit).ok()?;
            let (next, choice) = with_cassette(&fewest, worth, cassette.counted);
            fewest = next;
            used.push(choice);
        }
        fewest.last().copied().flatten()?;
        let mut left = steps;
        let mut mix = Mix::new();
        for (cassette, choice) in self.0.iter().zip(&used).rev() {
            let count = choice.get(left).copied().unwrap_or_default();
            left -= usize::try_from(cassette.note / unit).ok()? * usize::try_from(count).ok()?;
            if count > 0 {
                mix.push((cassette.note, count));
            }
        }
        mix.reverse();
        Some(mix)
    }

    /// Hands out a mix, or what a fault makes of it.
    pub fn hand_out(&mut self, mix: &Mix, fault: Fault) -> HandedOut {
        let asked = worth(mix);
        let smallest = mix.last().map_or(0, |(note, _)| *note);
        let mut notes = if fault == Fault::Jam { Mix::new() } else { mix.clone() };
        if let Some((_, count)) = notes.last_mut() {
            match fault {
                Fault::Short | Fault::ShortUnseen => *count -= 1,
                Fault::Over | Fault::OverUnseen => *count += 1,
                Fault::None | Fault::Jam => {}
            }
        }
        notes.retain(|(_, count)| *count > 0);
        let noticed = match fault {
            Fault::None | Fault::ShortUnseen | Fault::OverUnseen => asked,
            Fault::Short => asked.saturating_sub(smallest),
            Fault::Over => asked + smallest,
            Fault::Jam => 0,
        };
        let counted = if noticed == asked { mix.clone() } else { notes.clone() };
        for cassette in &mut self.0 {
            let out = |mix: &Mix| mix.iter().find(|(note, _)| *note == cassette.note).map(|n| n.1);
            cassette.counted = cassette.counted.saturating_sub(out(&counted).unwrap_or_default());
            cassette.real = cassette.real.saturating_sub(out(&notes).unwrap_or_default());
        }
        HandedOut { notes, counted, noticed }
    }

    /// What counting finds: above the counters, and missing of them, minor units. Only one of the
    /// two is anything.
    #[must_use]
    pub fn difference(&self) -> (u64, u64) {
        let sum = |count: fn(&Cassette) -> u32| {
            let worth = self.0.iter().map(|c| c.note.saturating_mul(u64::from(count(c))));
            worth.fold(0, u64::saturating_add)
        };
        let (real, counted) = (sum(|c| c.real), sum(|c| c.counted));
        (real.saturating_sub(counted), counted.saturating_sub(real))
    }

    /// After a count the counters say what is there.
    pub fn settle(&mut self) {
        for cassette in &mut self.0 {
            cassette.counted = cassette.real;
        }
    }
}

/// Above this nobody waits at a machine: units of the smallest note.
const STEPS_MAX: usize = 100_000;

/// The fewest notes for each sum with one more cassette, and how many of its notes that takes.
fn with_cassette(fewest: &[Option<u32>], worth: usize, most: u32) -> (Vec<Option<u32>>, Vec<u32>) {
    let mut next = fewest.to_vec();
    let mut choice = vec![0; fewest.len()];
    for sum in 0..fewest.len() {
        for count in 1..=most {
            let Some(rest) = usize::try_from(count).ok().and_then(|n| sum.checked_sub(n * worth))
            else {
                break;
            };
            let Some(notes) = fewest.get(rest).copied().flatten() else { continue };
            let total = notes + count;
            if let (Some(best), Some(chosen)) = (next.get_mut(sum), choice.get_mut(sum))
                && best.is_none_or(|best| total < best)
            {
                (*best, *chosen) = (Some(total), count);
            }
        }
    }
    (next, choice)
}

/// What notes are worth, minor units.
#[must_use]
pub fn worth(mix: &Mix) -> u64 {
    mix.iter().map(|(note, count)| note.saturating_mul(u64::from(*count))).sum()
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: [u64; 4] = [20_000, 50_000, 100_000, 500_000];

    #[test]
    fn amounts_are_paid_with_the_fewest_notes_there_are() {
        let full = Cassettes::filled(&NOTES, 100);
        assert_eq!(full.mix(120_000), Some(vec![(100_000, 1), (20_000, 1)]));
        // Largest first would be stuck with 500 + 100; three 200s pay it.
        assert_eq!(full.mix(60_000), Some(vec![(20_000, 3)]));
        assert_eq!(full.mix(10_000), None, "no note of 100");
        assert_eq!(full.mix(30_000), None);
        assert_eq!(full.mix(0), None);
        let few = Cassettes::loaded([(500_000, 1), (100_000, 3), (20_000, 0)]);
        assert_eq!(few.mix(800_000), Some(vec![(500_000, 1), (100_000, 3)]));
        assert_eq!(few.mix(900_000), None, "not enough notes");
        assert_eq!(Cassettes::default().mix(100), None);
        for sum in 1..200 {
            if let Some(mix) = full.mix(sum * 10_000) {
                assert_eq!(worth(&mix), sum * 10_000);
            }
        }
    }

    #[test]
    fn faults_are_noticed_or_found_by_counting() {
        let mix = vec![(100_000, 2), (20_000, 1)];
        for (fault, in_hand, noticed, found) in [
            (Fault::None, 220_000, 220_000, (0, 0)),
            (Fault::Short, 200_000, 200_000, (0, 0)),
            (Fault::Over, 240_000, 240_000, (0, 0)),
            (Fault::Jam, 0, 0, (0, 0)),
            (Fault::ShortUnseen, 200_000, 220_000, (20_000, 0)),
            (Fault::OverUnseen, 240_000, 220_000, (0, 20_000)),
        ] {
            let mut cassettes = Cassettes::filled(&NOTES, 10);
            let out = cassettes.hand_out(&mix, fault);
            assert_eq!((worth(&out.notes), out.noticed), (in_hand, noticed), "{fault:?}");
            assert_eq!(cassettes.difference(), found, "{fault:?}");
            cassettes.settle();
            assert_eq!(cassettes.difference(), (0, 0));
        }
        let round = Fault::ALL.iter().fold(Fault::None, |fault, _| fault.next());
        assert_eq!(round, Fault::None);
    }
}

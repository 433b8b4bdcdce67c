//! The sentences of a story, put together from a rule's subject, its figures and its verdict.

use super::{Language, subject};
use authorization::RuleId;

/// A rule's figures as people read them; what is not there is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) asked: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) ceiling: Option<String>,
}

/// What a rule's three numbers are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Asked, used before, ceiling.
    Cap,
    /// Needed, available.
    Funds,
    /// Asked, handed out.
    Cash,
    /// Asked, on the account, the rate.
    Rate,
    /// Wrong tries before, and how many are allowed.
    Tries,
    /// A counter, the highest seen, the window.
    Counter,
    /// What was uncovered now, and before.
    Overdraft,
    /// An amount, and working days.
    Deadline,
    /// What is given back, what there was, what stays.
    GivenBack,
    /// A fee, and of what.
    Fee,
    /// An amount and another one that it is compared with.
    Compared,
}

const fn kind(rule: RuleId) -> Kind {
    match rule {
        RuleId::Bal1 | RuleId::Bal4 => Kind::Funds,
        RuleId::Amt1 => Kind::Cash,
        RuleId::Amt3 | RuleId::Amt6 => Kind::Rate,
        RuleId::Pin2 => Kind::Tries,
        RuleId::Sec2 => Kind::Counter,
        RuleId::Tod1 => Kind::Overdraft,
        RuleId::Tod2 => Kind::Deadline,
        RuleId::Txn2 => Kind::GivenBack,
        RuleId::Amt4 => Kind::Fee,
        RuleId::Ctl1
        | RuleId::Ctl2
        | RuleId::Ctl4
        | RuleId::Agt1
        | RuleId::Agt2
        | RuleId::Agt7
        | RuleId::Lim1
        | RuleId::Lim3
        | RuleId::Lim4 => Kind::Cap,
        _ => Kind::Compared,
    }
}

/// Whether a rule counts: then what is used after an approval is told.
pub(crate) const fn counts(rule: RuleId) -> bool {
    matches!(kind(rule), Kind::Cap)
}

/// One rule, told: `Cash through agents: …: 500.00 asked, 14800.00 used, limit 15000.00. Declines.`
pub(crate) fn sentence(
    rule: RuleId,
    verdict: &str,
    limit: Option<&str>,
    figures: &Figures,
    language: Language,
) -> String {
    let mut text = language.of_texts(subject(rule)).to_owned();
    if let Some(limit) = limit {
        text.push_str(&format!(" «{limit}»"));
    }
    let told = numbers(kind(rule), figures, language);
    if !told.is_empty() {
        text.push_str(": ");
        text.push_str(&told.join(", "));
    }
    text.push_str(". ");
    text.push_str(language.of_texts(judged(verdict)));
    text
}

const fn judged(verdict: &str) -> [&'static str; 3] {
    match verdict.as_bytes() {
        b"pass" => ["Passes.", "Проходит.", "Өтөт."],
        b"decline" => ["Declines.", "Отказывает.", "Баш тартат."],
        b"ask_pin" => ["Asks for the PIN.", "Запрашивает ПИН-код.", "ПИН-код сурайт."],
        b"note" => ["Noted.", "Отмечено.", "Белгиленди."],
        _ => ["Does not apply here.", "Здесь не применяется.", "Бул жерде колдонулбайт."],
    }
}

#[rustfmt::skip]
fn numbers(kind: Kind, figures: &Figures, language: Language) -> Vec<String> {
    let Figures { asked, before, after, ceiling } = figures;
    let parts: [(&Option<String>, [&'static str; 3]); 4] = match kind {
        Kind::Cap => [
            (asked, ["{} asked", "запрошено {}", "суралды {}"]),
            (before, ["{} used before", "использовано до этого {}", "буга чейин колдонулду {}"]),
            (after, ["{} after", "после этого {}", "мындан кийин {}"]),
            (ceiling, ["limit {}", "предел {}", "чеги {}"]),
        ],
        Kind::Funds => [
            (asked, ["{} needed", "нужно {}", "керек {}"]),
            (before, ["{} available", "доступно {}", "жеткиликтүү {}"]),
            (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::Cash => [
            (asked, ["{} asked", "запрошено {}", "суралды {}"]),
            (before, ["{} handed out", "выдаётся {}", "берилет {}"]),
            (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::Rate => [
            (asked, ["{} asked", "запрошено {}", "суралды {}"]),
            (before, ["{} on the account", "по счёту {}", "эсеп боюнча {}"]),
            (ceiling, ["rate {}", "курс {}", "курс {}"]), (&None, [""; 3]),
        ],
        Kind::Tries => [
            (before, ["{} wrong before", "неверных до этого {}", "буга чейин туура эмес {}"]),
            (ceiling, ["{} allowed", "разрешено {}", "уруксат {}"]),
            (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::Counter => [
            (asked, ["told {}", "передано {}", "берилди {}"]),
            (before, ["highest seen {}", "наибольшее известное {}", "белгилүү эң чоңу {}"]),
            (ceiling, ["bound {}", "граница {}", "чек {}"]), (&None, [""; 3]),
        ],
        Kind::Overdraft => [
            (asked, ["{} uncovered", "без покрытия {}", "жабылбаган {}"]),
            (before, ["{} open before", "открыто до этого {}", "буга чейин ачык {}"]),
            (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::Deadline => [
            (asked, ["{} to repay", "к погашению {}", "төлөөгө {}"]),
            (&None, [""; 3]), (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::GivenBack => [
            (asked, ["{} given back", "возвращено {}", "кайтарылды {}"]),
            (before, ["of {}", "из {}", "ичинен {}"]),
            (ceiling, ["{} stays", "остаётся {}", "калат {}"]), (&None, [""; 3]),
        ],
        Kind::Fee => [
            (asked, ["{} taken", "удержано {}", "алынды {}"]),
            (before, ["of {}", "от {}", "суммадан {}"]),
            (&None, [""; 3]), (&None, [""; 3]),
        ],
        Kind::Compared => [
            (asked, ["told {}", "передано {}", "берилди {}"]),
            (before, ["there was {}", "было {}", "болгон {}"]),
            (ceiling, ["bound {}", "граница {}", "чек {}"]), (&None, [""; 3]),
        ],
    };
    let told = |(figure, texts): (&Option<String>, [&'static str; 3])| {
        Some(language.of_texts(texts).replace("{}", figure.as_ref()?))
    };
    parts.into_iter().filter_map(told).collect()
}

/// The first sentence: what was asked, where, with which card, and what came of it.
pub(crate) fn opening(
    (operation, amount, terminal): (&str, &str, &str),
    card: Option<&str>,
    (words, code): ([&'static str; 3], &str),
    language: Language,
) -> String {
    let what = language.of_texts(named(operation));
    let words = language.of_texts(words);
    let card = card.map(|card| match language {
        Language::English => format!(" with card {card}"),
        Language::Russian => format!(", карта {card}"),
        Language::Kyrgyz => format!(", карта {card}"),
    });
    let card = card.unwrap_or_default();
    match language {
        Language::English => {
            format!("{what} of {amount} at terminal {terminal}{card}: {words} ({code}).")
        }
        Language::Russian => {
            format!("{what} {amount}, терминал {terminal}{card}: {words} ({code}).")
        }
        Language::Kyrgyz => {
            format!("{what} {amount}, терминал {terminal}{card}: {words} ({code}).")
        }
    }
}

/// An operation in words.
fn named(operation: &str) -> [&'static str; 3] {
    match operation {
        "purchase" => ["Purchase", "Покупка", "Сатып алуу"],
        "cash" | "cash_disbursement" => ["Cash", "Выдача наличных", "Накталай акча берүү"],
        "purchase_with_cashback" => [
            "Purchase with cash-back",
            "Покупка с выдачей наличных",
            "Накталай акча менен сатып алуу",
        ],
        "refund" => ["Refund", "Возврат", "Кайтаруу"],
        "cash_in" => ["Cash deposit", "Внесение наличных", "Накталай акча салуу"],
        "credit_adjustment" => ["Credit", "Зачисление", "Чегерүү"],
        "credit_to_card" => ["Credit to the card", "Зачисление на карту", "Картага чегерүү"],
        "balance_inquiry" => ["Balance inquiry", "Запрос баланса", "Калдыкты суроо"],
        "mini_statement" => ["Mini-statement", "Мини-выписка", "Кыска көчүрмө"],
        "transfer" => ["Transfer", "Перевод", "Которуу"],
        "payment" => ["Payment", "Платёж", "Төлөм"],
        "pin_change" => ["PIN change", "Смена ПИН-кода", "ПИН-кодду алмаштыруу"],
        "activation" => ["Activation", "Активация", "Активдештирүү"],
        _ => ["Operation", "Операция", "Операция"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_told_with_its_counter_before_and_after() {
        let text = |text: &str| Some(text.to_owned());
        let figures = Figures {
            asked: text("500.00"),
            before: text("14800.00"),
            after: None,
            ceiling: text("15000.00"),
        };
        let told = |language| sentence(RuleId::Agt1, "decline", None, &figures, language);
        assert_eq!(
            told(Language::English),
            "Cash through agents: the holder's cap for a day (2015 edition): 500.00 asked, \
             14800.00 used before, limit 15000.00. Declines."
        );
        assert!(told(Language::Russian).ends_with("предел 15000.00. Отказывает."));
        assert!(told(Language::Kyrgyz).ends_with("чеги 15000.00. Баш тартат."));
        let passed = Figures { after: text("15000.00"), asked: text("200.00"), ..figures };
        let told = sentence(RuleId::Lim1, "pass", Some("atm-day"), &passed, Language::English);
        assert!(
            told.starts_with("Limit of the bank's rule set «atm-day»: 200.00 asked,"),
            "{told}"
        );
        assert!(told.contains("15000.00 after"), "{told}");
    }
}

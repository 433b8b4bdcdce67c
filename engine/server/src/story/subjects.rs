//! What each rule of the rule book looks at, in English, Russian and Kyrgyz. A rule without a
//! sentence does not compile.

use authorization::RuleId;

/// In the order of [`super::Language::ALL`].
pub(crate) type Texts = [&'static str; 3];

/// What a rule looks at.
#[allow(clippy::too_many_lines)] // One line for each rule.
#[rustfmt::skip]
pub(crate) const fn subject(rule: RuleId) -> Texts {
    match rule {
        RuleId::Ctl1 => ["Amount without PIN, up to 30 indicators (2015 edition)", "Сумма без ПИН-кода, до 30 расчётных показателей (редакция 2015 года)", "ПИН-кодсуз сумма, 30 эсептик көрсөткүчкө чейин (2015-жылдагы редакция)"],
        RuleId::Ctl2 => ["The bank's limits without PIN for the customer's risk tier (2020 draft)", "Лимиты банка без ПИН-кода по категории риска клиента (проект 2020 года)", "Кардардын тобокелдик тобу боюнча банктын ПИН-кодсуз лимиттери (2020-жылдагы долбоор)"],
        RuleId::Ctl3 => ["Whether the terminal is asked for the PIN instead of a refusal", "Запрос ПИН-кода у терминала вместо отказа", "Баш тартуунун ордуна терминалдан ПИН-код суроо"],
        RuleId::Ctl4 => ["Cash never goes without PIN", "Наличные без ПИН-кода не выдаются", "ПИН-кодсуз накталай акча берилбейт"],
        RuleId::Ctl5 => ["Liability for an approval without PIN lies with the issuer", "Ответственность за одобрение без ПИН-кода несёт эмитент", "ПИН-кодсуз уруксат үчүн эмитент жооп берет"],
        RuleId::Ctl6 => ["How the card was read and whether the holder was verified", "Способ чтения карты и проверка держателя", "Картаны окуу ыкмасы жана ээсин текшерүү"],
        RuleId::Ctl7 => ["Counters of payments without PIN", "Счётчики платежей без ПИН-кода", "ПИН-кодсуз төлөмдөрдүн эсептегичтери"],
        RuleId::Agt1 => ["Cash through agents: the holder's cap for a day (2015 edition)", "Наличные через агентов: дневной предел держателя (редакция 2015 года)", "Агенттер аркылуу накталай акча: ээсинин күндүк чеги (2015-жылдагы редакция)"],
        RuleId::Agt2 => ["Cash through an agent: the card's cap for a day at this device (2020 draft)", "Наличные через агента: дневной предел карты на этом устройстве (проект 2020 года)", "Агент аркылуу накталай акча: бул түзүлүштө картанын күндүк чеги (2020-жылдагы долбоор)"],
        RuleId::Agt4 => ["What counts towards the agents' cap", "Что засчитывается в предел агентов", "Агенттердин чегине эмне эсептелет"],
        RuleId::Agt5 => ["What a reversal gives back to the agents' cap of its day", "Возврат отменой в предел агентов того же дня", "Жокко чыгаруу агенттердин ошол күнкү чегине кайтарат"],
        RuleId::Agt7 => ["The bank's own lower cap for cash at agents", "Собственный, более низкий предел банка у агентов", "Агенттердеги накталай акча үчүн банктын төмөнкү чеги"],
        RuleId::Bal1 => ["Amount and fees against what is available", "Сумма и комиссии против доступного остатка", "Сумма жана комиссиялар жеткиликтүү калдыкка салыштырылат"],
        RuleId::Bal2 => ["Agreed overdraft", "Разрешённый овердрафт", "Уруксат берилген овердрафт"],
        RuleId::Bal3 => ["Minimum balance, to be refilled in three banking days", "Неснижаемый остаток, пополняется за три банковских дня", "Азайтылбаган калдык, үч банк күнүндө толукталат"],
        RuleId::Bal4 => ["Partial approval, where terminal and product take one", "Частичное одобрение, если его принимают терминал и продукт", "Жарым-жартылай уруксат, эгер терминал менен продукт кабыл алса"],
        RuleId::Bal5 => ["Order in which a credit is spent", "Очерёдность зачисления средств", "Түшкөн каражатты бөлүштүрүү тартиби"],
        RuleId::Bal6 => ["Arrest of the account", "Арест счёта", "Эсептин камакка алынышы"],
        RuleId::Tod1 => ["A fact is booked without cover: technical overdraft", "Факт проводится без покрытия: технический овердрафт", "Факт каражатсыз жазылат: техникалык овердрафт"],
        RuleId::Tod2 => ["Notice of the technical overdraft and its deadline", "Уведомление о техническом овердрафте и срок погашения", "Техникалык овердрафт жөнүндө билдирүү жана төлөө мөөнөтү"],
        RuleId::Tod3 => ["Interest on the technical overdraft", "Проценты по техническому овердрафту", "Техникалык овердрафт боюнча пайыздар"],
        RuleId::Tod4 => ["Block policy for technical overdrafts", "Политика блокировки при техническом овердрафте", "Техникалык овердрафтта бөгөттөө саясаты"],
        RuleId::Tod5 => ["A credit repays the technical overdraft first", "Поступление сначала гасит технический овердрафт", "Түшкөн каражат адегенде техникалык овердрафтты жабат"],
        RuleId::Tod6 => ["Sweep from the customer's other accounts", "Списание с других счетов клиента", "Кардардын башка эсептеринен алуу"],
        RuleId::Tod7 => ["Penalty on overdue service fees", "Пеня за просроченные комиссии", "Мөөнөтү өткөн комиссиялар үчүн туум"],
        RuleId::Blk1 => ["The card's status at this moment", "Статус карты на этот момент", "Картанын ушул учурдагы абалы"],
        RuleId::Blk2 => ["Status and blocks of the card, the most severe answers", "Статус и блокировки карты, отвечает самая строгая", "Картанын абалы жана бөгөттөрү, эң катуусу жооп берет"],
        RuleId::Blk4 => ["A fact on a blocked card is booked and flagged", "Факт по заблокированной карте проводится с отметкой", "Бөгөттөлгөн карта боюнча факт белги менен жазылат"],
        RuleId::Blk5 => ["Stop-list", "Стоп-лист", "Стоп-тизме"],
        RuleId::Blk6 => ["Moment of the loss report", "Момент сообщения об утрате", "Жоголгону билдирилген учур"],
        RuleId::Blk7 => ["Whether the account is open, for all its cards", "Открыт ли счёт, для всех его карт", "Эсеп ачыкпы, анын бардык карталары үчүн"],
        RuleId::Blk8 => ["Idle account", "Бездействующий счёт", "Кыймылсыз эсеп"],
        RuleId::Sec1 => ["Card verification value (CVV, iCVV, CVV2)", "Проверочное значение карты (CVV, iCVV, CVV2)", "Картаны текшерүү мааниси (CVV, iCVV, CVV2)"],
        RuleId::Sec2 => ["The chip's cryptogram, its counter, and what chip and terminal found", "Криптограмма чипа, его счётчик и выводы чипа и терминала", "Чиптин криптограммасы, эсептегичи жана чип менен терминалдын тыянактары"],
        RuleId::Sec3 => ["Stripe of a chip card at a terminal for chips", "Магнитная полоса карты с чипом на терминале для чипов", "Чиптүү картанын магниттик тилкеси чип окуган терминалда"],
        RuleId::Sec4 => ["Payment without the card: switches and 3-D Secure", "Платёж без карты: переключатели и 3-D Secure", "Картасыз төлөм: которгучтар жана 3-D Secure"],
        RuleId::Sec5 => ["Message authentication code", "Код аутентификации сообщения", "Билдирүүнү аутентификациялоо коду"],
        RuleId::Pin1 => ["Whether the PIN could be checked", "Можно ли проверить ПИН-код", "ПИН-кодду текшерүүгө болобу"],
        RuleId::Pin2 => ["PIN and wrong tries in a row", "ПИН-код и неверные попытки подряд", "ПИН-код жана катары менен туура эмес аракеттер"],
        RuleId::Pin3 => ["The block for wrong PINs ends by itself", "Блокировка за неверные ПИН-коды снимается сама", "Туура эмес ПИН-коддор үчүн бөгөт өзү алынат"],
        RuleId::Pin4 => ["PIN change", "Смена ПИН-кода", "ПИН-кодду алмаштыруу"],
        RuleId::Lim1 => ["Limit of the bank's rule set", "Лимит из правил банка", "Банктын эрежелериндеги лимит"],
        RuleId::Lim3 => ["Limits and switches set by the primary holder", "Лимиты и переключатели основного держателя", "Негизги ээсинин лимиттери жана которгучтары"],
        RuleId::Lim4 => ["Temporary raise of a limit for the card", "Временное повышение лимита карты", "Картанын лимитин убактылуу көтөрүү"],
        RuleId::Lim6 => ["Country and merchant category, and travel notes", "Страна и категория торговца, отметки о поездках", "Өлкө жана соодагердин категориясы, сапар белгилери"],
        RuleId::Amt1 => ["Cash settled in halves of a som", "Наличные округляются до половины сома", "Накталай акча жарым сомго чейин тегеректелет"],
        RuleId::Amt2 => ["Currency of a purchase in the country", "Валюта покупки внутри страны", "Өлкө ичиндеги сатып алуунун валютасы"],
        RuleId::Amt3 => ["Conversion at the rate of the day and the bank's margin", "Пересчёт по курсу дня с маржой банка", "Күндүн курсу жана банктын маржасы боюнча айландыруу"],
        RuleId::Amt4 => ["Fee by the table", "Комиссия по таблице", "Таблица боюнча комиссия"],
        RuleId::Amt5 => ["Monthly fee for notifications", "Ежемесячная плата за уведомления", "Билдирүүлөр үчүн ай сайынкы төлөм"],
        RuleId::Amt6 => ["Account in precious metal, at the metal's rate", "Счёт в драгоценном металле, по курсу металла", "Баалуу металлдагы эсеп, металлдын курсу боюнча"],
        RuleId::Net1 => ["Registration of the payment network", "Регистрация платёжной системы", "Төлөм системасынын каттоосу"],
        RuleId::Net3 => ["Transfer operator and the sender's data", "Оператор перевода и данные отправителя", "Которуу оператору жана жөнөтүүчүнүн маалыматы"],
        RuleId::Txn1 => ["Whether the same message came before", "Приходило ли это сообщение раньше", "Бул билдирүү мурда келгенби"],
        RuleId::Txn2 => ["Reversal and its original", "Отмена и её исходная операция", "Жокко чыгаруу жана анын баштапкы операциясы"],
        RuleId::Txn3 => ["Life of the hold", "Срок холдирования", "Каражатты кармоо мөөнөтү"],
        RuleId::Txn4 => ["Preauthorization, increment and completion", "Предавторизация, её увеличение и завершение", "Алдын ала авторизация, анын көбөйүшү жана аякталышы"],
        RuleId::Txn5 => ["Whether this operation is done here", "Выполняется ли здесь такая операция", "Мындай операция бул жерде аткарылабы"],
        RuleId::Txn6 => ["Totals of the batch", "Итоги пакета", "Топтомдун жыйынтыктары"],
        RuleId::Txn7 => ["Dispute within 45 days", "Спор в течение 45 дней", "45 күн ичиндеги талаш"],
        RuleId::Txn8 => ["Record of the decision", "Запись решения", "Чечимдин жазуусу"],
    }
}

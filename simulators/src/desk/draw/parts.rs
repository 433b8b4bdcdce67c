//! The parts beside the device: messages, slip, last transactions, notes; and what lies over them.

use super::theme::Theme;
use crate::desk::machine::{Tab, Tone};
use crate::desk::text::{cut, wrap};
use crate::desk::view::{LastRow, Messages, Notes, Row, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

const fn title_of(tab: Tab) -> &'static str {
    match tab {
        Tab::Messages => "Messages",
        Tab::Slip => "Slip",
        Tab::Last => "Last",
        Tab::Notes => "Notes",
    }
}

/// One part at a time; the border says which others there are.
pub(super) fn tabbed(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    let mut title = vec![Span::raw(" ")];
    for (index, tab) in view.tabs.iter().enumerate() {
        if index > 0 {
            title.push(Span::styled(" · ", theme.dim()));
        }
        let style = if *tab == view.tab { theme.border(true) } else { theme.dim() };
        title.push(Span::styled(title_of(*tab), style));
    }
    title.push(Span::raw(" "));
    boxed(frame, area, view, view.tab, Line::from(title), theme);
}

/// One part with its own title.
pub(super) fn part(frame: &mut Frame<'_>, area: Rect, view: &View, tab: Tab, theme: &Theme) {
    let style = theme.border(view.focus == Some(tab));
    let title = Line::styled(format!(" {} ", title_of(tab)), style);
    boxed(frame, area, view, tab, title, theme);
}

fn boxed(frame: &mut Frame<'_>, area: Rect, view: &View, tab: Tab, title: Line<'_>, theme: &Theme) {
    let focused = view.focus == Some(tab) && view.popup.is_none();
    let mut block = Block::bordered()
        .border_set(theme.lines(true))
        .border_style(theme.border(focused))
        .title(title);
    if tab == Tab::Messages && !view.messages.title.is_empty() {
        let words = format!(" {} ", view.messages.title);
        block = block.title(Line::styled(words, theme.strong()).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let scroll = if view.tab == tab { view.scroll } else { 0 };
    match tab {
        Tab::Messages => messages(frame, inner, &view.messages, scroll, focused, theme),
        Tab::Slip => slip(frame, inner, &view.slip, scroll, theme),
        Tab::Last => last(frame, inner, &view.last, focused, theme),
        Tab::Notes => {
            if let Some(told) = &view.notes {
                notes(frame, inner, told, theme);
            }
        }
    }
}

fn messages(
    frame: &mut Frame<'_>,
    area: Rect,
    messages: &Messages,
    scroll: usize,
    focused: bool,
    theme: &Theme,
) {
    if messages.title.is_empty() {
        return hint(frame, area, "The messages to and from the host stand here.", theme);
    }
    let [head, list, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(2)])
            .areas(area);
    let columns = Columns::of(area.width, &messages.rows);
    let tone = if messages.is_answered { Tone::Plain } else { Tone::Bad };
    let heading = Line::from(vec![
        Span::raw(" ".repeat(columns.label())),
        Span::styled(columns.sent(&messages.sent), theme.strong()),
        Span::styled(columns.answered(&messages.answered), theme.strong().patch(theme.tone(tone))),
    ]);
    frame.render_widget(Paragraph::new(heading), head);
    let room = usize::from(list.height);
    // The marked element stays in sight, the rest moves with it.
    let marked = scroll.min(messages.rows.len().saturating_sub(1));
    let first = marked.saturating_sub(room.saturating_sub(1));
    let rows = messages.rows.iter().enumerate().skip(first).take(room);
    let lines = rows.map(|(index, row)| {
        let line = columns.row(row, theme);
        if focused && index == marked { line.style(theme.marked()) } else { line }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), list);
    let more = messages.rows.len().saturating_sub(first + room);
    frame.render_widget(
        Paragraph::new(detail(messages, marked, focused, more, foot.width, theme)),
        foot,
    );
}

/// Two lines under the messages: the marked element in words, or how much more there is.
fn detail<'a>(
    messages: &Messages,
    marked: usize,
    focused: bool,
    more: usize,
    width: u16,
    theme: &Theme,
) -> Vec<Line<'a>> {
    let row = messages.rows.get(marked).filter(|_| focused);
    if let Some(row) = row {
        let value = if row.answered.is_empty() { &row.sent } else { &row.answered };
        let said = row.meaning.clone().unwrap_or_else(|| value.clone());
        let text = format!("DE {} {}: {said}", row.element, row.name);
        let lines = wrap(&text, usize::from(width).saturating_sub(2)).into_iter().take(2);
        return lines.map(|line| Line::from(format!(" {line}"))).collect();
    }
    // Unasked, what the answer says beyond yes and no.
    let told = messages.rows.iter().find(|row| row.element == 54 && !row.answered.is_empty());
    let told = told.and_then(|row| row.meaning.clone()).unwrap_or_default();
    let rest = if more > 0 { format!("{more} more: Tab, then ↓") } else { String::new() };
    let lines = [cut(&told, usize::from(width).saturating_sub(2)), rest];
    lines.into_iter().map(|text| Line::styled(format!(" {text}"), theme.dim())).collect()
}

/// How wide the columns of the messages are.
struct Columns {
    name: usize,
    sent: usize,
    answered: usize,
}

impl Columns {
    const NUMBER: usize = 3;

    fn of(width: u16, rows: &[Row]) -> Self {
        let name = if width >= 57 { 19 } else { 18 };
        let room = usize::from(width).saturating_sub(Self::NUMBER + name + 3);
        let longest = rows.iter().map(|row| row.sent.chars().count()).max().unwrap_or_default();
        let sent = longest.clamp(16, (room / 2).max(16)).min(room);
        Self { name, sent, answered: room.saturating_sub(sent) }
    }

    const fn label(&self) -> usize {
        Self::NUMBER + self.name + 2
    }

    fn sent(&self, text: &str) -> String {
        format!("{:<1$} ", cut(text, self.sent), self.sent)
    }

    fn answered(&self, text: &str) -> String {
        format!("{:<1$}", cut(text, self.answered), self.answered)
    }

    fn row<'a>(&self, row: &Row, theme: &Theme) -> Line<'a> {
        let (number, name) = (Self::NUMBER, self.name);
        let answered =
            if row.element == 39 { theme.strong() } else { ratatui::style::Style::new() };
        let mut spans = vec![
            Span::raw(format!("{:>number$} ", row.element)),
            Span::styled(format!("{:<name$} ", cut(row.name, name)), theme.dim()),
        ];
        if row.answered.is_empty() {
            // What is only in the request may take the answer's room.
            let room = self.sent + 1 + self.answered;
            spans.push(Span::raw(format!("{:<room$}", cut(&row.sent, room))));
        } else {
            spans.push(Span::raw(self.sent(&row.sent)));
            spans.push(Span::styled(self.answered(&row.answered), answered));
        }
        Line::from(spans)
    }
}

fn slip(frame: &mut Frame<'_>, area: Rect, lines: &[String], scroll: usize, theme: &Theme) {
    if lines.is_empty() {
        return hint(frame, area, "The slip comes out here.", theme);
    }
    let room = usize::from(area.height);
    let first = scroll.min(lines.len().saturating_sub(room));
    let width = crate::desk::slip::WIDTH;
    let paper = lines.iter().skip(first).take(room);
    let paper: Vec<Line<'_>> = paper
        .map(|line| match line.starts_with("--") {
            true => Line::styled("┄".repeat(width), theme.dim()),
            false => Line::from(format!("{line:<width$}")),
        })
        .collect();
    let [middle] = Layout::horizontal([Constraint::Length(u16::try_from(width).unwrap_or(32))])
        .flex(Flex::Center)
        .areas(area);
    frame.render_widget(Paragraph::new(paper), middle);
}

fn last(frame: &mut Frame<'_>, area: Rect, rows: &[LastRow], focused: bool, theme: &Theme) {
    if rows.is_empty() {
        return hint(frame, area, "No transactions yet.", theme);
    }
    let room = usize::from(area.height).saturating_sub(1);
    let marked = rows.iter().position(|row| row.marked).unwrap_or_default();
    let first = if focused { marked.saturating_sub(room.saturating_sub(1)) } else { 0 };
    let head = format!("{:<18}{:<5}{:>11}  code", "", "card", "amount");
    let mut lines = vec![Line::styled(head, theme.dim())];
    for row in rows.iter().skip(first).take(room) {
        let room = usize::from(area.width).saturating_sub(41);
        let line = Line::from(vec![
            Span::styled(format!(" {:<6}", row.time), theme.dim()),
            Span::raw(format!("{:<11}{:<5}{:>11}  ", row.what, row.card, row.amount)),
            Span::styled(format!("{:<5}", row.code), theme.tone(row.tone)),
            Span::styled(cut(&row.fate, room), theme.tone(row.tone)),
        ]);
        lines.push(if focused && row.marked { line.style(theme.marked()) } else { line });
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn notes(frame: &mut Frame<'_>, area: Rect, notes: &Notes, theme: &Theme) {
    let head = format!("{:>8}{:>9}{:>8}{:>8}", "note", "counter", "loaded", "now");
    let mut lines = vec![Line::styled(head, theme.dim())];
    for (worth, counted, loaded, out) in &notes.rows {
        let out = if *out > 0 { format!("-{out}") } else { String::new() };
        lines.push(Line::from(format!("{worth:>8}{counted:>9}{loaded:>8}{out:>8}")));
    }
    lines.push(Line::default());
    let tone = if notes.fault == "none" { Tone::Plain } else { Tone::Attention };
    lines.push(Line::from(vec![
        Span::styled(" next fault ", theme.dim()),
        Span::styled(notes.fault, theme.tone(tone)),
        Span::styled("   (f changes it)", theme.dim()),
    ]));
    frame.render_widget(Paragraph::new(lines), area);
}

fn hint(frame: &mut Frame<'_>, area: Rect, text: &str, theme: &Theme) {
    let [_, line, _] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Fill(2)])
            .areas(area);
    let text = cut(text, usize::from(area.width));
    frame.render_widget(Paragraph::new(Line::styled(text, theme.dim()).centered()), line);
}

/// The list of cards.
pub(super) fn cards(
    frame: &mut Frame<'_>,
    area: Rect,
    rows: &[(String, String, String)],
    marked: usize,
    theme: &Theme,
) {
    const WIDTH: u16 = 52;
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX).min(area.height - 2);
    let inner = over(frame, area, (WIDTH, height), " Cards ", theme);
    let room = usize::from(inner.height);
    let first = marked.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    let shown = rows.iter().enumerate().skip(first).take(room);
    let lines = shown.map(|(index, (name, number, special))| {
        let line = Line::from(format!(" {:<10}{number:<22}{special:<17}", cut(name, 9)));
        if index == marked { line.style(theme.marked()) } else { line }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}

/// The question whether to leave.
pub(super) fn leaving(frame: &mut Frame<'_>, area: Rect, undone: &[String], theme: &Theme) {
    const WIDTH: u16 = 52;
    let height = u16::try_from(undone.len()).unwrap_or(1).min(8) + 5;
    let inner = over(frame, area, (WIDTH, height), " Leave? ", theme);
    let mut lines = vec![Line::from(" The host does not know yet of:")];
    let shown = undone.iter().take(8);
    lines.extend(shown.map(|what| Line::styled(format!("   {what}"), theme.strong())));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::raw(" "),
        Span::styled("y", theme.key()),
        Span::raw(" leaves all the same, any other key stays"),
    ]));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// A box over everything else.
fn over(
    frame: &mut Frame<'_>,
    area: Rect,
    (width, height): (u16, u16),
    title: &str,
    theme: &Theme,
) -> Rect {
    let [row] = Layout::vertical([Constraint::Length(height)]).flex(Flex::Center).areas(area);
    let [place] = Layout::horizontal([Constraint::Length(width)]).flex(Flex::Center).areas(row);
    frame.render_widget(Clear, place);
    let block = Block::bordered()
        .border_set(theme.lines(true))
        .border_style(theme.border(true))
        .title(Line::styled(title.to_owned(), theme.border(true)));
    let inner = block.inner(place);
    frame.render_widget(block, place);
    inner
}

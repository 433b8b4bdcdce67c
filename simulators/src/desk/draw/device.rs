//! The device: its display, the card at its reader, its key pad, and a cash machine's notes.

use super::theme::Theme;
use crate::desk::errand::Entry;
use crate::desk::text::cut;
use crate::desk::view::{Device, DisplayLine, Notes, Place, View};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

const KEYS: [[&str; 3]; 4] = [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"], ["C", "0", "OK"]];
const KEY_WIDTH: usize = 5;
/// From this height on the card is drawn as a card.
const ROOM_FOR_CARD: u16 = 30;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    let focused = view.focus.is_none() && view.popup.is_none();
    let block = Block::bordered()
        .border_set(theme.lines(true))
        .border_style(theme.border(focused))
        .title(Line::styled(format!(" {} ", view.title), theme.border(focused)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let device = &view.device;
    let tall = inner.height >= ROOM_FOR_CARD;
    let (keypad, notes) = match &view.notes {
        Some(notes) => (if tall { 9 } else { 6 }, u16::try_from(notes.rows.len()).unwrap_or(4)),
        None => (9, 0),
    };
    // The card and the way it is read; an agent's line instead of the latter.
    let card = match (tall, notes > 0) {
        (true, _) => 7,
        (false, true) => 1,
        (false, false) => 2,
    };
    let [display, holder, pad, below] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(card),
        Constraint::Length(keypad),
        Constraint::Length(notes),
    ])
    .areas(inner);
    draw_display(frame, display, device, theme);
    draw_holder(frame, holder, device, theme);
    frame.render_widget(Paragraph::new(keypad_lines(device, keypad, theme)), pad);
    if let Some(notes) = &view.notes {
        frame.render_widget(Paragraph::new(note_lines(notes, theme)), below);
    }
}

fn draw_display(frame: &mut Frame<'_>, area: Rect, device: &Device, theme: &Theme) {
    let mut block = Block::bordered().border_set(theme.lines(false));
    if !device.heading.is_empty() {
        block = block.title(Line::styled(format!(" {} ", device.heading), theme.strong()));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let lines = device.lines.iter().map(|line| display_line(line, inner.width, theme));
    // On a large display the text does not hang at its top.
    let count = u16::try_from(device.lines.len()).unwrap_or(u16::MAX);
    let above = inner.height.saturating_sub(count) / 3;
    let text = Rect { y: inner.y + above, height: inner.height - above, ..inner };
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), text);
}

fn display_line<'a>(line: &'a DisplayLine, width: u16, theme: &Theme) -> Line<'a> {
    let text = cut(&line.text, usize::from(width));
    let is_list = line.strong && line.place == Place::Left;
    let style = match line.tone {
        _ if is_list => theme.marked(),
        crate::desk::machine::Tone::Plain if line.strong => theme.strong(),
        tone => theme.tone(tone),
    };
    let text = if is_list { format!("{text:<0$}", usize::from(width)) } else { text };
    Line::styled(text, style).alignment(match line.place {
        Place::Left => Alignment::Left,
        Place::Middle => Alignment::Center,
        Place::Right => Alignment::Right,
    })
}

fn draw_holder(frame: &mut Frame<'_>, area: Rect, device: &Device, theme: &Theme) {
    let (name, number, special) = &device.card;
    if area.height >= 7 {
        let [card, below] =
            Layout::vertical([Constraint::Length(6), Constraint::Length(1)]).areas(area);
        let block = Block::bordered().border_set(theme.lines(true));
        let inner = block.inner(card);
        frame.render_widget(block, card);
        let chip =
            if special == "chip" { ["▗▄▄▖", "▐▒▒▌"] } else { ["    ", "    "] };
        let lines = vec![
            Line::from(vec![
                Span::raw(format!(" {}  ", chip[0])),
                Span::styled(name.clone(), theme.strong()),
            ]),
            Line::from(format!(" {}  {}", chip[1], if special == "chip" { "" } else { special })),
            Line::default(),
            Line::from(format!(" {number}")),
        ];
        frame.render_widget(Paragraph::new(lines), inner);
        frame.render_widget(Paragraph::new(below_card(device, theme)), below);
        return;
    }
    let mut lines = vec![Line::from(vec![
        Span::styled(format!(" {} ", cut(name, 5)), theme.strong()),
        Span::raw(number.clone()),
    ])];
    if area.height > 1 {
        lines.push(below_card(device, theme));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// What is left of the cap on an agent's device; elsewhere how the card is being read.
fn below_card<'a>(device: &Device, theme: &Theme) -> Line<'a> {
    if let Some(left) = &device.left_today {
        return Line::from(vec![
            Span::styled(" left ", theme.dim()),
            Span::styled(left.clone(), theme.strong()),
        ]);
    }
    let mut spans = vec![Span::raw(" ")];
    for (entry, name) in [(Entry::Tap, "tap"), (Entry::Insert, "insert"), (Entry::Swipe, "swipe")] {
        let lit = device.reading == Some(entry);
        spans.push(Span::raw(if lit { "●" } else { "○" }));
        spans
            .push(Span::styled(format!("{name} "), if lit { theme.strong() } else { theme.dim() }));
    }
    Line::from(spans)
}

fn keypad_lines<'a>(device: &Device, height: u16, theme: &Theme) -> Vec<Line<'a>> {
    let rule = |left: &str, cross: &str, right: &str| {
        let bar = "─".repeat(KEY_WIDTH);
        Line::styled(format!("  {left}{bar}{cross}{bar}{cross}{bar}{right}"), theme.dim())
    };
    let mut lines = vec![rule("╭", "┬", "╮")];
    for (index, row) in KEYS.iter().enumerate() {
        if index > 0 && height >= 9 {
            lines.push(rule("├", "┼", "┤"));
        }
        let mut spans = vec![Span::styled("  │", theme.dim())];
        for key in row {
            spans.push(Span::styled(format!("{key:^KEY_WIDTH$}"), key_style(key, device, theme)));
            spans.push(Span::styled("│", theme.dim()));
        }
        lines.push(Line::from(spans));
    }
    lines.push(rule("╰", "┴", "╯"));
    lines
}

fn key_style(key: &str, device: &Device, theme: &Theme) -> Style {
    let pressed = device.pressed.is_some_and(|sign| key == sign.to_string());
    match (device.keypad, pressed) {
        (true, true) => theme.strong().add_modifier(Modifier::REVERSED),
        (true, false) => theme.strong(),
        (false, _) => theme.dim(),
    }
}

fn note_lines<'a>(notes: &Notes, theme: &Theme) -> Vec<Line<'a>> {
    let line = |(worth, counted, loaded, out): &(String, u32, u32, u32)| {
        let share = if *loaded == 0 { 0 } else { (counted * 7).div_ceil(*loaded).min(7) };
        let full = usize::try_from(share).unwrap_or_default();
        let out = if *out > 0 { format!("-{out}") } else { String::new() };
        Line::from(vec![
            Span::raw(format!(" {worth:>5} ")),
            Span::raw("█".repeat(full)),
            Span::styled("░".repeat(7 - full), theme.dim()),
            Span::raw(format!("{counted:>4}")),
            Span::styled(format!("{out:>4}"), theme.tone(crate::desk::machine::Tone::Attention)),
        ])
    };
    notes.rows.iter().map(line).collect()
}

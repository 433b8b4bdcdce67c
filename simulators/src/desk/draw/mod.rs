//! Puts a [`View`] on a screen of characters, 80 by 24 or larger.

mod device;
mod parts;
pub mod svg;
pub mod theme;

use super::machine::{Tab, Tone};
use super::text::cut;
use super::view::{Popup, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use theme::Theme;

/// The smallest screen everything fits on.
pub const SMALLEST: (u16, u16) = (80, 24);
/// From this on messages and slip stand side by side.
const WIDE: u16 = 116;
/// From this on, and if wide, the last transactions stand below them.
const TALL: u16 = 34;
const DEVICE_WIDTH: u16 = 25;
const SLIP_WIDTH: u16 = 36;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View, theme: &Theme) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(frame, area);
    } else {
        whole(frame, area, view, theme);
    }
    if theme.ascii {
        for cell in &mut frame.buffer_mut().content {
            let symbol = cell.symbol().chars().next().unwrap_or(' ');
            cell.set_char(Theme::plain(symbol));
        }
    }
}

fn whole(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    let [head, middle, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(area);
    frame.render_widget(Paragraph::new(header(view, theme, head.width)), head);
    frame.render_widget(Paragraph::new(footer(view, theme, foot.width)), foot);
    let [left, right] =
        Layout::horizontal([Constraint::Length(DEVICE_WIDTH), Constraint::Fill(1)]).areas(middle);
    device::draw(frame, left, view, theme);
    if area.width >= WIDE && area.height >= TALL {
        spread(frame, right, view, theme);
    } else {
        parts::tabbed(frame, right, view, theme);
    }
    match &view.popup {
        Some(Popup::Cards { rows, marked }) => parts::cards(frame, middle, rows, *marked, theme),
        Some(Popup::Leaving(undone)) => parts::leaving(frame, middle, undone, theme),
        None => {}
    }
}

/// Room for everything at once.
fn spread(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    let [upper, lower] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(11)]).areas(area);
    let [messages, slip] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(SLIP_WIDTH)]).areas(upper);
    parts::part(frame, messages, view, Tab::Messages, theme);
    parts::part(frame, slip, view, Tab::Slip, theme);
    if view.notes.is_some() {
        let [last, notes] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(SLIP_WIDTH)]).areas(lower);
        parts::part(frame, last, view, Tab::Last, theme);
        parts::part(frame, notes, view, Tab::Notes, theme);
    } else {
        parts::part(frame, lower, view, Tab::Last, theme);
    }
}

fn header<'a>(view: &'a View, theme: &Theme, width: u16) -> Line<'a> {
    let (tone, status) = &view.status;
    let mark = match tone {
        Tone::Plain | Tone::Good => "●",
        Tone::Attention => "◐",
        Tone::Bad => "○",
    };
    let name = format!(" TAMGA {} ", view.title);
    let right = format!("{mark} {status} ");
    let used = name.chars().count() + right.chars().count() + 2;
    let room = usize::from(width).saturating_sub(used);
    let place = cut(&view.place, room);
    let host = format!("   {}", view.host);
    let host = cut(&host, room.saturating_sub(place.chars().count()));
    let gap = room.saturating_sub(place.chars().count() + host.chars().count());
    Line::from(vec![
        Span::styled(name, theme.title()),
        Span::raw(" "),
        Span::styled(place, theme.strong()),
        Span::styled(host, theme.dim()),
        Span::raw(" ".repeat(gap + 1)),
        Span::styled(right, theme.tone(*tone)),
    ])
}

fn footer<'a>(view: &View, theme: &Theme, width: u16) -> Line<'a> {
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (key, label) in &view.keys {
        let size = key.chars().count() + label.chars().count() + 3;
        if used + size > usize::from(width) {
            break;
        }
        used += size;
        spans.push(Span::styled((*key).to_owned(), theme.key()));
        spans.push(Span::styled(format!(" {label}  "), theme.dim()));
    }
    Line::from(spans)
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = SMALLEST;
    let said = [
        format!("This screen is {} by {}.", area.width, area.height),
        format!("The terminal needs {width} by {height}:"),
        "make it larger, or use --lines.".to_owned(),
        "q quits.".to_owned(),
    ];
    let room = usize::from(area.width);
    let lines: Vec<Line<'_>> = said.iter().map(|text| Line::from(cut(text, room))).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}

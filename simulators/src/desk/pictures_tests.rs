//! How the screens look: compared with the texts in `pictures/`, which `TAMGA_WRITE_PICTURES=1`
//! writes anew.

use super::draw::theme::Theme;
use super::draw::{draw, svg};
use super::machine::Desk;
use super::setup::Kind;
use super::stories::Story;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::path::Path;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
const COLOURED: Theme = Theme { colour: true, ascii: false };

fn screen(desk: &Desk, (width, height): (u16, u16), theme: Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, &desk.view(), &theme)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    let row = |cells: &[ratatui::buffer::Cell]| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    };
    rows.map(row).collect()
}

fn compare(name: &str, desk: &Desk) {
    for size in SIZES {
        let drawn = text(&screen(desk, size, COLOURED));
        let file = format!("{name}-{}x{}.txt", size.0, size.1);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/desk/pictures").join(&file);
        if std::env::var_os("TAMGA_WRITE_PICTURES").is_some() {
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == drawn, "{file} is not as it was. Now:\n{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= usize::from(size.0)));
    }
}

#[test]
fn the_menu_the_pin_pad_and_the_answer_of_a_shops_terminal() {
    let mut story = Story::at(Kind::Pos);
    compare("pos-menu", &story.desk);
    story.press("14000\ni12");
    compare("pos-pin", &story.desk);
    story.press("34\n").answer("00", &[(38, "ABC123"), (54, "0002417C000002488000")]);
    compare("pos-approved", &story.desk);
    story.press("\t\t\t");
    compare("pos-last", &story.desk);
    story.press("\u{1b}c");
    compare("pos-cards", &story.desk);
}

#[test]
fn notes_of_a_cash_machine() {
    let mut story = Story::at(Kind::Atm);
    story.press("12200\nip").answer("00", &[(38, "ABC123"), (54, "0040417C000000220000")]);
    compare("atm-cash", &story.desk);
    story.press("\t\t\t\tf");
    compare("atm-notes", &story.desk);
}

#[test]
fn what_is_left_today_on_an_agents_device() {
    let mut story = Story::at(Kind::Agent);
    story.press("116000\nip").answer("61", &[(54, "0044417C000000500000")]);
    compare("agent-declined", &story.desk);
}

#[test]
fn a_small_screen_says_so_and_nothing_breaks_at_any_size() {
    let mut story = Story::at(Kind::Atm);
    story.press("12200\nip").answer("00", &[]);
    story.press("\t\t\tr").press("q");
    for (width, height) in [(1, 1), (10, 3), (79, 24), (80, 23), (80, 24), (200, 70), (500, 24)] {
        let drawn = text(&screen(&story.desk, (width, height), COLOURED));
        let is_small = width < 80 || height < 24;
        assert_eq!(is_small, !drawn.contains("ATM"), "{width}x{height}\n{drawn}");
    }
    let small = text(&screen(&story.desk, (60, 20), COLOURED));
    assert!(small.contains("This screen is 60 by 20.") && small.contains("80 by 24"), "{small}");
}

#[test]
fn without_colours_or_unicode_everything_is_still_said() {
    let mut story = Story::at(Kind::Pos);
    story.press("1\nt").answer("00", &[]);
    let plain = screen(&story.desk, (80, 24), Theme { colour: false, ascii: true });
    assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(plain.content.iter().any(|cell| cell.modifier.contains(Modifier::BOLD)));
    assert!(text(&plain).is_ascii() && text(&plain).contains("APPROVED"));
    let coloured = screen(&story.desk, (80, 24), COLOURED);
    assert!(coloured.content.iter().any(|cell| cell.fg == Color::Green));
    assert!(!text(&coloured).contains("9417000000000016"), "no card number is shown");
    let picture = svg::picture(&coloured);
    assert!(picture.contains("APPROVED") && !picture.contains("9417000000000016"));
}

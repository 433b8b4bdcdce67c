//! A screen as an SVG picture, for documents: letters as text, lines of boxes as lines, so that it
//! looks the same whichever font the reader has.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

const CELL_WIDTH: usize = 9;
const CELL_HEIGHT: usize = 20;
const MARGIN: usize = 12;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";
const DIM: &str = "#7d8590";

/// The buffer as one SVG file.
#[must_use]
pub fn picture(buffer: &Buffer) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = (columns * CELL_WIDTH + 2 * MARGIN, rows * CELL_HEIGHT + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', \
         Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (row, cells) in buffer.content.chunks(columns.max(1)).enumerate() {
        backgrounds(&mut svg, row, cells);
        letters(&mut svg, row, cells);
        let mut column = 0;
        for run in cells.chunk_by(|a, b| is_rule(a) && is_rule(b) && ink(a) == ink(b)) {
            if let Some(cell) = run.first() {
                lines(&mut svg, row, column, cell, run.len());
            }
            column += run.len();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Reversed cells in a row are one rectangle.
fn backgrounds(svg: &mut String, row: usize, cells: &[Cell]) {
    let mut column = 0;
    for run in cells.chunk_by(|a, b| paper(a) == paper(b)) {
        if let Some(colour) = run.first().and_then(paper) {
            let (x, y) = at(row, column);
            let width = run.len() * CELL_WIDTH;
            put(
                svg,
                format_args!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{CELL_HEIGHT}\" \
                     fill=\"{colour}\"/>\n"
                ),
            );
        }
        column += run.len();
    }
}

/// Letters in a row that look alike are one text, stretched to the width of its cells.
fn letters(svg: &mut String, row: usize, cells: &[Cell]) {
    let mut column = 0;
    let alike = |a: &Cell, b: &Cell| ink(a) == ink(b) && is_drawn(a) == is_drawn(b);
    for run in cells.chunk_by(alike) {
        let text: String = run.iter().map(Cell::symbol).collect();
        let start = column;
        column += run.len();
        let Some(first) = run.first().filter(|first| !is_drawn(first)) else { continue };
        let blank = text.chars().take_while(|c| *c == ' ').count();
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let (x, y) = at(row, start + blank);
        let (colour, bold) = ink(first);
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let (base, length) = (y + 15, text.chars().count() * CELL_WIDTH);
        put(
            svg,
            format_args!(
                "<text x=\"{x}\" y=\"{base}\" textLength=\"{length}\" fill=\"{colour}\"{weight} \
                 xml:space=\"preserve\">{}</text>\n",
                escaped(text)
            ),
        );
    }
}

/// Where the strokes of a box character go: up, down, left, right; and whether its corner is round.
const fn strokes(symbol: char) -> Option<([bool; 4], bool)> {
    let (all, round) = match symbol {
        '─' | '┄' => ([false, false, true, true], false),
        '│' => ([true, true, false, false], false),
        '┌' => ([false, true, false, true], false),
        '┐' => ([false, true, true, false], false),
        '└' => ([true, false, false, true], false),
        '┘' => ([true, false, true, false], false),
        '╭' => ([false, true, false, true], true),
        '╮' => ([false, true, true, false], true),
        '╰' => ([true, false, false, true], true),
        '╯' => ([true, false, true, false], true),
        '├' => ([true, true, false, true], false),
        '┤' => ([true, true, true, false], false),
        '┬' => ([false, true, true, true], false),
        '┴' => ([true, false, true, true], false),
        '┼' => ([true, true, true, true], false),
        _ => return None,
    };
    Some((all, round))
}

/// Block characters as rectangles in eighths of a cell: x, y, width, height, and how dense.
const fn blocks(symbol: char) -> Option<(usize, usize, usize, usize, &'static str)> {
    match symbol {
        '█' => Some((0, 1, 8, 6, "1")),
        '░' => Some((0, 1, 8, 6, "0.3")),
        '▒' => Some((0, 0, 8, 6, "0.6")),
        '▄' => Some((0, 4, 8, 4, "1")),
        '▗' => Some((4, 4, 4, 4, "1")),
        '▖' => Some((0, 4, 4, 4, "1")),
        '▐' => Some((4, 0, 4, 6, "1")),
        '▌' => Some((0, 0, 4, 6, "1")),
        _ => None,
    }
}

fn symbol_of(cell: &Cell) -> char {
    cell.symbol().chars().next().unwrap_or(' ')
}

fn is_drawn(cell: &Cell) -> bool {
    strokes(symbol_of(cell)).is_some() || blocks(symbol_of(cell)).is_some()
}

fn is_rule(cell: &Cell) -> bool {
    symbol_of(cell) == '─'
}

/// The strokes of a cell; of so many cells, where they are one rule.
fn lines(svg: &mut String, row: usize, column: usize, cell: &Cell, count: usize) {
    let (x, y) = at(row, column);
    let (colour, bold) = ink(cell);
    if let Some((left, top, width, height, opacity)) = blocks(symbol_of(cell)) {
        let (x, width) = (x * 8 + left * CELL_WIDTH, width * CELL_WIDTH);
        let (y, height) = (y * 8 + top * CELL_HEIGHT, height * CELL_HEIGHT);
        let (x, y, width, height) = (eighth(x), eighth(y), eighth(width), eighth(height));
        let rect = format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\" \
             opacity=\"{opacity}\"/>\n"
        );
        put(svg, rect);
        return;
    }
    let Some(([up, down, left, right], round)) = strokes(symbol_of(cell)) else { return };
    let (middle_x, middle_y) = (format!("{x}.5", x = x + 4), y + 10);
    let (end_x, end_y) = (x + CELL_WIDTH * count, y + CELL_HEIGHT);
    let mut path = String::new();
    if round {
        let (vertical, horizontal) = (if up { y } else { end_y }, if left { x } else { end_x });
        let curve = format!("M{middle_x} {vertical}Q{middle_x} {middle_y} {horizontal} {middle_y}");
        path.push_str(&curve);
    } else {
        for (has, x, y) in [
            (up, middle_x.clone(), y),
            (down, middle_x.clone(), end_y),
            (left, x.to_string(), middle_y),
            (right, end_x.to_string(), middle_y),
        ] {
            if has {
                path.push_str(&format!("M{middle_x} {middle_y}L{x} {y}"));
            }
        }
    }
    let width = if bold { 2 } else { 1 };
    let dashes = if symbol_of(cell) == '┄' { " stroke-dasharray=\"2 2\"" } else { "" };
    put(
        svg,
        format_args!(
            "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{width}\" fill=\"none\"{dashes}/>\n"
        ),
    );
}

/// Eighths of a pixel as SVG takes them.
fn eighth(eighths: usize) -> String {
    format!("{}.{:03}", eighths / 8, eighths % 8 * 125)
}

const fn at(row: usize, column: usize) -> (usize, usize) {
    (MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT)
}

/// The colour behind a cell, where it is not the screen's.
fn paper(cell: &Cell) -> Option<&'static str> {
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    if reversed { Some(hex(cell.fg).unwrap_or(FOREGROUND)) } else { hex(cell.bg) }
}

/// The colour of what is written in a cell, and whether it is bold.
fn ink(cell: &Cell) -> (&'static str, bool) {
    let dim = cell.modifier.contains(Modifier::DIM);
    let colour = if cell.modifier.contains(Modifier::REVERSED) {
        BACKGROUND
    } else {
        hex(cell.fg).unwrap_or(if dim { DIM } else { FOREGROUND })
    };
    (colour, cell.modifier.contains(Modifier::BOLD))
}

const fn hex(colour: Color) -> Option<&'static str> {
    match colour {
        Color::Red => Some("#f47067"),
        Color::Green => Some("#7ec98f"),
        Color::Yellow => Some("#e5b567"),
        Color::Cyan => Some("#6cb6d9"),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn put(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    svg.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn letters_are_text_and_boxes_are_lines() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, "╭a<b█", Style::new());
        buffer.set_style(Rect::new(1, 0, 3, 1), Style::new().fg(Color::Green));
        let svg = picture(&buffer);
        assert!(svg.contains(">a&lt;b</text>") && svg.contains("#7ec98f"), "{svg}");
        assert_eq!(svg.matches("<path").count(), 1, "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2, "the paper and the block: {svg}");
    }
}

//! Few colours, all of the sixteen every terminal has, and none where `NO_COLOR` is set: then
//! weight and reversal alone tell what matters.

use crate::desk::machine::Tone;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Whether there are colours.
    pub colour: bool,
    /// Lines of `+-|` instead of box drawing characters.
    pub ascii: bool,
}

impl Theme {
    /// As the environment wants it (<https://no-color.org>).
    #[must_use]
    pub fn of_environment(ascii: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !refused, ascii }
    }

    fn coloured(self, style: Style, colour: Color) -> Style {
        if self.colour { style.fg(colour) } else { style }
    }

    /// The program's name.
    #[must_use]
    pub fn title(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        self.coloured(style, Color::Cyan)
    }

    /// What matters.
    #[must_use]
    pub const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What matters less.
    #[must_use]
    pub const fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A key's name in the footer.
    #[must_use]
    pub fn key(self) -> Style {
        self.coloured(self.strong(), Color::Cyan)
    }

    /// The marked line of a list.
    #[must_use]
    pub fn marked(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::REVERSED), Color::Cyan)
    }

    /// The border of the part that has the focus, and of the others.
    #[must_use]
    pub fn border(self, focused: bool) -> Style {
        if focused { self.coloured(self.strong(), Color::Cyan) } else { self.dim() }
    }

    /// What something means.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Good => self.coloured(self.strong(), Color::Green),
            Tone::Bad => self.coloured(self.strong(), Color::Red),
            Tone::Attention => self.coloured(self.strong(), Color::Yellow),
        }
    }

    /// Lines of boxes.
    #[must_use]
    pub const fn lines(self, rounded: bool) -> border::Set<'static> {
        if rounded { border::ROUNDED } else { border::PLAIN }
    }

    /// What stands for a character outside ASCII, where the terminal has only that.
    #[must_use]
    pub const fn plain(symbol: char) -> char {
        match symbol {
            '─' | '┄' => '-',
            '│' => '|',
            '┌' | '┐' | '└' | '┘' | '╭' | '╮' | '╰' | '╯' | '├' | '┤' | '┬' | '┴' | '┼' => {
                '+'
            }
            '●' | '·' => '*',
            '◐' => '~',
            '○' => 'o',
            '…' => '~',
            '█' | '▄' | '▐' | '▌' | '▗' | '▖' => '#',
            '░' | '▒' => ':',
            '↑' => '^',
            '↓' => 'v',
            '←' => '<',
            '→' => '>',
            other if other.is_ascii() => other,
            _ => '?',
        }
    }
}

//! What colours and which characters a terminal can show.
//!
//! Few colours, each with one meaning: green done, red failed, yellow warned, cyan at work, dim for what is secondary.
//! Nothing is told by colour alone.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// A terminal's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    pub color: bool,
    pub unicode: bool,
}

impl Paint {
    /// No colours, and only ASCII.
    pub const BARE: Paint = Paint { color: false, unicode: false };

    fn style(self, style: Style, text: impl Display) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    pub fn good(self, text: impl Display) -> String {
        self.style(AnsiColor::Green.on_default(), text)
    }

    pub fn bad(self, text: impl Display) -> String {
        self.style(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn warn(self, text: impl Display) -> String {
        self.style(AnsiColor::Yellow.on_default(), text)
    }

    pub fn busy(self, text: impl Display) -> String {
        self.style(AnsiColor::Cyan.on_default(), text)
    }

    pub fn dim(self, text: impl Display) -> String {
        self.style(Style::new().dimmed(), text)
    }

    pub fn bold(self, text: impl Display) -> String {
        self.style(Style::new().bold(), text)
    }

    fn pick<T>(self, unicode: T, ascii: T) -> T {
        if self.unicode { unicode } else { ascii }
    }

    /// Done.
    pub fn tick(self) -> char {
        self.pick('✓', '+')
    }

    /// Failed, or not there.
    pub fn cross(self) -> char {
        self.pick('✗', 'x')
    }

    /// Stands for text that was cut.
    pub fn ellipsis(self) -> char {
        self.pick('…', '~')
    }

    /// Was there already.
    pub fn dot(self) -> char {
        self.pick('·', '.')
    }

    /// Starts.
    pub fn arrow(self) -> char {
        self.pick('▸', '>')
    }

    /// Stands before a line that is quoted.
    pub fn rule(self) -> char {
        self.pick('│', '|')
    }

    /// The filled and the open part of a bar.
    pub fn bar(self) -> (char, char) {
        self.pick(('━', '─'), ('=', '-'))
    }

    /// The pictures of something at work, in turn.
    pub fn spinner(self) -> &'static [char] {
        self.pick(&['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'][..], &['|', '/', '-', '\\'][..])
    }
}

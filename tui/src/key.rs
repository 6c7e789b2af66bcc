//! Keys of the keyboard, in a form that can be written down: `x`, `R`, `ctrl-p`, `enter`.

use std::fmt;
use std::str::FromStr;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tui_input::InputRequest;

/// A key that was pressed, with the modifiers that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: Code,
    /// Together with control.
    pub ctrl: bool,
    /// Together with alt.
    pub alt: bool,
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A character, as the keyboard's layout and shift made it.
    Char(char),
    /// A character that the recording does not tell.
    Hidden,
    /// One with a name.
    Named(Named),
}

/// Keys that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page upwards.
    PageUp,
    /// A page downwards.
    PageDown,
    /// Forwards.
    Tab,
    /// Backwards.
    BackTab,
}

const NAMES: &[(Named, &str)] = &[
    (Named::Enter, "enter"),
    (Named::Esc, "esc"),
    (Named::Backspace, "backspace"),
    (Named::Delete, "delete"),
    (Named::Left, "left"),
    (Named::Right, "right"),
    (Named::Up, "up"),
    (Named::Down, "down"),
    (Named::Home, "home"),
    (Named::End, "end"),
    (Named::PageUp, "pageup"),
    (Named::PageDown, "pagedown"),
    (Named::Tab, "tab"),
    (Named::BackTab, "backtab"),
];

impl Key {
    /// A key without modifiers.
    #[must_use]
    pub const fn of(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A named key without modifiers.
    #[must_use]
    pub const fn named(named: Named) -> Self {
        Self::of(Code::Named(named))
    }

    /// The same together with control.
    #[must_use]
    pub const fn with_ctrl(self) -> Self {
        Self { ctrl: true, ..self }
    }

    /// The name, when it is a named key without modifiers.
    pub(crate) fn name(self) -> Option<Named> {
        match self.code {
            Code::Named(named) if !self.ctrl && !self.alt => Some(named),
            _ => None,
        }
    }

    /// The character that it types; none for named keys and those with modifiers.
    pub(crate) fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(character) if !self.ctrl && !self.alt => Some(character),
            _ => None,
        }
    }

    /// What it asks of a line that is being edited.
    pub(crate) fn edits(self) -> Option<InputRequest> {
        use InputRequest as Ask;
        Some(match (self.code, self.ctrl, self.alt) {
            (Code::Char(character), false, false) => Ask::InsertChar(character),
            (Code::Named(Named::Backspace), false, false) | (Code::Char('h'), true, false) => Ask::DeletePrevChar,
            (Code::Named(Named::Delete), false, false) => Ask::DeleteNextChar,
            (Code::Named(Named::Left), false, false) => Ask::GoToPrevChar,
            (Code::Named(Named::Right), false, false) => Ask::GoToNextChar,
            (Code::Named(Named::Left), true, false) => Ask::GoToPrevWord,
            (Code::Named(Named::Right), true, false) => Ask::GoToNextWord,
            (Code::Named(Named::Home), ..) | (Code::Char('a'), true, false) => Ask::GoToStart,
            (Code::Named(Named::End), ..) | (Code::Char('e'), true, false) => Ask::GoToEnd,
            (Code::Char('w'), true, false) | (Code::Named(Named::Backspace), false, true) => Ask::DeletePrevWord,
            (Code::Char('u'), true, false) => Ask::DeleteLine,
            (Code::Char('k'), true, false) => Ask::DeleteTillEnd,
            _ => return None,
        })
    }

    /// What the terminal said; none for releases and for keys that mean nothing here.
    #[must_use]
    pub fn of_terminal(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let code = match event.code {
            KeyCode::Char(character) => Code::Char(character),
            KeyCode::Enter => Code::Named(Named::Enter),
            KeyCode::Esc => Code::Named(Named::Esc),
            KeyCode::Backspace => Code::Named(Named::Backspace),
            KeyCode::Delete => Code::Named(Named::Delete),
            KeyCode::Left => Code::Named(Named::Left),
            KeyCode::Right => Code::Named(Named::Right),
            KeyCode::Up => Code::Named(Named::Up),
            KeyCode::Down => Code::Named(Named::Down),
            KeyCode::Home => Code::Named(Named::Home),
            KeyCode::End => Code::Named(Named::End),
            KeyCode::PageUp => Code::Named(Named::PageUp),
            KeyCode::PageDown => Code::Named(Named::PageDown),
            KeyCode::Tab => Code::Named(Named::Tab),
            KeyCode::BackTab => Code::Named(Named::BackTab),
            _ => return None,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match code {
            // Terminals differ in the case of a character with control.
            Code::Char(character) if ctrl => Code::Char(character.to_ascii_lowercase()),
            other => other,
        };
        Some(Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("space"),
            Code::Char(character) => write!(f, "{character}"),
            Code::Hidden => f.write_str("hidden"),
            Code::Named(named) => f.write_str(NAMES.iter().find(|(key, _)| *key == named).map_or("", |(_, name)| name)),
        }
    }
}

/// The text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such key: a character, 'ctrl-' or 'alt-' and a character, or a name such as 'enter' is wanted")]
pub struct NoKey;

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let (ctrl, rest) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let (alt, rest) = rest.strip_prefix("alt-").map_or((false, rest), |rest| (true, rest));
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(character), None) => Code::Char(character),
            _ if rest == "space" => Code::Char(' '),
            _ if rest == "hidden" => Code::Hidden,
            _ => Code::Named(NAMES.iter().find(|(_, name)| *name == rest).ok_or(NoKey)?.0),
        };
        Ok(Self { code, ctrl, alt })
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for text in ["x", "R", "-", "稅", "space", "ctrl-p", "alt-backspace", "enter", "pagedown", "hidden"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        assert!("shift-x".parse::<Key>().is_err());
        assert!("".parse::<Key>().is_err());
    }

    #[test]
    fn a_terminal_reports_control_in_either_case() {
        let key = |code, modifiers| Key::of_terminal(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('P'), KeyModifiers::CONTROL), "ctrl-p".parse().ok());
        assert_eq!(key(KeyCode::Char('R'), KeyModifiers::SHIFT), "R".parse().ok());
        assert_eq!(key(KeyCode::F(5), KeyModifiers::NONE), None);
    }
}

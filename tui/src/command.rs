//! Commands: each view lists its own; the keyboard, the footer, the help and the palette all read that list.

use crate::key::Key;
use crate::state::State;

/// Whether a command can be used now, and if not, why.
pub(crate) type Whether = Result<(), String>;

/// Something that can be done in a view.
pub struct Command {
    /// The keys that do it; the first one is shown.
    pub(crate) keys: &'static [&'static str],
    /// One or two words for the footer.
    pub(crate) name: &'static str,
    /// A line for the help.
    pub(crate) what: &'static str,
    /// The command line that does the same, with what is to be filled in as capitals; empty where there is none.
    pub(crate) cli: &'static str,
    /// Whether it can be used now.
    pub(crate) enabled: fn(&State) -> Whether,
    /// Does it.
    pub(crate) run: fn(&mut State),
}

impl Command {
    /// Whether that key does it.
    pub(crate) fn answers_to(&self, key: Key) -> bool {
        self.keys.iter().any(|own| own.parse() == Ok(key))
    }
}

/// Always.
pub(crate) fn always(_: &State) -> Whether {
    Ok(())
}

/// No, because of that.
pub(crate) fn not(why: &str) -> Whether {
    Err(why.to_owned())
}

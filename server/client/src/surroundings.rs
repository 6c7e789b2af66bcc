//! What the process finds around it: environment variables, the clock, the locale. The one place that reads them.

use std::path::PathBuf;

use domain::Timestamp;

/// An environment variable, unless it is unset, empty or no text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the command line that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// This machine's clock. Only for what concerns this machine: the server has the say on everything else.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the command line that reads the clock")]
pub fn now() -> Timestamp {
    let micros = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The folder of the contexts: `$XDG_CONFIG_HOME/iamctl`, or `~/.config/iamctl`. None without a home.
#[must_use]
pub fn config_folder() -> Option<PathBuf> {
    let base = match variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(base) => base,
        None => PathBuf::from(variable("HOME")?).join(".config"),
    };
    Some(base.join("iamctl"))
}

/// The variable that names the font of reports as PDF.
pub const REPORT_FONT: &str = "IAMCTL_REPORT_FONT";

/// The font that reports are to be printed in, where one was named.
#[must_use]
pub fn report_font() -> Option<PathBuf> {
    variable(REPORT_FONT).map(PathBuf::from)
}

/// Whether the locale says UTF-8; frames and marks are ASCII where it does not.
#[must_use]
pub fn speaks_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name)).is_some_and(|locale| is_utf8(&locale))
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::is_utf8;

    #[test]
    fn a_locale_names_its_encoding() {
        assert!(is_utf8("zh_HK.UTF-8"));
        assert!(is_utf8("C.utf8"));
        assert!(!is_utf8("C"));
        assert!(!is_utf8("zh_HK.Big5-HKSCS"));
    }
}

//! What must be known before the arguments are understood: in which form a usage error is told, and whether in colour.

use std::ffi::{OsStr, OsString};

use crate::flags::{ColorChoice, Format};

/// What stands anywhere on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Early {
    /// The output format asked for, if it is one.
    pub format: Option<Format>,
    /// The colour asked for.
    pub color: ColorChoice,
}

impl Early {
    /// Looks over the arguments, the program's name left out.
    pub fn of(arguments: &[OsString]) -> Self {
        let mut early = Self { format: None, color: ColorChoice::Auto };
        let mut rest = arguments.iter().map(OsString::as_os_str).take_while(|argument| *argument != OsStr::new("--"));
        while let Some(argument) = rest.next() {
            // An argument that is no text is none of ours, and the next one may be.
            let Some(argument) = argument.to_str() else { continue };
            let value = |flag: &str| argument.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
            let mut next = || rest.next().and_then(OsStr::to_str);
            if let Some(word) = short_output(argument) {
                let word = if word.is_empty() { next() } else { Some(word.trim_start_matches('=')) };
                early.format = word.and_then(Format::of).or(early.format);
            } else if argument == "--output" {
                early.format = next().and_then(Format::of).or(early.format);
            } else if let Some(word) = value("--output") {
                early.format = Format::of(word).or(early.format);
            } else if argument == "--color" {
                early.color = next().and_then(ColorChoice::of).unwrap_or(early.color);
            } else if let Some(word) = value("--color") {
                early.color = ColorChoice::of(word).unwrap_or(early.color);
            }
        }
        early
    }
}

/// What stands behind the `o` of `-o`, be it alone or behind short flags that take no value: `-yo json`, `-vojson`.
fn short_output(argument: &str) -> Option<&str> {
    let flags = argument.strip_prefix('-').filter(|flags| !flags.starts_with('-'))?;
    flags.trim_start_matches(['y', 'v', 'h', 'V']).strip_prefix('o')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(line: &str) -> Early {
        Early::of(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_format_is_seen_wherever_it_stands() {
        for line in [
            "-o json rp lst",
            "rp lst -o json",
            "rp lst -ojson",
            "rp -o=json",
            "rp --output=json",
            "x --output json y",
            "rp lst -yo json",
            "rp -vyojson",
            "rp -yo=json",
        ] {
            assert_eq!(early(line).format, Some(Format::Json), "{line}");
        }
        assert_eq!(early("rp list -- -o json").format, None);
        assert_eq!(early("rp list -fo json").format, None, "a file named 'o'");
        let bytes = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
        assert_eq!(Early::of(&[bytes, "-o".into(), "json".into()]).format, Some(Format::Json));
        assert_eq!(early("rp list -o jsonx").format, None);
        assert_eq!(early("rp list --color never").color, ColorChoice::Never);
        assert_eq!(early("rp list --color=always").color, ColorChoice::Always);
    }
}

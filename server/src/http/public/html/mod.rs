//! The few pages that citizens meet in their browser: plain HTML of one style sheet, without any script, readable without images
//! and by ear, in English or Traditional Chinese.

mod error;
mod qr;

use std::fmt::Write;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Bilingual, Environment, visible};

use crate::words::{Word, Words};

pub use error::{ErrorPage, Wrong};
pub use qr::svg;

const ENGLISH: &str = include_str!("page.en.ftl");
const CHINESE: &str = include_str!("page.zh-Hant.ftl");
const STYLE: &str = include_str!("page.css");

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Traditional Chinese.
    Chinese,
}

impl Language {
    /// Its tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hant",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// The language of a tag; every kind of Chinese is the one that there is here.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" | "yue" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// What the browser would like best (RFC 9110 section 12.5.4); English when it says nothing that we speak.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepts = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (0.0, Self::English);
        for range in accepts.split(',').take(20) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
            if let Some(language) = Self::of(tag)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }

    /// A text in this language.
    #[must_use]
    pub fn of_both(self, text: &Bilingual) -> &str {
        match self {
            Self::English => &text.en,
            Self::Chinese => &text.zh_hant,
        }
    }

    /// A message, safe to stand in the page.
    ///
    /// # Errors
    /// When there is no such message: a test says every one.
    pub fn say(self, key: &str) -> anyhow::Result<String> {
        self.say_with(key, &[])
    }

    /// A message with variables, safe to stand in the page.
    ///
    /// # Errors
    /// As [`Language::say`].
    pub fn say_with(self, key: &str, variables: &[(&'static str, Word)]) -> anyhow::Result<String> {
        static WORDS: OnceLock<Result<Words, String>> = OnceLock::new();
        let words = WORDS.get_or_init(|| Words::read(ENGLISH, CHINESE)).as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(escaped(self.of_both(&words.say(key, variables)?)))
    }
}

/// A text as it may stand between tags and in quoted attributes. What turns the direction of writing or cannot be seen is made
/// visible.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A name in both languages, each by itself: whatever letters it is written in, it does not move what stands beside it.
#[must_use]
pub fn names(name: &Bilingual, first: Language) -> String {
    let mut both = String::new();
    for language in [first, first.other()] {
        let _ = write!(both, "<bdi lang=\"{}\">{}</bdi>", language.tag(), escaped(language.of_both(name)));
        if name.en == name.zh_hant {
            break;
        }
    }
    both
}

/// A page.
#[derive(Debug)]
pub struct Page<'a> {
    /// In which language.
    pub language: Language,
    /// Whether to say that nothing on it is real.
    pub environment: Environment,
    /// Its title, escaped.
    pub title: &'a str,
    /// Where it is found in the other language; none where it speaks both.
    pub switch: Option<&'a str>,
    /// What it says, HTML.
    pub main: &'a str,
}

impl Page<'_> {
    /// As it is sent.
    ///
    /// # Errors
    /// When a message is missing: a test says every one.
    pub fn answer(&self, status: StatusCode) -> anyhow::Result<Response> {
        let language = self.language;
        let switch = match self.switch {
            None => String::new(),
            Some(address) => {
                let (tag, said) = (language.other().tag(), language.say("other-language")?);
                format!("<a href=\"{}\" lang=\"{tag}\" hreflang=\"{tag}\">{said}</a>", escaped(address))
            }
        };
        let notice = match self.environment {
            Environment::Production => String::new(),
            Environment::Sandbox if self.switch.is_none() => both(|each| each.say("sandbox"))?,
            Environment::Sandbox => format!("<p class=\"notice\">{}</p>", language.say("sandbox")?),
        };
        let (tag, title, main) = (language.tag(), self.title, self.main);
        let html = format!(
            "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><header><p><span lang=\"zh-Hant\">智方便</span> <span lang=\"en\">iAM Smart</span>\
             </p>{switch}</header><main>{notice}{main}</main></body></html>\n"
        );
        let mut response = (status, html).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        Ok(guarded(response))
    }
}

fn both(said: impl Fn(Language) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let one = |language: Language| Ok::<_, anyhow::Error>((language.tag(), said(language)?));
    let ((en, english), (zh, chinese)) = (one(Language::English)?, one(Language::Chinese)?);
    Ok(format!("<p class=\"notice\"><span lang=\"{en}\">{english}</span> <span lang=\"{zh}\">{chinese}</span></p>"))
}

/// An answer to a browser with what keeps it from being kept, framed, guessed at or told on: nothing but our own style is loaded,
/// and whatever is visited next does not learn the address.
#[must_use]
pub fn guarded(mut response: Response) -> Response {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    let policy = POLICY.get_or_init(|| {
        let digest = BASE64_STANDARD.encode(openssl::sha::sha256(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        // The digest is base64: it always is a header.
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in GUARDS {
        headers.insert(name, value);
    }
    response
}

const GUARDS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::VARY, HeaderValue::from_static("accept, accept-language")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Whether the one who asks wants data and no page.
#[must_use]
pub fn wants_data(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut data = false;
    for range in accepts.flat_map(|value| value.split(',')) {
        let kind = range.split(';').next().unwrap_or_default().trim();
        // A browser asks for pages first, whatever else it takes.
        if kind.eq_ignore_ascii_case("text/html") {
            return false;
        }
        data |= kind.eq_ignore_ascii_case("application/json");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::keys;

    #[test]
    fn both_languages_have_the_same_messages() {
        assert_eq!(keys(ENGLISH), keys(CHINESE));
        Words::read(ENGLISH, CHINESE).map(drop).unwrap();
        for key in keys(ENGLISH) {
            let any = || Word::from("x".to_owned());
            let variables = ["time", "letters", "detail", "reference"].map(|name| (name, any()));
            for language in [Language::English, Language::Chinese] {
                assert!(!language.say_with(key, &variables).unwrap().is_empty(), "{key}");
            }
        }
    }

    #[test]
    fn text_from_outside_stays_text() {
        let hostile = "</title><script>alert('1')</script>\u{202e}&\"";
        let safe = escaped(hostile);
        assert_eq!(safe, "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\\u{202e}&amp;&quot;");
        let name = Bilingual { en: hostile.to_owned(), zh_hant: "稅務易".to_owned() };
        assert_eq!(names(&name, Language::Chinese), format!("<bdi lang=\"zh-Hant\">稅務易</bdi><bdi lang=\"en\">{safe}</bdi>"));
    }

    #[test]
    fn the_language_is_the_one_that_the_browser_likes_best() {
        use Language::{Chinese, English};
        for (accepts, language) in [
            ("", English),
            ("fr", English),
            ("zh-HK,zh;q=0.9,en;q=0.8", Chinese),
            ("en-GB,en;q=0.9,zh-HK;q=0.8", English),
            ("fr, zh-CN;q=0.5", Chinese),
            ("en;q=0.2, yue;q=0.9", Chinese),
            ("zh;q=0, en;q=0.1", English),
            ("zh;q=x", English),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepts))]);
            assert_eq!(Language::accepted(&headers), language, "{accepts}");
        }
    }

    #[test]
    fn data_is_for_those_who_ask_for_it() {
        for (accepts, data) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, */*;q=0.1", true),
            ("*/*", false),
            ("", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("text/html, application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accepts))]);
            assert_eq!(wants_data(&headers), data, "{accepts}");
        }
    }
}

//! What the pages of a request say.

use axum::http::StatusCode;
use axum::response::Response;
use domain::{RequestState, Timestamp};

use super::waiting::OnScreen;
use crate::app::App;
use crate::http::public::html::{Language, Page, escaped, names, svg};
use crate::request::PAGE_PATH;

/// While the phone is asked.
pub(super) fn waiting(shown: &OnScreen, app: &App, language: Language, wished: Option<Language>) -> anyhow::Result<Response> {
    let say = |key| language.say(key);
    let (title, lead, who) = (say("login-title")?, say("login-lead")?, who(shown, language)?);
    let (scan, here, compare) = (scan(shown, app, language)?, here(shown, app, language)?, compare(shown, language)?);
    let time = clock(Timestamp::from_micros(shown.row.expires_at));
    let (waits, warning) = (language.say_with("waits", &[("time", time.into())])?, say("warning")?);
    let kept = wished.map(|language| format!("?lang={}", language.tag())).unwrap_or_default();
    let (action, cancel) = (format!("{PAGE_PATH}{}/cancel{kept}", shown.id), say("cancel")?);
    let main = format!(
        "<h1>{title}</h1><p>{lead}</p>{who}<div class=\"ways\">{scan}<div>{compare}{here}</div></div>\
         <p class=\"notice\">{warning}</p><p>{waits}</p>\
         <form method=\"post\" action=\"{action}\"><p><button>{cancel}</button></p></form>"
    );
    let other = format!("?lang={}", language.other().tag());
    let page = Page { language, environment: app.environment, title: &title, switch: Some(&other), main: &main };
    page.answer(StatusCode::OK)
}

/// When the client has what was approved.
pub(super) fn done(shown: &OnScreen, app: &App, language: Language) -> anyhow::Result<Response> {
    let (title, next, who) = (language.say("done-title")?, language.say("done-next")?, who(shown, language)?);
    let main = format!("<h1>{title}</h1><p>{next}</p>{who}");
    let other = format!("?lang={}", language.other().tag());
    let page = Page { language, environment: app.environment, title: &title, switch: Some(&other), main: &main };
    page.answer(StatusCode::OK)
}

/// On the way back.
pub(super) fn over(shown: &OnScreen, app: &App, language: Language, on: &str) -> anyhow::Result<Response> {
    let kind = if shown.state == RequestState::Approved { "approved" } else { "over" };
    let (title, next) = (language.say(&format!("{kind}-title"))?, language.say(&format!("{kind}-next"))?);
    let (who, on, button) = (who(shown, language)?, escaped(on), language.say("go-on")?);
    let main = format!("<h1>{title}</h1><p>{next}</p>{who}<p><a class=\"button\" href=\"{on}\">{button}</a></p>");
    let other = format!("{PAGE_PATH}{}?lang={}", shown.id, language.other().tag());
    let page = Page { language, environment: app.environment, title: &title, switch: Some(&other), main: &main };
    page.answer(StatusCode::OK)
}

/// Who asks, in both languages: it is what the citizen has to recognise.
fn who(shown: &OnScreen, language: Language) -> anyhow::Result<String> {
    let (asked_for, asked_by) = (language.say("asked-for")?, language.say("asked-by")?);
    let (service, organisation) = (names(&shown.client.name, language), names(&shown.client.organisation, language));
    Ok(format!("<dl class=\"card\"><dt>{asked_for}</dt><dd>{service}</dd><dt>{asked_by}</dt><dd>{organisation}</dd></dl>"))
}

fn scan(shown: &OnScreen, app: &App, language: Language) -> anyhow::Result<String> {
    let Some(link) = shown.link(app) else { return Ok(String::new()) };
    let (title, help) = (language.say("scan-title")?, language.say("scan-help")?);
    let drawn = svg(&link, &language.say("scan-label")?)?;
    Ok(format!("<section class=\"card qr\"><h2>{title}</h2><p>{help}</p>{drawn}</section>"))
}

fn here(shown: &OnScreen, app: &App, language: Language) -> anyhow::Result<String> {
    let Some(link) = shown.link(app) else { return Ok(String::new()) };
    let (title, help, button) = (language.say("here-title")?, language.say("here-help")?, language.say("here-button")?);
    let link = escaped(&link);
    Ok(format!(
        "<section class=\"card\"><h2>{title}</h2><p>{help}</p><p><a class=\"button\" href=\"{link}\">{button}</a></p></section>"
    ))
}

fn compare(shown: &OnScreen, language: Language) -> anyhow::Result<String> {
    let Some(code) = shown.code()? else { return Ok(String::new()) };
    let (title, help) = (language.say("compare-title")?, language.say("compare-help")?);
    let spelt: Vec<String> = code.to_string().chars().map(String::from).collect();
    let heard = language.say_with("compare-label", &[("letters", spelt.join(" ").into())])?;
    let seen = escaped(&code.spoken().trim().replace(' ', "-"));
    Ok(format!(
        "<section class=\"card\"><h2>{title}</h2><p class=\"code\"><span aria-hidden=\"true\">{seen}</span>\
         <span class=\"heard\">{heard}</span></p><p>{help}</p></section>"
    ))
}

/// The time of day in Hong Kong.
fn clock(moment: Timestamp) -> String {
    moment.people().split(' ').nth(1).unwrap_or_default().to_owned()
}

//! The hotline: one step of the call at a time, with what can be done next.

use api::account::{NoticeStatus, Suspension};
use api::hotline::FoundAccount;
use domain::{AccountState, CallRef, SuspensionReason};
use ratatui::layout::Rect;

use super::parties::fact;
use super::pen::{Pen, Pieces, line};
use super::table::{self, text};
use super::trouble_lines;
use crate::secret::Secret;
use crate::state::State;
use crate::state::hotline::{COMMANDS, Stage, may_open, roles};
use crate::theme::Tone;
use crate::words::{self, clock, counted, stopwatch, unparted};

/// The steps of a call, as they stand above it.
const STEPS: [&str; 5] = ["open", "find", "choose", "suspend", "read back"];

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let title = match &state.hotline.call {
        Some(call) => format!("Call {}", call.call.spoken()),
        None => "Hotline".to_owned(),
    };
    let lasts = state.hotline.lasts(state.now).map(stopwatch).unwrap_or_default();
    pen.heading(area.x, area.y, area.width, &title, &lasts);
    let inside = Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 1 };
    if let Stage::Done { suspension, scroll } = &state.hotline.stage
        && inside.height < 24
    {
        // All rows are for the sentence.
        return done(state, pen, inside, suspension, *scroll);
    }
    if !matches!(state.hotline.stage, Stage::Idle) {
        steps(state, pen, inside);
    }
    let inside = Rect { y: inside.y + 2, height: inside.height - 2, ..inside };
    match &state.hotline.stage {
        Stage::Idle => idle(state, pen, inside),
        Stage::Opening => waiting(pen, inside, "Opening the call."),
        Stage::Asking { field, typing, trouble, nobody } => {
            asking(pen, inside, field, *typing);
            let below = Rect { y: inside.y + 7, height: inside.height.saturating_sub(7), ..inside };
            if *nobody {
                let text = "No account fits. Ask the caller to read it again, or for another number.";
                pen.text(below.x, below.y, below.width, Tone::Bad, text);
            }
            if let Some(trouble) = trouble {
                pen.lines(below, &trouble_lines(trouble, usize::from(below.width) - 2), 0);
            }
        }
        Stage::Finding => waiting(pen, inside, "Looking for the account."),
        Stage::Found => found(pen, inside, &state.hotline.found, state.hotline.selected),
        Stage::Choosing { account } => choosing(pen, inside, account),
        Stage::Noting { account, note } => noting(pen, inside, account, note),
        Stage::Suspending { reason, .. } => waiting(pen, inside, &format!("Suspending: {reason}.")),
        Stage::Done { suspension, scroll } => done(state, pen, inside, suspension, *scroll),
        Stage::Closing => waiting(pen, inside, "Closing the call."),
    }
}

fn steps(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let at = match state.hotline.stage {
        Stage::Idle | Stage::Opening => 0,
        Stage::Asking { .. } | Stage::Finding => 1,
        Stage::Found => 2,
        Stage::Choosing { .. } | Stage::Noting { .. } | Stage::Suspending { .. } => 3,
        Stage::Done { .. } | Stage::Closing => 4,
    };
    let pieces: Pieces = STEPS
        .iter()
        .enumerate()
        .flat_map(|(place, step)| {
            let tone = if place == at { Tone::Selected } else { Tone::Faint };
            [(tone, format!(" {} {step} ", place + 1)), (Tone::Plain, " ".to_owned())]
        })
        .collect();
    pen.pieces(area.x, area.y, area.width, &pieces);
}

fn waiting(pen: &mut Pen<'_>, area: Rect, what: &str) {
    pen.text(area.x, area.y, area.width, Tone::Warn, &format!("{what} Waiting for the server."));
}

fn idle(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut lines = Vec::new();
    match may_open(state) {
        Ok(()) => {
            lines.push(line(Tone::Strong, "Nobody is on the line."));
            lines.push(Vec::new());
            lines.push(vec![(Tone::Key, "o".to_owned()), (Tone::Plain, "  opens a call".to_owned())]);
        }
        Err(_) if state.may(roles()).is_ok() => {}
        Err(why) => {
            let why = format!("Your roles do not reach the hotline: it {why}.");
            lines.extend(words::wrapped(&why, usize::from(area.width) - 2).into_iter().map(|text| line(Tone::Faint, text)));
        }
    }
    if let Some((call, lasted)) = &state.hotline.last {
        let suspended: Vec<String> = call.suspended.iter().map(ToString::to_string).collect();
        let what =
            if suspended.is_empty() { "nothing was suspended".to_owned() } else { format!("suspended {}", suspended.join(", ")) };
        lines.push(Vec::new());
        lines.push(line(Tone::Faint, format!("Last call {}: closed after {}, {what}.", call.call.spoken(), stopwatch(*lasted))));
    }
    pen.lines(area, &lines, 0);
}

fn asking(pen: &mut Pen<'_>, area: Rect, field: &Secret, typing: bool) {
    pen.text(area.x, area.y, area.width, Tone::Strong, "Who is calling?");
    let text = "HKIC number, phone number or account reference; hidden while it is typed.";
    pen.text(area.x, area.y + 1, area.width, Tone::Faint, text);
    let frame = Rect { x: area.x, y: area.y + 3, width: 46.min(area.width), height: 3 };
    let inside = pen.frame(frame, "", if typing { Tone::Key } else { Tone::Faint });
    let glyphs = pen.theme.glyphs;
    let shown = field.count().min(usize::from(inside.width) - 12);
    let cursor = if typing { glyphs.cursor } else { "" };
    let hidden = format!("{}{cursor}", glyphs.hidden.repeat(shown));
    pen.text(inside.x, inside.y, inside.width, Tone::Strong, &hidden);
    if field.count() > 0 {
        pen.right(inside.x, inside.y, inside.width, Tone::Faint, &format!("{} typed", field.count()));
    }
    if !typing {
        pen.pieces(frame.right() + 2, inside.y, 30, &[(Tone::Key, "enter".to_owned()), (Tone::Plain, " types again".to_owned())]);
    }
}

fn state_tone(state: AccountState) -> Tone {
    match state {
        AccountState::Active => Tone::Good,
        AccountState::Suspended => Tone::Bad,
        AccountState::Closed => Tone::Faint,
    }
}

fn found(pen: &mut Pen<'_>, area: Rect, accounts: &[FoundAccount], selected: usize) {
    let what = match accounts.len() {
        1 => "One account fits. Is it the caller's?".to_owned(),
        several => format!("{several} accounts fit. Which one is the caller's?"),
    };
    pen.text(area.x, area.y, area.width, Tone::Strong, &what);
    let wide = area.width >= 90;
    let mut columns = vec![text("NAME", 0), text("HKIC", 12), text("STATE", 9), text("DEVICE", 14), text("ACCOUNT", 11)];
    if wide {
        columns.insert(3, text("TIER", 10));
    }
    let inside = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    table::draw(pen, inside, &columns, accounts.len(), selected, |place| {
        let account = &accounts[place];
        let masked = |text: Option<&str>| (Tone::Plain, text.unwrap_or_default().to_owned());
        let mut cells = vec![
            masked(account.name_masked.as_ref().map(domain::Masked::as_str)),
            masked(account.hkic_masked.as_ref().map(domain::Masked::as_str)),
            (state_tone(account.state), account.state.to_string()),
            masked(account.device.as_deref().or(Some("no device"))),
            (Tone::Plain, account.account.to_string()),
        ];
        if wide {
            cells.insert(3, (Tone::Plain, words::tier(account.tier).to_owned()));
        }
        cells
    });
}

fn about(account: &FoundAccount) -> Vec<Pieces> {
    let name = account.name_masked.as_ref().map(ToString::to_string).unwrap_or_default();
    let hkic = account.hkic_masked.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        vec![(Tone::Faint, format!("{:<14}", "Account")), (Tone::Strong, account.account.spoken())],
        fact("Name", name),
        fact("HKIC", hkic),
        vec![
            (Tone::Faint, format!("{:<14}", "State")),
            (state_tone(account.state), account.state.to_string()),
            (Tone::Plain, format!(", {}", words::tier(account.tier))),
        ],
        fact("Device", account.device.clone().unwrap_or_else(|| "none".to_owned())),
    ]
}

fn choosing(pen: &mut Pen<'_>, area: Rect, account: &FoundAccount) {
    let mut lines = about(account);
    lines.push(Vec::new());
    lines.push(line(Tone::Strong, "Why is it suspended? One key suspends at once."));
    let reasons = COMMANDS.iter().filter(|command| command.cli.contains("--reason"));
    lines.extend(reasons.map(|command| {
        let key = command.keys.first().copied().unwrap_or_default();
        vec![(Tone::Key, format!("  {key}  ")), (Tone::Plain, command.what.to_owned())]
    }));
    pen.lines(area, &lines, 0);
}

fn noting(pen: &mut Pen<'_>, area: Rect, account: &FoundAccount, note: &Secret) {
    let mut lines = about(account);
    lines.push(Vec::new());
    let reason = SuspensionReason::Other;
    lines.push(line(Tone::Strong, format!("Reason '{reason}': what has happened? The note is kept sealed.")));
    lines.push(Vec::new());
    let typed = if note.count() > note.expose().chars().count() {
        pen.theme.glyphs.hidden.repeat(note.count())
    } else {
        note.expose().to_owned()
    };
    let typed = format!("{typed}{}", pen.theme.glyphs.cursor);
    lines.extend(words::wrapped(&typed, usize::from(area.width) - 2).into_iter().map(|text| line(Tone::Plain, text)));
    pen.lines(area, &lines, 0);
}

fn done(state: &State, pen: &mut Pen<'_>, area: Rect, suspension: &Suspension, scroll: usize) {
    let facts = facts(suspension);
    let room = usize::from(area.width).min(80) - 6;
    let rows = usize::from(area.height).saturating_sub(facts.len() + 2);
    // The reference of this call, also where the suspension is of an earlier one.
    let call = state.hotline.call.as_ref().map(|call| call.call).or(suspension.call);
    let whole = read_back(suspension, call, room);
    // Air between the lines where there is room: it is read aloud from the screen. Where there is little, the reference
    // stands in the sentence and above it.
    let airy: Vec<Pieces> = whole.iter().flat_map(|line| [Vec::new(), line.clone()]).collect();
    let text = [airy, whole.clone()].into_iter().find(|text| text.len() <= rows);
    let text = text.unwrap_or_else(|| whole[..whole.len().saturating_sub(2)].to_vec());
    let height = u16::try_from(text.len().min(rows)).unwrap_or(area.height) + 2;
    let title =
        if suspension.already { "Suspended before; read this to the caller" } else { "Suspended; read this to the caller" };
    let frame = Rect { height: height.min(area.height), ..area };
    let inside = pen.frame(frame, title, Tone::Good);
    pen.lines(Rect { width: inside.width + 1, ..inside }, &text, scroll);
    let rest = Rect { y: frame.bottom(), height: area.bottom().saturating_sub(frame.bottom()), ..area };
    pen.lines(rest, &facts, 0);
}

/// The sentence in both languages, and the reference letter by letter.
fn read_back(suspension: &Suspension, call: Option<CallRef>, room: usize) -> Vec<Pieces> {
    let spoken = call.map(CallRef::spoken);
    let account = suspension.account.spoken();
    let mut text: Vec<Pieces> = Vec::new();
    for sentence in [&suspension.read_back.en, &suspension.read_back.zh_hant] {
        let references = [Some(&account), spoken.as_ref()].into_iter().flatten();
        let sentence = references.fold(sentence.clone(), |text, spoken| text.replace(spoken.as_str(), &unparted(spoken)));
        text.extend(words::wrapped(&sentence, room).into_iter().map(|text| line(Tone::Strong, text)));
        text.push(Vec::new());
    }
    if let Some(spoken) = &spoken {
        let groups: Vec<String> = spoken.split(' ').map(|group| unparted(&letters(group))).collect();
        text.push(vec![(Tone::Faint, "Reference   ".to_owned()), (Tone::Key, groups.join("   "))]);
    }
    text
}

fn letters(group: &str) -> String {
    group.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

fn facts(suspension: &Suspension) -> Vec<Pieces> {
    let when = if suspension.already {
        format!("suspended since {}", client::times::people(suspension.suspended_at))
    } else {
        format!("suspended at {}, in {} ms", clock(suspension.suspended_at), suspension.took_ms)
    };
    let ended = &suspension.ended;
    let ended = match suspension.already {
        true => "nothing was changed now".to_owned(),
        false => [(ended.sessions, "login"), (ended.tokens, "token"), (ended.requests, "request")]
            .iter()
            .map(|(count, what)| counted(*count, what))
            .chain([format!("{} on hold", counted(ended.certificates, "certificate"))])
            .collect::<Vec<_>>()
            .join(", "),
    };
    let told = |status: NoticeStatus| suspension.relying_parties.iter().filter(|notice| notice.status == status).count();
    let parties = match suspension.relying_parties.len() {
        0 => "none knows this citizen".to_owned(),
        all => format!(
            "{all} to be told: {} confirmed, {} on the way, {} failed",
            told(NoticeStatus::Acknowledged),
            told(NoticeStatus::Pending),
            told(NoticeStatus::Failed)
        ),
    };
    vec![fact("Account", format!("{}, {when}", suspension.account)), fact("Ended", ended), fact("Parties", parties)]
}

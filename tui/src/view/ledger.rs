//! The readiness ledger of a rotation: each relying party that counts, what it was seen to fetch, and what would break now.

use api::rotation::{PartyReadiness, PlanView};
use client::width::Align;
use domain::{Attribution, Kid, Sighting, Verdict};

use super::pen::{Pieces, line};
use crate::call::listed;
use crate::state::State;
use crate::theme::Tone;
use crate::words::{self, fitted};

/// From this width on a party has one line.
const ONE_LINE: u16 = 110;
/// From this width on its name and its credential stand there too.
pub(crate) const NAMED: u16 = 160;

/// How many are ready, and how many would break now.
pub(super) fn summary(plan: &PlanView) -> (Tone, String) {
    let Some(readiness) = plan.readiness else { return (Tone::Faint, String::new()) };
    if readiness.not_tracked > 0 {
        let parties = words::stand(readiness.not_tracked, "party", "parties");
        return (
            Tone::Warn,
            format!("Not tracked: {parties} may have pinned what is replaced. Nothing waits for them: ask them."),
        );
    }
    let counting = readiness.ready + readiness.awaited();
    match readiness.awaited() {
        0 if counting == 0 => (Tone::Faint, "No relying party counts: none of them logs anybody in.".to_owned()),
        0 if plan.has_taken_over() => (Tone::Good, format!("Ready: all {counting}; they have the new keys.")),
        0 => (Tone::Good, format!("Ready: all {counting}; nothing would break now.")),
        awaited => {
            let fate =
                if plan.has_taken_over() { "may not have the new keys yet." } else { "would fail were it to take over now." };
            let told = format!(
                "Ready: {} of {counting}; not ready {}, unknown {}. {awaited} {fate}",
                readiness.ready, readiness.not_ready, readiness.unknown
            );
            (Tone::Bad, told)
        }
    }
}

/// Those that are waited for first; those that do not count only in number.
pub(super) fn lines(state: &State, plan: &PlanView, room: usize) -> Vec<Pieces> {
    let mut counting: Vec<&PartyReadiness> = plan.ledger.iter().filter(|party| party.verdict.counts()).collect();
    counting.sort_by_key(|party| match party.verdict {
        Verdict::NotReady => 0,
        Verdict::Unknown => 1,
        _ => 2,
    });
    let mut lines = Vec::new();
    if !counting.is_empty() {
        lines.push(Vec::new());
        lines.push(line(Tone::Strong, "Who is ready"));
        if state.size.0 >= ONE_LINE {
            lines.push(headings(state));
        }
    }
    lines.extend(counting.iter().flat_map(|party| party_lines(state, plan, party, room)));
    let others = plan.ledger.iter().filter(|party| matches!(party.verdict, Verdict::NoCredential | Verdict::NoService)).count();
    if others > 0 {
        let told = words::stand(others as u64, "other does", "others do");
        lines.push(line(Tone::Faint, format!("{told} not count: no credential, or no service, so nobody logs in there")));
    }
    lines
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Ready => Tone::Good,
        Verdict::NotReady => Tone::Bad,
        Verdict::Unknown => Tone::Warn,
        Verdict::NoCredential | Verdict::NoService | Verdict::NotTracked => Tone::Faint,
    }
}

fn headings(state: &State) -> Pieces {
    let named = state.size.0 >= NAMED;
    let chinese = if state.look.ascii { "IN CHINESE" } else { "機構" };
    let mut text = fitted("READY", 10, Align::Left, "") + &fitted("RELYING PARTY", 31, Align::Left, "");
    if named {
        text += &fitted(chinese, 25, Align::Left, "");
    }
    text += &fitted("KEY SET SEEN", 13, Align::Left, "");
    text += &fitted("WITH KEYS", 23, Align::Left, "");
    if named {
        text += &fitted("CREDENTIAL USED", 17, Align::Left, "");
    }
    line(Tone::Faint, text + "WOULD BREAK NOW")
}

fn party_lines(state: &State, plan: &PlanView, party: &PartyReadiness, room: usize) -> Vec<Pieces> {
    let now = state.server_now();
    let tone = tone(party.verdict);
    let cut = if state.look.ascii { "~" } else { "…" };
    let verdict = (tone, fitted(party.verdict.as_str(), 10, Align::Left, ""));
    if state.size.0 >= ONE_LINE {
        let named = state.size.0 >= NAMED;
        let seen = party.seen.as_ref();
        let mut pieces = vec![verdict, (Tone::Plain, fitted(party.rp.as_str(), 30, Align::Left, cut) + " ")];
        if named {
            pieces.push((Tone::Plain, fitted(&name(state, party), 24, Align::Left, cut) + " "));
        }
        let when = seen.map_or_else(|| "never".to_owned(), |seen| words::when(seen.at, now));
        pieces.push((Tone::Plain, fitted(&when, 13, Align::Left, "")));
        pieces.push((tone, fitted(&seen.map(|seen| keys(plan, seen)).unwrap_or_default(), 22, Align::Left, cut) + " "));
        if named {
            let used = party.credential.as_ref().and_then(|credential| credential.last_used_at);
            let used = used.map_or_else(|| "never".to_owned(), |at| words::when(at, now));
            pieces.push((Tone::Plain, fitted(&used, 17, Align::Left, "")));
        }
        let taken: usize = pieces.iter().map(|(_, text)| client::width::columns(text)).sum();
        let mut rows = words::wrapped(&party.breaks, room.saturating_sub(taken).max(20)).into_iter();
        pieces.push((Tone::Plain, rows.next().unwrap_or_default()));
        let below = rows.map(|text| vec![(Tone::Plain, " ".repeat(taken)), (Tone::Plain, text)]);
        return std::iter::once(pieces).chain(below).collect();
    }
    let name = name(state, party);
    let mut lines =
        vec![vec![verdict, (Tone::Plain, fitted(party.rp.as_str(), 34, Align::Left, cut)), (Tone::Plain, format!(" {name}"))]];
    let told = match (&party.seen, party.verdict) {
        (Some(seen), Verdict::Ready) => format!("{}, saw {}", how(seen, &words::when(seen.at, now)), keys(plan, seen)),
        (Some(seen), _) => {
            format!("{}, saw {}; breaks: {}", how(seen, &words::when(seen.at, now)), keys(plan, seen), party.breaks)
        }
        (None, _) => format!("breaks: {}", party.breaks),
    };
    let rows = words::wrapped(&told, room.saturating_sub(10));
    lines.extend(rows.into_iter().map(|text| line(Tone::Faint, format!("{:10}{text}", ""))));
    lines
}

/// The organisation's name in Chinese, as far as the list of parties is there.
fn name(state: &State, party: &PartyReadiness) -> String {
    let known = state.parties.list.value.iter().flatten().find(|known| known.rp == party.rp);
    known.map(|known| known.organisation.zh_hant.clone()).unwrap_or_default()
}

/// How it is known what a party has seen, and since when.
fn how(seen: &Sighting, when: &str) -> String {
    match (seen.how, &seen.said_to) {
        (Attribution::OwnAddress, _) => format!("fetched at {when} at its own address"),
        (Attribution::Certificate, _) => format!("fetched at {when} with its certificate"),
        (Attribution::Acknowledgement, Some(officer)) => format!("gave its word to {officer} at {when}"),
        (Attribution::Acknowledgement, None) => format!("gave its word at {when}"),
    }
}

/// The keys of a set by their beginnings, the new ones first.
fn keys(plan: &PlanView, seen: &Sighting) -> String {
    let is_new = |kid: &&Kid| plan.kids.contains(kid);
    let (new, old): (Vec<&Kid>, Vec<&Kid>) = seen.kids.iter().partition(is_new);
    let mut kids: Vec<String> = new.iter().chain(&old).take(2).map(|kid| listed(kid)).collect();
    let more = seen.kids.len().saturating_sub(2);
    if more > 0 {
        kids.push(format!("+{more}"));
    }
    if kids.is_empty() { "no key".to_owned() } else { kids.join(" ") }
}

//! Relying parties: the list with its filter, and one of them in full.

use api::relying_party::{PartySummary, PartyView};
use client::times::people;
use domain::{PartyState, ServiceState, Timestamp};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::table::{self, number, text};
use super::{absence, age, body_now};
use crate::call::Read;
use crate::state::State;
use crate::state::parties::Page;
use crate::state::typing::is_unfiltered;
use crate::theme::Tone;
use crate::words;

/// From this width on a party stands beside the list.
const BESIDE: u16 = 110;

fn areas(state: &State, area: Rect) -> (Option<Rect>, Option<Rect>) {
    if state.parties.open.is_none() {
        return (Some(area), None);
    }
    if area.width < BESIDE {
        return (None, Some(area));
    }
    let list = Rect { width: 40, ..area };
    (Some(list), Some(Rect { x: list.right() + 1, width: area.width - list.width - 1, ..area }))
}

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let (list, detail) = areas(state, area);
    if let Some(area) = list {
        draw_list(state, pen, area);
    }
    if let (Some(area), Some(open)) = (detail, &state.parties.open) {
        let title = match state.parties.page {
            Page::Facts => open.to_string(),
            Page::Manifest => format!("{open}, manifest"),
        };
        pen.heading(area.x, area.y, area.width, &title, &age(state, &state.parties.detail));
        let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        pen.lines(inside, &lines(state), state.parties.scroll);
    }
}

fn draw_list(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let parties = &state.parties;
    let shown: Vec<&PartySummary> = parties.shown().collect();
    let all = parties.list.value.as_ref().map_or(0, Vec::len);
    let title = match (&parties.list.value, is_unfiltered(parties) && !parties.filtering) {
        (None, _) => "Relying parties".to_owned(),
        (_, true) => format!("Relying parties: {all}"),
        (_, false) => format!("Relying parties: {} of {all}", shown.len()),
    };
    pen.heading(area.x, area.y, area.width, &title, &age(state, &parties.list));
    let mut inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if let Some(lines) = absence(state, &parties.list, Read::Parties.roles()) {
        pen.lines(Rect { x: inside.x + 1, width: inside.width - 2, ..inside }, &lines, 0);
        return;
    }
    if parties.filtering || !is_unfiltered(parties) {
        let cursor = if parties.filtering { pen.theme.glyphs.cursor } else { "" };
        let pieces = [(Tone::Key, "filter ".to_owned()), (Tone::Strong, format!("{}{cursor}", parties.filter.value()))];
        pen.pieces(inside.x + 2, inside.y, inside.width - 3, &pieces);
        inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
    }
    if shown.is_empty() {
        let why = if all == 0 {
            "No relying party yet: 'iamctl rp apply -f DIR' brings them on board."
        } else {
            "None fits; esc clears the filter."
        };
        pen.text(inside.x + 2, inside.y, inside.width - 3, Tone::Faint, why);
        return;
    }
    let narrow = inside.width < 60;
    let wide = inside.width >= 100;
    let columns = if narrow {
        vec![text("RP", 0), text("STATE", 9)]
    } else if wide {
        vec![
            text("RP", 34),
            text("ORGANISATION", 0),
            text(if state.look.ascii { "IN CHINESE" } else { "機構" }, 26),
            text("SECTOR", 10),
            text("STATE", 9),
            number("SERVICES", 8),
        ]
    } else {
        vec![text("RP", 30), text("ORGANISATION", 0), text("SECTOR", 10), text("STATE", 9), number("SVC", 3)]
    };
    table::draw(pen, inside, &columns, shown.len(), parties.place(), |place| {
        let party = shown[place];
        let rp = (Tone::Plain, party.rp.to_string());
        let standing = (party_tone(party.state), party.state.to_string());
        if narrow {
            return vec![rp, standing];
        }
        let name = (Tone::Plain, party.organisation.en.clone());
        let sector = (Tone::Plain, party.sector.to_string());
        let services = (Tone::Plain, party.services.to_string());
        if wide {
            vec![rp, name, (Tone::Plain, party.organisation.zh_hant.clone()), sector, standing, services]
        } else {
            vec![rp, name, sector, standing, services]
        }
    });
}

fn party_tone(state: PartyState) -> Tone {
    match state {
        PartyState::Active => Tone::Good,
        PartyState::Suspended => Tone::Bad,
        PartyState::Retired => Tone::Faint,
    }
}

/// A fact with its label.
pub(super) fn fact(label: &str, value: String) -> Pieces {
    vec![(Tone::Faint, format!("{label:<14}")), (Tone::Plain, value)]
}

/// Rows of the open party that are seen.
pub(crate) fn seen(state: &State) -> usize {
    areas(state, body_now(state)).1.map_or(0, |area| usize::from(area.height.saturating_sub(1)))
}

/// The open party in full, or its manifest.
pub(crate) fn lines(state: &State) -> Vec<Pieces> {
    let beside = if state.size.0 >= BESIDE { 41 } else { 0 };
    let room = usize::from(state.size.0.saturating_sub(beside + 4));
    let parties = &state.parties;
    match (&parties.detail.value, parties.page) {
        (Some(_), Page::Manifest) => {
            let rows = parties.manifest.iter().flat_map(|text| words::hanging(text, 0, room));
            rows.map(|text| line(Tone::Plain, text)).collect()
        }
        (Some(party), Page::Facts) => facts(party, room),
        (None, _) => absence(state, &parties.detail, Read::Parties.roles()).unwrap_or_default(),
    }
}

fn facts(party: &PartyView, room: usize) -> Vec<Pieces> {
    let industry = party.industry.map(|industry| format!(", {industry}")).unwrap_or_default();
    let contact = &party.manifest.contact;
    let mut lines = Vec::new();
    lines.extend(party.warnings.iter().flat_map(|text| words::wrapped(text, room)).map(|text| line(Tone::Warn, text)));
    if !lines.is_empty() {
        lines.push(Vec::new());
    }
    lines.push(fact("Organisation", party.organisation.en.clone()));
    lines.push(fact("", party.organisation.zh_hant.clone()));
    lines.push(fact("Sector", format!("{}{industry}", party.sector)));
    lines.push(vec![(Tone::Faint, format!("{:<14}", "State")), (party_tone(party.state), party.state.to_string())]);
    lines.extend(party.suspended_reason.as_ref().map(|why| fact("Because", why.clone())));
    lines.push(fact("Contact", format!("{} <{}>", contact.name, contact.email)));
    lines.push(fact("Since", format!("{}, version {}", moment(party.created_at), party.version)));
    lines.push(fact("Changed", moment(party.updated_at)));
    lines.push(Vec::new());
    lines.push(line(Tone::Strong, format!("Services: {}", party.services.len())));
    for service in &party.services {
        let functions: Vec<&str> = service.functions.iter().map(|function| function.as_str()).collect();
        let tone = if service.state == ServiceState::Active { Tone::Good } else { Tone::Bad };
        let name = words::wrapped(&format!("{} {}", service.name.en, service.name.zh_hant), room.saturating_sub(10));
        let beside = |place: usize| if place == 0 { service.state.to_string() } else { String::new() };
        lines.extend(
            name.into_iter().enumerate().map(|(place, name)| vec![(tone, format!("{:<10}", beside(place))), (Tone::Plain, name)]),
        );
        let about = format!("{:10}{}: {}", "", service.service, functions.join(", "));
        lines.extend(words::hanging(&about, 0, room).into_iter().map(|text| line(Tone::Faint, text)));
    }
    lines.push(Vec::new());
    lines.push(line(Tone::Strong, format!("Credentials: {}", party.credentials.len())));
    for credential in &party.credentials {
        let until = credential.not_after.map(|at| format!(", until {}", people(at))).unwrap_or_default();
        lines.push(line(Tone::Plain, format!("{} {}, {}{until}", credential.kind, credential.id, credential.state)));
    }
    lines
}

fn moment(at: Timestamp) -> String {
    people(at)
}

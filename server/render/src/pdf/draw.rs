//! Pages as they are drawn, and the tree by which they are read.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
};

use super::layout::{Item, Laid, Role};
use super::paper::{HEIGHT, ROOM, SIDE, WIDTH};
use super::text::{Faces, Letters};
use crate::chart::{Anchor, COLOURS, Drawing, Shape};
use crate::outline::Outline;

/// Draws every page; gives the tree. None only when a page could have no size.
pub(super) fn draw(document: &mut Document, outline: &Outline, laid: &Laid, faces: &Faces<'_>) -> Option<TagTree> {
    let mut drawn: Vec<Vec<Identifier>> = vec![Vec::new(); laid.elements.len()];
    let pages = laid.pages.len();
    for (number, items) in laid.pages.iter().enumerate() {
        let mut page = document.start_page_with(PageSettings::from_wh(WIDTH, HEIGHT)?);
        let mut surface = page.surface();
        across(&mut surface, outline, faces);
        for item in items {
            one(&mut surface, item, laid, faces, &mut drawn);
        }
        foot(&mut surface, outline, faces, number + 1, pages);
        surface.finish();
        page.finish();
    }
    Some(tree(outline, laid, drawn))
}

fn one(surface: &mut Surface<'_>, item: &Item, laid: &Laid, faces: &Faces<'_>, drawn: &mut [Vec<Identifier>]) {
    match item {
        Item::Text { x, y, size, bold, grey, text, element } => {
            let letters = if *bold { &faces.bold } else { &faces.regular };
            let language = laid.elements.get(*element).map(|element| element.language);
            let tag = match language {
                Some(language) => ContentTag::Span(SpanTag::empty().with_lang(Some(language))),
                None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)),
            };
            let identifier = surface.start_tagged(tag);
            write(surface, letters, (*x, *y), *size, text, grey_of(*grey));
            surface.end_tagged();
            if let Some(drawn) = drawn.get_mut(*element) {
                drawn.push(identifier);
            }
        }
        Item::Rule { from, to } => {
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)));
            rule(surface, *from, *to, 0.5);
            surface.end_tagged();
        }
        Item::Chart { x, y, drawing, element } => {
            let identifier = surface.start_tagged(ContentTag::Other);
            chart(surface, drawing, (*x, *y), &faces.regular);
            surface.end_tagged();
            if let Some(drawn) = drawn.get_mut(*element) {
                drawn.push(identifier);
            }
        }
    }
}

fn grey_of(grey: u8) -> rgb::Color {
    rgb::Color::new(grey, grey, grey)
}

fn fill(colour: rgb::Color, opacity: NormalizedF32) -> Fill {
    Fill { paint: colour.into(), opacity, ..Fill::default() }
}

fn write(surface: &mut Surface<'_>, letters: &Letters<'_>, at: (f32, f32), size: f32, text: &str, colour: rgb::Color) {
    surface.set_stroke(None);
    surface.set_fill(Some(fill(colour, NormalizedF32::ONE)));
    surface.draw_glyphs(Point::from_xy(at.0, at.1), &letters.glyphs(text), letters.drawn.clone(), text, size, false);
}

fn rule(surface: &mut Surface<'_>, from: (f32, f32), to: (f32, f32), width: f32) {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.line_to(to.0, to.1);
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { paint: grey_of(180).into(), width, ..Stroke::default() }));
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
    surface.set_stroke(None);
}

fn chart(surface: &mut Surface<'_>, drawing: &Drawing, at: (f32, f32), letters: &Letters<'_>) {
    let colour = |series: usize| {
        let [red, green, blue] = COLOURS[series % COLOURS.len()];
        rgb::Color::new(red, green, blue)
    };
    for shape in &drawing.shapes {
        match shape {
            Shape::Bar { x, y, width, height, series } => {
                let mut path = PathBuilder::new();
                let Some(rect) = Rect::from_xywh(at.0 + x, at.1 + y, width.max(0.2), *height) else { continue };
                path.push_rect(rect);
                surface.set_stroke(None);
                surface.set_fill(Some(fill(colour(*series), NormalizedF32::ONE)));
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
            Shape::Line { points, series } => {
                let mut path = PathBuilder::new();
                for (place, (x, y)) in points.iter().enumerate() {
                    if place == 0 {
                        path.move_to(at.0 + x, at.1 + y);
                    } else {
                        path.line_to(at.0 + x, at.1 + y);
                    }
                }
                surface.set_fill(None);
                surface.set_stroke(Some(Stroke { paint: colour(*series).into(), width: 1.4, ..Stroke::default() }));
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
                surface.set_stroke(None);
            }
            Shape::Rule { from, to } => rule(surface, (at.0 + from.0, at.1 + from.1), (at.0 + to.0, at.1 + to.1), 0.4),
            Shape::Text { x, y, size, anchor, text } => {
                let left = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => letters.width(text, *size) / 2.0,
                    Anchor::End => letters.width(text, *size),
                };
                write(surface, letters, (at.0 + x - left, at.1 + y), *size, text, grey_of(30));
            }
        }
    }
}

/// What stands across the page, behind everything, and once more at its head. Across it is drawn and not written: whoever takes the
/// text out of the page finds it at the head, and nothing of it between the lines.
fn across(surface: &mut Surface<'_>, outline: &Outline, faces: &Faces<'_>) {
    let size = 40.0;
    let head: Vec<String> = outline.across.iter().map(crate::outline::Said::line).collect();
    if !head.is_empty() {
        let head = head.join(" · ");
        let left = (WIDTH - faces.bold.width(&head, 9.0)) / 2.0;
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Watermark)));
        write(surface, &faces.bold, (left, 36.0), 9.0, &head, rgb::Color::new(164, 0, 0));
        surface.end_tagged();
    }
    for (number, said) in (0_u8..).zip(&outline.across) {
        let text = said.line();
        let width = faces.bold.width(&text, size);
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Watermark)));
        surface.push_transform(&Transform::from_translate(WIDTH / 2.0, HEIGHT / 2.0 + f32::from(number) * 90.0));
        surface.push_transform(&Transform::from_rotate(-35.0));
        surface.set_stroke(None);
        surface.set_fill(Some(fill(rgb::Color::new(225, 180, 180), NormalizedF32::ONE)));
        let glyphs = faces.bold.glyphs(&text);
        surface.draw_glyphs(Point::from_xy(-width / 2.0, 0.0), &glyphs, faces.bold.drawn.clone(), &text, size, true);
        surface.pop();
        surface.pop();
        surface.end_tagged();
    }
}

fn foot(surface: &mut Surface<'_>, outline: &Outline, faces: &Faces<'_>, page: usize, pages: usize) {
    let size = 6.8;
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::PageNumber)));
    let mut y = HEIGHT - 56.0;
    rule(surface, (SIDE, y - 11.0), (SIDE + ROOM, y - 11.0), 0.5);
    for line in &outline.foot {
        for line in faces.regular.lines(line, size, ROOM) {
            write(surface, &faces.regular, (SIDE, y), size, &line, grey_of(70));
            y += size * 1.4;
        }
    }
    let number = format!("{page} / {pages}");
    let width = faces.regular.width(&number, size);
    write(surface, &faces.regular, (SIDE + ROOM - width, HEIGHT - 24.0), size, &number, grey_of(70));
    surface.end_tagged();
}

/// Elements in the order in which they were laid out, each within its own.
fn tree(outline: &Outline, laid: &Laid, drawn: Vec<Vec<Identifier>>) -> TagTree {
    let mut groups: Vec<Option<TagGroup>> = Vec::with_capacity(laid.elements.len());
    for (element, identifiers) in laid.elements.iter().zip(drawn) {
        let children = identifiers.into_iter().map(Node::from).collect();
        groups.push(Some(TagGroup::with_children(kind(&element.role), children)));
    }
    // Children come after what they stand in: from the last one on, each goes where it belongs, and order is put right by place.
    let mut within: Vec<Vec<usize>> = vec![Vec::new(); laid.elements.len()];
    for (place, element) in laid.elements.iter().enumerate() {
        if let Some(parent) = element.within {
            within[parent].push(place);
        }
    }
    for place in (0..groups.len()).rev() {
        for child in std::mem::take(&mut within[place]) {
            let taken = groups[child].take();
            if let (Some(group), Some(child)) = (groups[place].as_mut(), taken) {
                group.push(child);
            }
        }
    }
    let mut tree = TagTree::new().with_lang(Some(outline.language.tag().to_owned()));
    for (group, element) in groups.into_iter().zip(&laid.elements) {
        if let (Some(group), None) = (group, element.within) {
            tree.push(group);
        }
    }
    tree
}

fn kind(role: &Role) -> TagKind {
    match role {
        Role::Heading(level, title) => Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into(),
        Role::Paragraph => Tag::P.into(),
        Role::Table => Tag::Table.into(),
        Role::Head => Tag::THead.into(),
        Role::Body => Tag::TBody.into(),
        Role::Row => Tag::TR.into(),
        Role::HeadCell => Tag::TH(TableHeaderScope::Column).into(),
        Role::RowCell => Tag::TH(TableHeaderScope::Row).into(),
        Role::Cell => Tag::TD.into(),
        Role::Figure(alt) => Tag::Figure(Some(alt.clone())).into(),
    }
}

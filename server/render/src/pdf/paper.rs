//! Sizes on paper, in points: A4.

/// Width of a page.
pub(super) const WIDTH: f32 = 595.28;
/// Height of a page.
pub(super) const HEIGHT: f32 = 841.89;
/// Room left and right.
pub(super) const SIDE: f32 = 57.0;
/// Where text begins.
pub(super) const TOP: f32 = 62.0;
/// Where text ends; below it stands the foot.
pub(super) const BOTTOM: f32 = HEIGHT - 74.0;
/// Width of what is written.
pub(super) const ROOM: f32 = WIDTH - 2.0 * SIDE;
/// Height of a line, as a multiple of the size of its letters.
pub(super) const LEADING: f32 = 1.45;

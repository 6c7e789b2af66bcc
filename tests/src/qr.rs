//! What a phone's camera reads off a page.

/// Pixels of a module, so that the reader sees edges.
const SCALE: usize = 6;

/// The text of the only QR code that is drawn in a page: its drawing rendered as a screen does, and read by a reader of somebody
/// else's.
///
/// # Panics
/// When there is no drawing, or not exactly one code in it.
#[must_use]
pub fn read(page: &str) -> String {
    let drawing = page.split_once("<svg").expect("a drawing").1.split_once("</svg>").expect("its end").0;
    let side: usize = between(drawing, "viewBox=\"0 0 ", " ").parse().expect("a number");
    let mut dark = vec![false; side * side];
    let path = between(drawing, "fill=\"#000\" d=\"", "\"");
    for run in path.split('M').filter(|run| !run.is_empty()) {
        let (x, rest) = run.split_once(' ').expect("a place");
        let (y, rest) = rest.split_once('h').expect("a row");
        let length = rest.split_once('v').expect("a length").0;
        let [x, y, length] = [x, y, length].map(|number| number.parse::<usize>().expect("a number"));
        assert_eq!(rest, format!("{length}v1h-{length}z"), "a row of dark modules");
        dark[y * side + x..][..length].fill(true);
    }
    let width = side * SCALE;
    let shade = |x: usize, y: usize| if dark[y / SCALE * side + x / SCALE] { 0 } else { u8::MAX };
    let mut screen = rqrr::PreparedImage::prepare_from_greyscale(width, width, shade);
    let codes = screen.detect_grids();
    assert_eq!(codes.len(), 1, "one code");
    codes[0].decode().expect("a code that can be read").1
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    text.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(inside, _)| inside)
}

//! How long a frame of the dashboard takes, beside the bar. Run by `scripts/bench`, or:
//!
//!     cargo bench -p tui --bench frames
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::result_large_err, reason = "a measurement prints, and stops")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;

#[path = "../tests/dashboard/grammar.rs"]
mod grammar;
#[expect(dead_code, reason = "the office of the tests, of which a measurement needs less")]
#[path = "../tests/dashboard/office.rs"]
mod office;
#[path = "../tests/dashboard/screen.rs"]
mod screen;

const RUNS: usize = 1_001;
const SIZE: (u16, u16) = (120, 40);
/// Milliseconds that a frame may take.
const BAR: f64 = 4.0;

fn main() {
    let mut desk = office::Desk::with(office::Setting { size: SIZE, ..office::Setting::default() });
    desk.server.plans = vec![office::rotation(domain::PlanState::Running)];
    for (view, keys) in [
        ("overview", "1"),
        ("relying parties", "2"),
        ("a party", "2 enter"),
        ("keys", "esc 3"),
        ("hotline", "4"),
        ("certificates", "5"),
        ("rotations", "6"),
        ("a rotation", "enter"),
        ("help", "?"),
    ] {
        desk.press(keys);
        let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let began = Instant::now();
                terminal.draw(|frame| tui::draw(&desk.state, frame)).unwrap();
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        let ms = |place: usize| times[place].as_secs_f64() * 1e3;
        let (median, p99) = (ms(RUNS / 2), ms(RUNS * 99 / 100));
        println!(
            "dashboard   frame, {view:<17} {p99:>8.2} ms   bar {BAR:>6.1} ms   {:.2}x, p99; median {median:.2} ms",
            p99 / BAR
        );
    }
}

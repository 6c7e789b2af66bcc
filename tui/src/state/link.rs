//! How the dashboard stands to the server, and when it asks again.

use std::time::Duration;

use domain::Timestamp;

/// Changes come in bursts: so long is waited for the rest of one.
const SETTLE: Duration = Duration::from_millis(300);
/// What is on the screen is asked for at most so often.
const APART: Duration = Duration::from_secs(1);
/// It is asked for at least so often: the change feed tells each operator only what concerns them.
const AT_LEAST: Duration = Duration::from_secs(30);
/// The same where there is no feed.
const WITHOUT_FEED: Duration = Duration::from_secs(10);
/// The same while the server does not answer.
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// How the change feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedState {
    /// Not heard of yet.
    Connecting,
    /// It stands.
    Live,
    /// Lost, and tried again.
    Lost,
    /// Not given to this operator: the screen is refreshed by the clock.
    Denied,
}

/// Since when the server does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Away {
    pub(crate) since: Timestamp,
    pub(crate) why: String,
}

/// How the dashboard stands to the server.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) feed: FeedState,
    pub(crate) away: Option<Away>,
    /// When the screen is to be asked for again.
    wanted: Option<Timestamp>,
    asked: Timestamp,
}

impl Link {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { feed: FeedState::Connecting, away: None, wanted: None, asked: now }
    }

    /// Something has changed.
    pub(crate) fn changed(&mut self, now: Timestamp) {
        self.want(now.plus(SETTLE));
    }

    /// Asks at that moment, or sooner when that was wanted already, but not too soon after the last time.
    pub(crate) fn want(&mut self, at: Timestamp) {
        let at = at.max(self.asked.plus(APART));
        self.wanted = Some(self.wanted.map_or(at, |wanted| wanted.min(at)));
    }

    /// Asks at the next tick.
    pub(crate) fn want_now(&mut self, now: Timestamp) {
        self.wanted = Some(now);
    }

    /// Asked.
    pub(crate) fn asked(&mut self, now: Timestamp) {
        self.asked = now;
        self.wanted = None;
    }

    /// When to ask again. A feed that is lost may stay so although the server answers, so that the clock goes on.
    pub(crate) fn due(&self) -> Timestamp {
        let pace = match (self.feed, &self.away) {
            (FeedState::Connecting | FeedState::Live | FeedState::Denied, Some(_)) => WHILE_AWAY,
            // That the server is back is told by the feed, mostly sooner.
            (FeedState::Lost, _) | (FeedState::Denied, None) => WITHOUT_FEED,
            (FeedState::Connecting | FeedState::Live, None) => AT_LEAST,
        };
        let at_last = self.asked.plus(pace);
        self.wanted.map_or(at_last, |wanted| wanted.min(at_last))
    }

    /// The server was not reached.
    pub(crate) fn not_reached(&mut self, now: Timestamp, why: &str) {
        match &mut self.away {
            Some(away) => why.clone_into(&mut away.why),
            None => self.away = Some(Away { since: now, why: why.to_owned() }),
        }
    }

    /// The server has answered.
    pub(crate) fn reached(&mut self) {
        self.away = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_654_000_000_000_000);

    fn after(millis: u64) -> Timestamp {
        START.plus(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_of_changes_is_one_question() {
        let mut link = Link::new(START);
        link.feed = FeedState::Live;
        for millis in [5_000, 5_050, 5_100] {
            link.changed(after(millis));
        }
        assert_eq!(link.due(), after(5_300));
        link.asked(after(5_300));
        link.changed(after(5_310));
        assert_eq!(link.due(), after(6_300), "at most once a second");
    }

    #[test]
    fn without_changes_it_is_asked_now_and_then() {
        let mut link = Link::new(START);
        link.feed = FeedState::Live;
        assert_eq!(link.due(), after(30_000));
        link.feed = FeedState::Denied;
        assert_eq!(link.due(), after(10_000));
        link.not_reached(after(1_000), "refused");
        assert_eq!(link.due(), after(5_000));
        link.feed = FeedState::Lost;
        assert_eq!(link.due(), after(10_000), "the feed tells when it is back, if it comes back");
        link.want_now(after(1_500));
        assert_eq!(link.due(), after(1_500), "what was just done is looked at");
    }

    #[test]
    fn the_first_loss_counts() {
        let mut link = Link::new(START);
        link.not_reached(after(1_000), "no answer");
        link.not_reached(after(9_000), "connection refused");
        assert_eq!(link.away, Some(Away { since: after(1_000), why: "connection refused".into() }));
        link.reached();
        assert_eq!(link.away, None);
    }
}

//! Answers of the server, taken to where they belong.

use domain::Timestamp;

use super::{Asked, Notice, State, View, ending, hotline, rotations, statistics};
use crate::call::{Read, Reply};
use crate::event::{Ticket, Trouble};

impl State {
    pub(super) fn answered(&mut self, ticket: Ticket, answer: Result<Reply, Trouble>) {
        let Some(asked) = self.pending.remove(&ticket) else { return };
        match &answer {
            Err(trouble) if trouble.away => self.link.not_reached(self.now, &trouble.message),
            // Found out on this side: says nothing about the server.
            Err(trouble) if trouble.request_id.is_none() => {}
            _ => self.link.reached(),
        }
        match (asked, answer) {
            (Asked::Read(read), Ok(reply)) => self.told(&read, reply),
            (Asked::Read(read), Err(trouble)) => self.not_told(&read, trouble),
            (Asked::Find, Ok(Reply::Found(found))) => hotline::found(self, found),
            (Asked::Find, Ok(_)) => {}
            (Asked::Find, Err(trouble)) => hotline::not_found(self, trouble),
            (Asked::Export, Ok(Reply::Exported { file, bytes, command })) => {
                self.tell(format!("{} bytes are in {file}", client::times::spaced(bytes)), Some(command));
            }
            (Asked::Export, Ok(_)) => {}
            (Asked::Export, Err(trouble)) => {
                self.notice = None;
                self.trouble(trouble, None);
            }
            (Asked::Write(write), Ok(reply)) => {
                let command = Some(write.command());
                let until = Some(self.now.plus(super::NOTICE));
                self.notice = Some(Notice { text: reply.done(), command, until });
                self.done(reply);
                self.link.want_now(self.now);
            }
            (Asked::Write(write), Err(trouble)) => {
                self.notice = None;
                hotline::not_done(self, &write);
                self.trouble(trouble, Some(write));
                self.link.want_now(self.now);
            }
        }
    }

    fn told(&mut self, read: &Read, reply: Reply) {
        let now = self.now;
        match reply {
            Reply::WhoAmI(identity) => {
                let first = self.identity.value.is_none();
                self.identity.came(identity, now);
                if first {
                    self.known();
                    ending::refresh(self);
                }
            }
            Reply::Overview(overview) => {
                let busy = overview.jobs.iter().any(|job| !job.state.is_over());
                self.overview.came(overview, now);
                if busy && self.view == View::Overview {
                    // The change feed tells nothing of a job's progress.
                    self.link.want(now.plus(std::time::Duration::from_secs(1)));
                }
            }
            Reply::Checks(checks) => self.checks.came(checks, now),
            Reply::Parties(parties) => self.parties.came(parties, now),
            Reply::Party(party) => self.parties.detail_came(*party, now),
            Reply::Keys(keys) => {
                self.keys.came(keys, now);
                rotations::follow(self);
            }
            Reply::Plans(plans) => {
                self.rotations.plans.came(plans, now);
                rotations::follow(self);
            }
            Reply::Plan(plan) => rotations::plan_came(self, *plan),
            Reply::Key(key) => self.keys.detail_came(*key, now),
            Reply::Month(figures) => {
                if let Read::Month(wanted) = read {
                    self.statistics.came(*wanted, *figures, now);
                }
            }
            Reply::ServiceMonths(trend) => {
                // Somebody has gone on to another service or month meanwhile.
                if statistics::service_read(self).as_ref() == Some(read) {
                    self.statistics.months.came(*trend, now);
                }
            }
            Reply::Ending(page) => self.ending.came(page, now),
            Reply::Certificates(page) => self.certificates.came(read, page, now),
            Reply::Certificate(detail) => self.certificates.detail_came(*detail, now),
            other => debug_assert!(false, "{read:?} was answered by {other:?}"),
        }
    }

    fn not_told(&mut self, read: &Read, trouble: Trouble) {
        match read {
            Read::WhoAmI => self.identity.failed(trouble),
            Read::Overview(_) => self.overview.failed(trouble),
            Read::Checks => self.checks.failed(trouble),
            Read::Parties => self.parties.list.failed(trouble),
            Read::Party(_) => self.parties.detail.failed(trouble),
            Read::Keys => self.keys.list.failed(trouble),
            Read::Key(_) => self.keys.detail.failed(trouble),
            Read::Certificates(..) => self.certificates.failed(read, trouble),
            Read::Certificate(_) => self.certificates.detail.failed(trouble),
            Read::Ending => self.ending.list.failed(trouble),
            Read::Plans => self.rotations.plans.failed(trouble),
            Read::Plan(_) => self.rotations.plan.failed(trouble),
            Read::Month(_) => self.statistics.figures.failed(trouble),
            Read::ServiceMonths(..) => self.statistics.months.failed(trouble),
        }
    }

    fn done(&mut self, reply: Reply) {
        let now = self.now;
        match reply {
            Reply::PartySuspended(party) | Reply::PartyResumed(party) => self.parties.detail_came(*party, now),
            Reply::Opened(opened) => hotline::opened(self, opened),
            Reply::Suspended(suspension) => hotline::suspended(self, suspension),
            Reply::Closed(closed) => hotline::closed(self, closed),
            Reply::Planned(plan) => {
                rotations::plan_came(self, *plan);
                self.rotations.open = true;
                self.rotations.scroll = 0;
            }
            Reply::PlanChanged(plan) => rotations::plan_came(self, *plan),
            _ => {}
        }
    }

    /// It is known who this is: whoever only answers the hotline begins there.
    fn known(&mut self) {
        if !self.chosen && hotline::is_the_only_work(self) {
            self.go(View::Hotline);
        }
    }

    /// The server's clock: this machine's, corrected by what the server said last.
    pub(crate) fn server_now(&self) -> Timestamp {
        let told = self.identity.value.as_ref().map(|identity| identity.server_time).zip(self.identity.at);
        let told = self.overview.value.as_ref().map(|overview| overview.at).zip(self.overview.at).or(told);
        match told {
            Some((theirs, ours)) => Timestamp::from_micros(self.now.micros() + theirs.micros() - ours.micros()),
            None => self.now,
        }
    }
}

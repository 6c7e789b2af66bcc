//! The codes of figures: what is asked of them, and what they are made of.

use super::{Code, entry};

/// Every one.
pub(super) const CODES: &[Code] = &[
    entry("stats.as-at-before-launch", "the day lies before the platform's first", "give a day from its launch on"),
    entry("stats.as-at-future", "the day has not ended yet", "give a day that has ended, Hong Kong time"),
    entry(
        "stats.known-at-future",
        "nothing has been recorded on that day yet",
        "give a day that has ended, or leave --known-at out",
    ),
    entry("stats.month-before-launch", "the month lies before the platform's first", "give a month from its launch on"),
    entry("stats.month-future", "the month has not begun yet", "give a month that has begun"),
    entry("stats.months-order", "the first month lies after the last", "begin with an earlier month"),
    entry(
        "stats.definition",
        "the definition is not in order, or does not fit the others",
        "mend what is named and give the file again",
    ),
    entry(
        "stats.definition-edited",
        "a definition was edited after it was put on record",
        "give what means something else the next version; 'iamctl stats definitions' shows what is on record",
    ),
    entry("stats.source", "the source of a file of uses has a bad name", "lower-case letters, digits, dots and hyphens"),
    entry("stats.chunk", "a request brings no use or too many", "use iamctl, which divides large files into chunks"),
    entry("stats.use-key", "the key of a use cannot be taken", "1 to 64 printable ASCII characters"),
    entry("stats.use-service", "there is no such service", "'iamctl service list' shows the ids"),
    entry("stats.use-function", "the service does not have that function", "'iamctl service show' shows what it has"),
    entry("stats.use-tier", "nobody completes that function with an account of that tier", "signing takes iam-smart-plus"),
    entry("stats.use-future", "the use lies in the future", "give the moment of the use, with its offset from UTC"),
    entry(
        "stats.use-before-service",
        "the use lies before the service's first day",
        "'iamctl service show' has the day; a wrong one is corrected in the manifest ('since')",
    ),
    entry("stats.use-after-service", "the service was retired before that use", "'iamctl rp history' has the day"),
    entry(
        "stats.use-differs",
        "the key is on record with another event",
        "to correct that one, send a line with a key of its own that names it in 'corrects'",
    ),
    entry("stats.use-corrects", "the event that is corrected is not on record", "give the source and key under which it came"),
    entry("stats.use-corrected", "the event was corrected before", "correct the event that took its place"),
    entry(
        "stats.month-not-ended",
        "the month has not ended in Hong Kong, so that it cannot be closed",
        "wait until an hour after its end, or take an earlier month",
    ),
    entry(
        "stats.known-before-month-end",
        "a month is closed as known at its last day or later",
        "give --known-at from the month's last day on, or leave it out",
    ),
    entry(
        "stats.day-not-final",
        "more may yet be recorded under that day",
        "a day is final an hour after its end in Hong Kong; leave --known-at out for the last final one",
    ),
    entry(
        "stats.still-counting",
        "events of those days wait to be counted, which takes a second",
        "the same again; if it stays so: 'iamctl doctor'",
    ),
    entry(
        "stats.keys-changed",
        "a key of the audit log was rotated while the month was added up; nothing was changed",
        "the same again",
    ),
    entry(
        "stats.frozen-otherwise",
        "the month was closed as known at another day, and stays so",
        "'iamctl stats restate MONTH' shows what came later",
    ),
    entry("stats.not-frozen", "the month is not closed yet", "'iamctl stats freeze MONTH'"),
    entry(
        "stats.denominator",
        "a number from outside is missing, is 0, has no source or contradicts another",
        "give the number, the day it is of and where it was taken from, in the question or with --denominators",
    ),
    entry("stats.service-total", "the uses of a service by another count do not fit", "mend what is named in the question"),
    entry("stats.question", "the question lacks words or answers", "give what is named, words in English and in Chinese"),
    entry(
        "stats.unknown-figure",
        "the question asks for what the ledger does not have",
        "'iamctl stats definitions' lists every figure and table",
    ),
    entry("stats.view", "the view to the unit is the auditor's", "leave --view out, or let an auditor ask"),
    entry("stats.limit", "so many rows are not given", "give --limit from 1 on"),
];

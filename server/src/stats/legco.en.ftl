# The reply to the Legislative Council, in the words of the reply of mid-2022. A test holds the keys equal in both languages.
# $day: "end-May 2022" or "15 May 2022". $said, $plus: a figure in words, "more than 1.3 million". $shown, $plus-shown: its number.

title = Use of the “iAM Smart” platform

accounts-registered = As at { $day }, the “iAM Smart” platform had { $said } registered { $shown ->
        [one] user
       *[other] users
    }, of which { $plus } { $plus-shown ->
        [one] was an “iAM Smart+” user
       *[other] were “iAM Smart+” users
    }.
accounts-registered-plus = Of the registered users of the “iAM Smart” platform as at { $day }, { $said } { $shown ->
        [one] was an “iAM Smart+” user
       *[other] were “iAM Smart+” users
    }.
services-accessible = As at { $day }, { $said } government, public and private online { $shown ->
        [one] service is
       *[other] services are
    } accessible through the “iAM Smart” platform.
usage-total = As at { $day }, { $said } usage { $shown ->
        [one] count is
       *[other] counts are
    } recorded.
usage-private = Up to { $day }, services provided by private organisations have been accessed and used for { $said } { $shown ->
        [one] time
       *[other] times
    } through “iAM Smart”.

users-month = In { $month }, { $said } different { $shown ->
        [one] person
       *[other] people
    } used the “iAM Smart” platform.
hotline-calls = As at { $day }, the 24-hour hotline had received { $said } { $shown ->
        [one] call
       *[other] calls
    }.
suspensions-total = As at { $day }, accounts had been suspended { $said } { $shown ->
        [one] time
       *[other] times
    }.
suspensions-median-time = As at { $day }, half of the suspensions made in a hotline call were made within { $said } { $shown ->
        [one] second
       *[other] seconds
    } of its opening.
suspensions-p95-time = As at { $day }, 95% of the suspensions made in a hotline call were made within { $said } { $shown ->
        [one] second
       *[other] seconds
    } of its opening.
sandbox-participants = As at { $day }, { $said } { $shown ->
        [one] organisation takes
       *[other] organisations take
    } part in the sandbox programme.
# For what has no sentence of its own.
figure = { $name } as at { $day }: { $said }.
share-exact = { $name } as at { $day }: { $percent }% of { $of } ({ $of-day }).
share-about = { $name } as at { $day }: about { $percent }% of { $of } ({ $of-day }).
unavailable = { $name }: not available, because { $because }.
because-since = figures by this definition begin on { $day }
because-no-denominator = no number to take a share of is given for { $day } or a day before
because-no-sandbox = the programme runs on sandbox instances, of which a production instance has no record
because-whole-months = different people are counted by whole months, and the month had not ended
because-none-timed = no account was suspended in a hotline call by that day
because-few = the number is one of a few people or uses, or one from which such a number could be worked out
because-few-timed = so few accounts were suspended in a hotline call by that day that the figure would tell of single cases

# $slope: how many more or fewer each month, in the middle of all pairs of months.
slope = about { $slope }
slope-small = less than 1
trend-steady-rise = { $name }: from { $from } to { $to } the monthly number is on a steady rise, by { $slope } a month.
trend-rise = { $name }: rising from { $from } to { $to }, by { $slope } a month, though not in every month.
trend-no-trend = { $name }: without a clear trend from { $from } to { $to }.
trend-fall = { $name }: falling from { $from } to { $to }, by { $slope } a month, though not in every month.
trend-steady-fall = { $name }: on a steady fall from { $from } to { $to }, by { $slope } a month.
trend-too-short = { $name }: too few whole months for a trend.

column-planned = Services planned
column-rank = Rank
column-share = Share
column-since = { $name } from { $from }
column-share-of-service = Share of all uses of the service

trend-of-uses = Usage counts
trend-of-registered = Registered users
trend-of-users = Users in the month

sector-government = Government
sector-public = Public bodies
sector-private = Private organisations

function-authentication = Authentication
function-form-filling = Form filling
function-signing = Digital signing
function-notification = Notification
function-step-up = Step-up approval

tier-iam-smart = “iAM Smart”
tier-iam-smart-plus = “iAM Smart+”
channel-remote = Own phone
channel-kiosk = Self-registration kiosk
channel-counter = Registration counter
channel-mobile-team = Mobile registration team
way-app = App or page on the same phone
way-qr = QR code
way-backchannel = Asked for by the service’s server
sex-f = Female
sex-m = Male
age-under = Under 11
age-range = { $range }
age-over = { $first } and over
not-recorded = Not recorded
industry-public-utilities = Public utilities
industry-insurance = Insurance
industry-banking-and-financial-services = Banking and financial services
industry-telecommunications = Telecommunications
industry-ict = Information and communications technology
industry-healthcare = Healthcare
industry-other = Other
reason-lost-device = Lost device
reason-stolen-device = Stolen device
reason-suspected-fraud = Suspected fraud
reason-caller-request = At the caller’s request
reason-deceased = Deceased
reason-other = Other
no-industry = Without an industry
no-category = Without a category
total = Total

note-synthetic-data = SYNTHETIC DATA: these are figures of a sandbox instance; no person, account or use in them is real.
note-month-not-ended = { $month } had not ended on { $to }; its figures run up to that day.
note-known-before-as-at = Nothing recorded after { $known } is in these figures.
note-planned = The planned numbers are those of Annex 1 of the paper of 8 June 2020, by mid-2021; they sum to { $sum }, the paper itself says “{ $stated }”.
note-rounding = “More than” and “over” are rounded down, never up, and “about” is the nearest: { $grains }. A number smaller than its grain is rounded to the next smaller power of ten. The exact numbers stand beside the sentences.
note-auditors-view = AUDITOR’S VIEW: every number is shown to the unit. Not for publication.
note-disclosure = Numbers of people or uses in a table that are below { $threshold } and not 0 are left out, and so are others from which they could be worked out, in this report or in one of another month: { $cells ->
        [one] { $cells } is
       *[other] { $cells } are
    } left out here. Totals of the whole platform are shown.
note-within-month = As the month had not ended, the numbers of groups are told up to the end of the month before, and by whole steps of { $threshold } since; they may sum to less than the total.

restate-usage-month = Usage counts of the month
restate-users-month = Different users of the month
restate-accounts-registered = Registered users at the end of the month
restate-late-events = { $count ->
        [one] One event of the month (completed uses: { $completed }) was
       *[other] { $count } events of the month (completed uses: { $completed }) were
    } put on record after { $from }, by { $to }.
restate-corrected-events = { $count ->
        [one] One event of the month (completed uses: { $completed }) was
       *[other] { $count } events of the month (completed uses: { $completed }) were
    } taken off by a correction that was put on record after { $from }, by { $to }.
restate-definition-changed = { $count ->
        [one] One definition has
       *[other] { $count } definitions have
    } a new version since { $from }; the frozen figures keep theirs.
restate-service-changed = { $count ->
        [one] One service comes
       *[other] { $count } services come
    } under another sector, category or industry by what was recorded after { $from }, by { $to }.

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

table-by-sector = Services and usage by sector
table-frequently-used = Frequently used services
table-by-category = Services planned in 2020 and accessible, by category

column-accessible = Services accessible
column-planned = Services planned
column-rank = Rank
column-uses = Usage counts

sector-government = Government
sector-public = Public bodies
sector-private = Private organisations

function-authentication = Authentication
function-form-filling = Form filling
function-signing = Digital signing
function-notification = Notification
function-step-up = Step-up approval

no-category = Without a category
total = Total

note-synthetic-data = SYNTHETIC DATA: these are figures of a sandbox instance; no person, account or use in them is real.
note-month-not-ended = { $month } had not ended on { $to }; its figures run up to that day.
note-known-before-as-at = Nothing recorded after { $known } is in these figures.
note-use = A usage count is one completed use by one person of one function of one service; requests that failed, were refused, timed out or were cancelled are not counted.
note-registered = Registered users are accounts that have been opened and not closed; suspended ones are included.
note-accessible = A service is accessible from its first day of service until it is suspended or retired.
note-planned = The planned numbers are those of Annex 1 of the paper of 8 June 2020, by mid-2021; they sum to { $sum }, the paper itself says “{ $stated }”.
note-rounding = “More than” and “over” are rounded down, never up: registered users to { $registered }, “iAM Smart+” users to { $plus }, services to { $services }, usage counts to { $uses }; “about” is the nearest { $private }. The exact numbers stand beside the sentences.

restate-usage-month = Usage counts of the month
restate-users-month = Different users of the month
restate-accounts-registered = Registered users at the end of the month
restate-late-events = { $count ->
        [one] One event of the month was
       *[other] { $count } events of the month were
    } put on record after { $from }, by { $to }.
restate-corrected-events = { $count ->
        [one] One event of the month was
       *[other] { $count } events of the month were
    } taken off by a correction that was put on record after { $from }, by { $to }.
restate-definition-changed = { $count ->
        [one] One definition has
       *[other] { $count } definitions have
    } a new version since { $from }; the frozen figures keep theirs.
restate-service-changed = { $count ->
        [one] One service comes
       *[other] { $count } services come
    } under another sector, category or industry by what was recorded after { $from }, by { $to }.

# 立法會答覆，用詞依照2022年年中的答覆。
# $day: 「2022年5月底」或「2022年5月15日」。$said、$plus: 以文字表示的數字。

title = 「智方便」平台的使用情況

accounts-registered = 截至{ $day }，「智方便」平台共有{ $said }名登記用戶，當中{ $plus }名為「智方便+」用戶。
accounts-registered-plus = 截至{ $day }，「智方便」平台的登記用戶當中，{ $said }名為「智方便+」用戶。
services-accessible = 截至{ $day }，共有{ $said }政府、公營及私營機構的網上服務可透過「智方便」平台使用。
usage-total = 截至{ $day }，「智方便」平台錄得{ $said }使用。
usage-private = 截至{ $day }，市民透過「智方便」登入及使用私營機構提供的服務{ $said }。

table-by-sector = 按界別劃分的服務及使用次數
table-frequently-used = 較常使用的服務
table-by-category = 按類別劃分的2020年計劃服務及可使用服務

column-accessible = 可使用的服務
column-planned = 計劃的服務
column-rank = 排名
column-uses = 使用次數

sector-government = 政府
sector-public = 公營機構
sector-private = 私營機構

function-authentication = 身份認證
function-form-filling = 填表
function-signing = 數碼簽署
function-notification = 通知
function-step-up = 再次認證

no-category = 沒有類別
total = 總計

note-synthetic-data = 模擬數據：這些是沙盒環境的數字，當中並無真實的人士、帳戶或使用紀錄。
note-month-not-ended = { $to }當日，{ $month }尚未完結；該月數字計算至當日為止。
note-known-before-as-at = 這些數字不包括{ $known }之後記錄的資料。
note-use = 使用次數指一名人士完成使用一項服務的一項功能一次；失敗、被拒絕、逾時或取消的要求不計算在內。
note-registered = 登記用戶指已開立而未取消的帳戶，包括被暫停的帳戶。
note-accessible = 服務由其首個服務日起至被暫停或終止為止，視為可供使用。
note-planned = 計劃服務數目載於2020年6月8日文件附件一，以2021年年中為期；各類別合計{ $sum }項，文件本身則稱「{ $stated }」。
note-rounding = 「超過」的數字一律向下取整：登記用戶以{ $registered }為單位，「智方便+」用戶以{ $plus }為單位，服務以{ $services }為單位，使用次數以{ $uses }為單位；「約」的數字取最接近的{ $private }。準確數字載於各句旁。

restate-usage-month = 該月使用次數
restate-users-month = 該月使用人數
restate-accounts-registered = 月底登記用戶
restate-late-events = 該月有{ $count }項紀錄於{ $from }之後、截至{ $to }才記入。
restate-corrected-events = 該月有{ $count }項紀錄被{ $from }之後、截至{ $to }記入的更正扣除。
restate-definition-changed = 自{ $from }起，有{ $count }項定義有新版本；已凍結的數字沿用原有版本。
restate-service-changed = 按{ $from }之後、截至{ $to }的紀錄，有{ $count }項服務改屬另一界別、類別或行業。

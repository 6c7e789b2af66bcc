# 立法會答覆，用詞依照2022年年中的答覆。
# $day: 「2022年5月底」或「2022年5月15日」。$said、$plus: 以文字表示的數字。

title = 「智方便」平台的使用情況

accounts-registered = 截至{ $day }，「智方便」平台共有{ $said }名登記用戶，當中{ $plus }名為「智方便+」用戶。
accounts-registered-plus = 截至{ $day }，「智方便」平台的登記用戶當中，{ $said }名為「智方便+」用戶。
services-accessible = 截至{ $day }，共有{ $said }政府、公營及私營機構的網上服務可透過「智方便」平台使用。
usage-total = 截至{ $day }，「智方便」平台錄得{ $said }使用。
usage-private = 截至{ $day }，市民透過「智方便」登入及使用私營機構提供的服務{ $said }。

users-month = { $month }共有{ $said }名不同人士使用「智方便」平台。
hotline-calls = 截至{ $day }，24小時熱線共接聽{ $said }來電。
suspensions-total = 截至{ $day }，帳戶共被暫停{ $said }。
suspensions-median-time = 截至{ $day }，在熱線來電中作出的暫停，有一半於來電接聽後{ $said }內完成。
suspensions-p95-time = 截至{ $day }，在熱線來電中作出的暫停，有95%於來電接聽後{ $said }內完成。
sandbox-participants = 截至{ $day }，共有{ $said }機構參與沙盒計劃。
# 沒有專屬句子的數字。
figure = 截至{ $day }，{ $name }：{ $said }。
share-exact = 截至{ $day }，{ $name }佔{ $of }（{ $of-day }）的{ $percent }%。
share-about = 截至{ $day }，{ $name }約佔{ $of }（{ $of-day }）的{ $percent }%。
unavailable = { $name }：未能提供，因為{ $because }。
because-since = 按此定義的數字由{ $day }起計
because-no-denominator = 沒有{ $day }或之前的基數可供計算比例
because-no-sandbox = 該計劃在沙盒環境進行，正式環境並無有關紀錄
because-whole-months = 不同人士的數目按整月計算，而該月尚未完結
because-none-timed = 截至當日並無帳戶在熱線來電中被暫停
because-few = 有關數字涉及的人數或次數過少，或可據以推算該等數字
because-few-timed = 截至當日在熱線來電中被暫停的帳戶過少，公布有關數字會透露個別個案

# $slope: 各對月份之間每月增減數目的中位數。
slope = 約{ $slope }
slope-small = 不足1
trend-steady-rise = { $name }由{ $from }至{ $to }持續上升，每月增加{ $slope }。
trend-rise = { $name }由{ $from }至{ $to }呈上升趨勢，每月增加{ $slope }，但並非每月均有增加。
trend-no-trend = { $name }由{ $from }至{ $to }並無明顯趨勢。
trend-fall = { $name }由{ $from }至{ $to }呈下降趨勢，每月減少{ $slope }，但並非每月均有減少。
trend-steady-fall = { $name }由{ $from }至{ $to }持續下降，每月減少{ $slope }。
trend-too-short = { $name }：完整月份過少，未能顯示趨勢。

column-planned = 計劃的服務
column-rank = 排名
column-share = 比例
column-since = { $name }（由{ $from }起）
column-share-of-service = 佔該服務總使用次數的比例

trend-of-uses = 使用次數
trend-of-registered = 登記用戶
trend-of-users = 當月使用人數

sector-government = 政府
sector-public = 公營機構
sector-private = 私營機構

function-authentication = 身份認證
function-form-filling = 填表
function-signing = 數碼簽署
function-notification = 通知
function-step-up = 再次認證

tier-iam-smart = 「智方便」
tier-iam-smart-plus = 「智方便+」
channel-remote = 個人手機
channel-kiosk = 自助登記站
channel-counter = 登記櫃檯
channel-mobile-team = 流動登記隊
way-app = 同一手機的應用程式或網頁
way-qr = 二維碼
way-backchannel = 由服務的伺服器提出
sex-f = 女
sex-m = 男
age-under = 11歲以下
age-range = { $range }歲
age-over = { $first }歲及以上
not-recorded = 沒有紀錄
industry-public-utilities = 公用事業
industry-insurance = 保險
industry-banking-and-financial-services = 銀行及金融服務
industry-telecommunications = 電訊
industry-ict = 資訊及通訊科技
industry-healthcare = 醫療
industry-other = 其他
reason-lost-device = 遺失裝置
reason-stolen-device = 裝置被竊
reason-suspected-fraud = 懷疑欺詐
reason-caller-request = 應來電者要求
reason-deceased = 用戶離世
reason-other = 其他
no-industry = 沒有行業分類
no-category = 沒有類別
total = 總計

note-synthetic-data = 模擬數據：這些是沙盒環境的數字，當中並無真實的人士、帳戶或使用紀錄。
note-month-not-ended = { $to }當日，{ $month }尚未完結；該月數字計算至當日為止。
note-known-before-as-at = 這些數字不包括{ $known }之後記錄的資料。
note-planned = 計劃服務數目載於2020年6月8日文件附件一，以2021年年中為期；各類別合計{ $sum }項，文件本身則稱「{ $stated }」。
note-rounding = 「超過」的數字一律向下取整，「約」的數字取最接近者：{ $grains }。小於有關單位的數字，以次一級的十進單位取整。準確數字載於各句旁。
note-auditors-view = 審計專用：所有數字均為實數，不得公布。
note-disclosure = 表內低於{ $threshold }而非零的人數或使用次數，以及可據以推算該等數字的其他數字（包括與其他月份的報告比較），均不予顯示；本報告有{ $cells }個數字不予顯示。整個平台的總數照常顯示。
note-within-month = 由於該月尚未完結，各組別的數字計算至上月月底，其後以{ $threshold }為單位遞增；各組別相加或會少於總數。

restate-usage-month = 該月使用次數
restate-users-month = 該月使用人數
restate-accounts-registered = 月底登記用戶
restate-late-events = 該月有{ $count }項紀錄（其中已完成的使用{ $completed }次）於{ $from }之後、截至{ $to }才記入。
restate-corrected-events = 該月有{ $count }項紀錄（其中已完成的使用{ $completed }次）被{ $from }之後、截至{ $to }記入的更正扣除。
restate-definition-changed = 自{ $from }起，有{ $count }項定義有新版本；已凍結的數字沿用原有版本。
restate-service-changed = 按{ $from }之後、截至{ $to }的紀錄，有{ $count }項服務改屬另一界別、類別或行業。

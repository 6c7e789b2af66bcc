# 市民在瀏覽器上看到的網頁。

sandbox = 測試系統：當中的人物及服務均非真實。
other-language = English

login-title = 以「智方便」登入
login-lead = 以下服務要求你登入。請在手機的「智方便」應用程式內回應。
asked-by = 機構
asked-for = 服務
scan-title = 用應用程式掃描
scan-help = 在手機開啟「智方便」應用程式，掃描此二維碼。
scan-label = 二維碼，內容與「開啟應用程式」按鈕相同。
here-title = 正使用手機？
here-help = 如應用程式就在這部裝置上，可由此開啟。
here-button = 開啟應用程式
compare-title = 核對
compare-help = 應用程式顯示的核對碼必須與本頁相同。你亦可在應用程式內輸入此核對碼。
compare-label = 核對碼：{ $letters }
warning = 只有在你自己開始這次登入時才可批准。如有人致電給你或把你引導到這裏，請拒絕。
waits = 你回應後，本頁會自動繼續。本頁等候至香港時間{ $time }。
cancel = 取消並返回

approved-title = 你已批准
approved-next = 現正帶你返回該服務。
over-title = 未有登入
over-next = 現正帶你返回該服務，你可以在那裏重新開始。
go-on = 繼續
done-title = 登入完成
done-next = 該服務已收到你的回應。你可以關閉本頁。

logout-title = 你已登出
logout-done = 你在此服務的登入已結束。在你再次登入之前，該服務不能得知你的任何其他資料。
logout-asks-title = 要登出嗎？
logout-asks = 本網站不會在你的瀏覽器保存任何登入，而該服務亦沒有說明要結束哪一次登入。登入會自行結束；如要立即結束，請在該服務登出，或在應用程式內暫停你的帳戶。
logout-back = 返回該服務

app-title = 請用「智方便」應用程式開啟
app-what = 此網址須由「智方便」應用程式開啟，但這部裝置未有開啟該應用程式。
app-next = 請在手機自行開啟應用程式，再次掃描二維碼，或輸入二維碼旁的核對碼。

error-request-title = 無法開始這次登入
error-request-what = 該服務把你帶到這裏時所附的資料未能通過查核，因此我們不會把你轉往任何網址。沒有人得知你的任何資料。
error-request-next = 請返回該服務重新開始。如再次發生，請通知該服務，並提供以下參考編號。
error-used-title = 此連結已被使用或已過期
error-used-what = 登入連結只可在90秒內開啟一次。沒有人得知你的任何資料。
error-used-next = 請返回該服務重新開始。
error-logout-title = 無法帶你返回
error-logout-what = 該服務把你帶到這裏時所附的返回網址未經登記，因此我們不會把你轉往任何網址。沒有任何改動。
error-logout-next = 請關閉本頁。如再次發生，請通知該服務，並提供以下參考編號。
error-gone-title = 沒有此網頁
error-gone-what = 網址不正確，或所屬的登入早已結束。
error-gone-next = 請返回該服務重新開始。
error-away-title = 請稍後再試
error-away-what = 我們現時未能回應。你已開始的登入會繼續。
error-away-next = 請在數秒後重新載入本頁。
error-failed-title = 我們的系統出現問題
error-failed-what = 沒有任何改動，亦沒有人得知你的任何資料。
error-failed-next = 請返回該服務重新開始。如再次發生，請把以下參考編號告訴我們。
error-detail = 供該服務的開發人員參考：{ $detail }
error-reference = 參考編號：{ $reference }

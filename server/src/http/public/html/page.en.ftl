# The pages that citizens meet in their browser. A test holds the keys equal in both languages.

sandbox = Test system: no person and no service on it is real.
other-language = 繁體中文

login-title = Log in with “iAM Smart”
login-lead = The service below has asked you to log in. You answer in the “iAM Smart” app on your phone.
asked-by = Organisation
asked-for = Service
scan-title = Scan with the app
scan-help = Open the “iAM Smart” app on your phone and scan this code.
scan-label = QR code. It holds the same as the button “Open the app”.
here-title = On this phone?
here-help = If the app is on the device you are reading this on, open it from here.
here-button = Open the app
compare-title = Compare
compare-help = Your app has to show the same code as this page. You can also type it in the app.
compare-label = Comparison code: { $letters }
warning = Approve only if you have started this login yourself. If somebody has called you or sent you here, refuse.
waits = This page goes on by itself once you have answered. It waits until { $time }, Hong Kong time.
cancel = Cancel and go back

approved-title = You have approved
approved-next = You are taken back to the service.
over-title = Not logged in
over-next = You are taken back to the service, where you can start again.
go-on = Continue
done-title = The login is complete
done-next = The service has received your answer. You can close this page.

logout-title = You are logged out
logout-done = Your login at this service has ended. It can learn nothing more about you until you log in again.
logout-asks-title = Log out?
logout-asks = This site keeps no login in your browser, and the service has not said which login is meant. A login ends by itself; to end it now, log out at the service, or suspend your account in the app.
logout-back = Back to the service

app-title = Open this with the “iAM Smart” app
app-what = This address is opened by the “iAM Smart” app. On this device the app did not open.
app-next = Open the app yourself on your phone and scan the QR code again, or type the comparison code that stands beside it.

error-request-title = This login cannot be started
error-request-what = The service has sent you here with something that we could not check, so we send you nowhere. Nobody has learned anything about you.
error-request-next = Go back to the service and start again. If it happens again, tell the service, and give it the reference below.
error-used-title = This link has been used, or is too old
error-used-what = A link to a login can be opened once, within 90 seconds. Nobody has learned anything about you.
error-used-next = Go back to the service and start again.
error-logout-title = We cannot take you back
error-logout-what = The service has sent you here with an address to go back to that it has not registered, so we send you nowhere. Nothing was changed.
error-logout-next = Close this page. If it happens again, tell the service, and give it the reference below.
error-gone-title = There is no such page
error-gone-what = The address is not right, or the login that it belonged to has long ended.
error-gone-next = Go back to the service and start again.
error-away-title = Please try again in a moment
error-away-what = We cannot answer at present. A login that you have started goes on.
error-away-next = Load this page again after some seconds.
error-failed-title = Something went wrong on our side
error-failed-what = Nothing was changed, and nobody has learned anything about you.
error-failed-next = Go back to the service and start again. If it happens again, tell us the reference below.
error-detail = For the service’s developers: { $detail }
error-reference = Reference: { $reference }

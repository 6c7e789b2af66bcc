suspended = Your account { $account } has been suspended since { $time } on { $day }, Hong Kong time. Nobody can log in, fill in forms or sign with it any more.
deceased = The account { $account } has been suspended since { $time } on { $day }, Hong Kong time. Nobody can use it any more. Thank you for telling us.
told = { $parties ->
    [one] The online service that knows this account is being told.
   *[other] The { $parties } online services that know this account are being told.
}
call = The reference of this call is { $call }.
come-back = To use it again, register again with your identity card: with the app on your own phone, at a self-service registration kiosk, at a registration service counter or with a mobile registration team. It cannot be restored over the telephone.
come-back-plus = To sign with iAM Smart+ again, register at a kiosk, at a counter or with a mobile team.

//! Whether a PIN may be tried: once only, and never the last time that the token would take one.

use zeroize::Zeroizing;

use crate::error::PkiError;

/// What a token says about its user's PIN before anybody logs in (the flags of CK_TOKEN_INFO).
#[derive(Clone, Copy, Debug)]
pub(super) struct PinCounter {
    /// CKF_USER_PIN_INITIALIZED.
    pub(super) initialised: bool,
    /// CKF_USER_PIN_LOCKED.
    pub(super) locked: bool,
    /// CKF_USER_PIN_FINAL_TRY: one more wrong PIN locks it.
    pub(super) final_try: bool,
}

impl PinCounter {
    /// Whether the token may be given a PIN at all.
    pub(super) fn lets_try(self) -> Result<(), PkiError> {
        let what = match self {
            Self { initialised: false, .. } => "it has no user PIN yet; initialise it with the maker's own tool",
            Self { locked: true, .. } => "its user PIN is locked; its security officer unlocks it",
            Self { final_try: true, .. } => {
                "one more wrong PIN would lock it, so none is tried; log in to it once with the maker's own tool, then restart"
            }
            _ => return Ok(()),
        };
        Err(PkiError::token_unavailable(what))
    }
}

/// The PIN that the token refused, if it refused one: the same is not tried again by this process.
#[derive(Default)]
pub(super) struct Refused(Option<Zeroizing<String>>);

impl Refused {
    /// Whether this PIN may be tried; `mend` says what to do when it may not.
    pub(super) fn lets_try(&self, pin: &Zeroizing<String>, mend: &str) -> Result<(), PkiError> {
        match &self.0 {
            Some(refused) if refused == pin => Err(PkiError::token_unavailable(format!(
                "it refused this PIN, which is not tried again, lest it be locked; {mend}"
            ))),
            _ => Ok(()),
        }
    }

    /// The token refused it.
    pub(super) fn remember(&mut self, pin: Zeroizing<String>) {
        self.0 = Some(pin);
    }

    /// The token took another one.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn no_pin_is_tried_where_it_could_lock_the_token() {
        let good = PinCounter { initialised: true, locked: false, final_try: false };
        good.lets_try().unwrap();
        for (counter, word) in [
            (PinCounter { final_try: true, ..good }, "would lock it"),
            (PinCounter { locked: true, ..good }, "is locked"),
            (PinCounter { locked: true, final_try: true, ..good }, "is locked"),
            (PinCounter { initialised: false, ..good }, "no user PIN"),
        ] {
            let fault = counter.lets_try().unwrap_err();
            assert!(matches!(fault, PkiError::TokenUnavailable { .. }));
            assert!(fault.to_string().contains(word), "{fault}");
        }
    }

    #[test]
    fn a_refused_pin_stays_refused_until_another_one_is_there() {
        let mut refused = Refused::default();
        refused.lets_try(&pin("1234"), "bring another").unwrap();
        refused.remember(pin("1234"));
        let fault = refused.lets_try(&pin("1234"), "bring another").unwrap_err();
        assert!(!fault.to_string().contains("1234") && fault.to_string().contains("bring another"), "{fault}");
        refused.lets_try(&pin("4321"), "bring another").unwrap();
        refused.remember(pin("4321"));
        refused.lets_try(&pin("1234"), "bring another").unwrap();
        refused.forget();
        refused.lets_try(&pin("4321"), "bring another").unwrap();
    }
}

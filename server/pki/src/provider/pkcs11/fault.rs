//! What a module's return values mean here.

use cryptoki::error::{Error, RvError};

use crate::error::PkiError;

/// What is to be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The session, the login or the token is gone: open it anew.
    Lost,
    /// The PIN is not the right one, or the token takes none: do not give it again.
    PinRefused,
    /// The token cannot do what was asked, today or tomorrow.
    Unable,
    /// It was not done this time.
    Failed,
}

/// Sorts an error.
pub(super) fn meaning(error: &Error) -> Meaning {
    let Error::Pkcs11(value, _) = error else { return Meaning::Failed };
    match value {
        RvError::CryptokiNotInitialized
        | RvError::DeviceError
        | RvError::DeviceMemory
        | RvError::DeviceRemoved
        | RvError::FunctionFailed
        | RvError::GeneralError
        | RvError::KeyHandleInvalid
        | RvError::ObjectHandleInvalid
        | RvError::OperationActive
        | RvError::SessionClosed
        | RvError::SessionCount
        | RvError::SessionHandleInvalid
        | RvError::SlotIdInvalid
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::UserNotLoggedIn => Meaning::Lost,
        RvError::PinExpired
        | RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinLocked
        | RvError::UserPinNotInitialized => Meaning::PinRefused,
        RvError::AttributeTypeInvalid
        | RvError::AttributeValueInvalid
        | RvError::CurveNotSupported
        | RvError::FunctionNotSupported
        | RvError::KeySizeRange
        | RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::TemplateInconsistent
        | RvError::TokenWriteProtected => Meaning::Unable,
        _ => Meaning::Failed,
    }
}

/// The error as others see it. The module's long explanations are left out; the name of the return value is looked up.
pub(super) fn told(error: &Error) -> PkiError {
    match (meaning(error), error) {
        (Meaning::Unable, Error::Pkcs11(value, function)) => {
            PkiError::unfit("the token", format!("its module answered {value:?} to {function:?}"))
        }
        (_, Error::Pkcs11(value, function)) => {
            PkiError::token_unavailable(format!("its module answered {value:?} to {function:?}"))
        }
        (_, other) => PkiError::token_unavailable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn what_is_gone_what_is_refused_and_what_cannot_be() {
        for (value, expected) in [
            (RvError::SessionHandleInvalid, Meaning::Lost),
            (RvError::DeviceRemoved, Meaning::Lost),
            (RvError::UserNotLoggedIn, Meaning::Lost),
            (RvError::PinIncorrect, Meaning::PinRefused),
            (RvError::PinLocked, Meaning::PinRefused),
            (RvError::MechanismInvalid, Meaning::Unable),
            (RvError::DataLenRange, Meaning::Failed),
        ] {
            let error = Error::Pkcs11(value, Function::Sign);
            assert_eq!(meaning(&error), expected, "{value:?}");
            let told = told(&error);
            assert_eq!(matches!(told, PkiError::Unfit { .. }), expected == Meaning::Unable, "{told}");
            assert!(told.to_string().contains(&format!("{value:?} to Sign")), "{told}");
        }
        assert_eq!(meaning(&Error::NullFunctionPointer), Meaning::Failed);
        assert_eq!(
            told(&Error::NullFunctionPointer).to_string(),
            "the token is unavailable: Calling a NULL function pointer; nothing was signed"
        );
    }
}

//! Keys in a PKCS#11 token, with SoftHSM2: they are made there, sign there and cannot be had out of there; a token that is gone
//! is waited for no longer than it may, and a wrong PIN is given once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::provider::pkcs11::{Named, PinSource, Token, TokenSettings};
use pki::{KeyKind, PkiError, PublicKey, SignatureScheme, Signer};
use tests::soft_token::{self, LABEL, PIN, SoftToken};
use zeroize::Zeroizing;

/// The PIN that is in the file just now, and how often it was read.
#[derive(Clone, Default)]
struct PinOnPaper {
    text: Arc<Mutex<String>>,
    read: Arc<AtomicUsize>,
}

impl PinOnPaper {
    fn of(pin: &str) -> Self {
        let paper = Self::default();
        paper.says(pin);
        paper
    }

    fn says(&self, pin: &str) {
        *self.text.lock().unwrap() = pin.to_owned();
    }
}

impl PinSource for PinOnPaper {
    fn pin(&self) -> Result<Zeroizing<String>, PkiError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        Ok(Zeroizing::new(self.text.lock().unwrap().clone()))
    }
}

fn settings() -> TokenSettings {
    TokenSettings { module: soft_token::module(), label: LABEL.to_owned(), deadline: Duration::from_secs(30) }
}

fn token() -> Token {
    Token::new(settings(), PinOnPaper::of(PIN)).unwrap()
}

fn named(name: &'static str) -> impl Fn(&PublicKey) -> Result<String, PkiError> + Send + 'static {
    move |_| Ok(name.to_owned())
}

/// What is the matter with the token.
fn unavailable<T: std::fmt::Debug>(result: Result<T, PkiError>) -> String {
    match result {
        Err(PkiError::TokenUnavailable { what }) => what,
        other => panic!("{other:?}"),
    }
}

macro_rules! with_a_token {
    ($($(#[$attribute:meta])* fn $name:ident($token:ident: &SoftToken) $body:block)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                soft_token::apart(stringify!($name), |$token: &SoftToken| $body);
            }
        )*
    };
}

with_a_token! {
    fn each_kind_is_made_in_the_token_and_signs_as_one_in_a_file_does(_token: &SoftToken) {
        let token = token();
        for (kind, schemes) in [
            (KeyKind::P256, &[SignatureScheme::EcdsaP256Sha256][..]),
            (KeyKind::P384, &[SignatureScheme::EcdsaP384Sha384]),
            (KeyKind::Rsa3072, &[SignatureScheme::RsaPkcs1Sha256, SignatureScheme::RsaPssSha256]),
            (KeyKind::Ed25519, &[SignatureScheme::Ed25519]),
        ] {
            assert!(token.can(kind).unwrap(), "{kind:?}");
            let key = token.generate(kind, named("of the test")).unwrap();
            let public = key.public_key().unwrap();
            assert_eq!(public.kind().unwrap(), kind);
            for scheme in schemes {
                for message in [&b"message"[..], b"", &[7; 100_000]] {
                    let signature = key.sign_with(*scheme, message).unwrap();
                    assert!(public.verifies_with(*scheme, message, &signature).unwrap(), "{kind:?} {scheme:?}");
                }
            }
            let other = if kind == KeyKind::Ed25519 { SignatureScheme::EcdsaP256Sha256 } else { SignatureScheme::Ed25519 };
            assert!(matches!(key.sign_with(other, b"message"), Err(PkiError::Unfit { .. })));
        }
    }

    /// The signature of P-256 is `r || s` in the token; each may begin with zeros or a high bit, which DER writes differently.
    fn a_hundred_signatures_are_all_well_formed(_token: &SoftToken) {
        let key = token().generate(KeyKind::P256, named("of the test")).unwrap();
        let signatures: BTreeSet<Vec<u8>> =
            (0..100u8).map(|n| key.sign_with(SignatureScheme::EcdsaP256Sha256, &[n]).unwrap()).collect();
        assert_eq!(signatures.len(), 100);
    }

    fn a_key_is_found_again_by_its_object_and_destroyed_for_good(_token: &SoftToken) {
        let token = token();
        let one = token.generate(KeyKind::P256, named("operators-1")).unwrap();
        let two = token.generate(KeyKind::P256, named("operators-1")).unwrap();
        assert_ne!(one.object(), two.object(), "two of the same name are two keys");
        let found = token.find(&one.object()).unwrap().unwrap();
        assert_eq!(found.public_key().unwrap(), one.public_key().unwrap());
        token.destroy(&one.object()).unwrap();
        assert!(token.find(&one.object()).unwrap().is_none());
        token.destroy(&one.object()).unwrap();
        let what = unavailable(one.sign_with(SignatureScheme::EcdsaP256Sha256, b"message"));
        assert!(what.contains(&format!("it has no key {}", one.object())), "{what}");
        two.sign_with(SignatureScheme::EcdsaP256Sha256, b"message").unwrap();
        assert!(token.find("no object").is_err());
    }

    fn another_key_than_the_one_on_record_signs_nothing(_token: &SoftToken) {
        let token = token();
        let one = token.generate(KeyKind::P256, named("one")).unwrap();
        let two = token.generate(KeyKind::P256, named("two")).unwrap();
        let crossed = token.key(&one.object(), two.public_key().unwrap()).unwrap();
        let refused = crossed.sign_with(SignatureScheme::EcdsaP256Sha256, b"message").unwrap_err();
        assert!(refused.to_string().contains("not one of this key's"), "{refused}");
    }

    fn a_name_is_told_the_public_half_and_a_pair_without_a_name_is_not_kept(soft: &SoftToken) {
        let token = token();
        let asked = Arc::new(Mutex::new(None));
        let told = Arc::clone(&asked);
        let key = token
            .generate(KeyKind::P256, move |public| {
                *told.lock().unwrap() = Some(public.thumbprint()?);
                public.thumbprint()
            })
            .unwrap();
        assert_eq!(asked.lock().unwrap().clone().unwrap(), key.public_key().unwrap().thumbprint().unwrap());
        assert_eq!(soft.objects(), 2);
        let refused = token.generate(KeyKind::P256, |_| Err(PkiError::token_unavailable("no name")));
        assert_eq!(unavailable(refused), "no name");
        assert_eq!(soft.objects(), 2, "the pair was destroyed");
    }

    fn many_use_a_key_at_once(_token: &SoftToken) {
        let token = token();
        let key = token.generate(KeyKind::P256, named("tokens")).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..16u8 {
                let key = &key;
                scope.spawn(move || {
                    for n in 0..20u8 {
                        key.sign_with(SignatureScheme::EcdsaP256Sha256, &[thread, n]).unwrap();
                    }
                });
            }
        });
        token.standing().unwrap();
    }

    fn a_wrong_pin_is_given_once_until_another_one_is_there(soft: &SoftToken) {
        let paper = PinOnPaper::of("161803");
        let token = Token::new(settings(), paper.clone()).unwrap();
        let what = unavailable(token.probe());
        assert!(what.contains("refused the PIN (PinIncorrect)") && !what.contains("161803"), "{what}");
        // From here on the token would take it: that nothing changes shows that it is not tried.
        soft.initialises("161803");
        for _ in 0..3 {
            let what = unavailable(token.probe());
            assert!(what.contains("refused this PIN") && !what.contains("161803"), "{what}");
            assert_eq!(unavailable(token.standing()), what);
        }
        assert_eq!(paper.read.load(Ordering::Relaxed), 4, "the file is read each time, in case somebody mended it");
        soft.initialises("577215");
        paper.says("577215");
        token.probe().unwrap();
        token.standing().unwrap();
    }

    fn a_refused_pin_is_tried_again_by_a_new_process(soft: &SoftToken) {
        unavailable(Token::new(settings(), PinOnPaper::of("161803")).unwrap().probe());
        soft.initialises("161803");
        Token::new(settings(), PinOnPaper::of("161803")).unwrap().probe().unwrap();
    }

    fn a_token_that_is_taken_out_is_missed_and_works_again_when_it_is_back(soft: &SoftToken) {
        let token = token();
        let key = token.generate(KeyKind::P256, named("of the test")).unwrap();
        let sign = || key.sign_with(SignatureScheme::EcdsaP256Sha256, b"message");
        sign().unwrap();
        for _ in 0..2 {
            soft.is_taken_out();
            unavailable(sign());
            unavailable(token.standing());
            unavailable(token.generate(KeyKind::P256, named("another")));
            soft.is_put_in();
            sign().unwrap();
            token.standing().unwrap();
        }
    }

    fn a_pair_is_not_called_destroyed_while_the_token_is_out(soft: &SoftToken) {
        let token = token();
        let key = token.generate(KeyKind::P256, named("of the test")).unwrap();
        soft.is_taken_out();
        unavailable(token.destroy(&key.object()));
        soft.is_put_in();
        assert!(token.destroy(&key.object()).unwrap());
        assert!(!token.destroy(&key.object()).unwrap(), "it is gone");
        assert_eq!(soft.objects(), 0);
    }

    fn a_key_is_found_by_the_name_that_people_gave_it(_token: &SoftToken) {
        let token = token();
        let root = token.generate(KeyKind::P256, named("root-1")).unwrap();
        let other = token.generate(KeyKind::P256, named("root-1")).unwrap();
        let public = root.public_key().unwrap();
        let found = token.named(&Named::Label("root-1".to_owned()), &public).unwrap();
        assert_eq!(found.len(), 2);
        let fits = found.iter().find(|key| key.public_key().unwrap() == public).unwrap();
        assert_eq!(fits.object(), root.object());
        fits.sign_with(SignatureScheme::EcdsaP256Sha256, b"message").unwrap();
        let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&other.object()[2 * at..2 * at + 2], 16).unwrap()).collect();
        let by_id = token.named(&Named::Id(id), &public).unwrap();
        assert_eq!(by_id.len(), 1);
        assert_eq!(by_id[0].public_key().unwrap(), other.public_key().unwrap(), "the public half is the token's own word");
        assert!(token.named(&Named::Label("root-2".to_owned()), &public).unwrap().is_empty());
    }

    fn what_is_set_wrongly_is_said(_token: &SoftToken) {
        let with = |change: fn(&mut TokenSettings)| {
            let mut settings = settings();
            change(&mut settings);
            Token::new(settings, PinOnPaper::of(PIN)).unwrap()
        };
        let what = unavailable(with(|settings| settings.module = "/usr/lib/no-such-module.so".into()).probe());
        assert!(what.starts_with("its module /usr/lib/no-such-module.so cannot be loaded"), "{what}");
        let what = unavailable(with(|settings| settings.module = "/usr/lib/x86_64-linux-gnu/libm.so.6".into()).probe());
        assert!(what.contains("cannot be loaded"), "{what}");
        let what = unavailable(with(|settings| settings.label = "another".to_owned()).probe());
        assert_eq!(what, "no token labelled 'another' is there");
    }
}

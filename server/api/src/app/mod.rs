//! What citizens' apps and the stations of the registration service say to the public listener, under `/app/v1`: JSON, and problem
//! documents for errors.
//!
//! Every request of an app is signed by the key of its device in the form of a DPoP proof (RFC 9449 section 4.2), in the header
//! `DPoP`: `typ` is `dpop+jwt`, `alg` ES256, `jwk` the device's public key; the claims are `htm`, `htu`, `iat`, `jti`, and with a body
//! `body`, the base64url of its SHA-256. The key's thumbprint (RFC 7638) is all that names the citizen.

pub mod own;
pub mod registration;
pub mod request;

/// Path under which everything of apps and stations lies.
pub const APP_PATH: &str = "/app/v1/";
/// The header with the proof.
pub const PROOF: &str = "dpop";
/// The claim of a proof that binds the body.
pub const BODY_CLAIM: &str = "body";

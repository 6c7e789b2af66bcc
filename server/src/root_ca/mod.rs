//! What the root's key is for, and that it can be kept away: authorities are certified, revoked, and listed on a machine that has the
//! key, in a file or a token, and no database. A request comes to it, an answer goes back. `issue`, `crl` and `revoke` alone read the key.

pub mod answer;
pub mod arguments;
pub mod install;
pub mod key_file;
pub mod papers;
pub mod request;
pub mod sign;
pub mod token;
pub mod words;

mod stock;

pub use stock::root_lists_until;

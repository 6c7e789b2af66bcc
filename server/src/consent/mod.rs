//! What citizens let services know.

pub(crate) mod withdraw;

//! `iamctl sandbox citizen`.

use crate::noun::noun;

mod view;

noun! {
    /// Simulated citizens, each with a virtual phone
    Verbs { Add(add), List(list) }
}

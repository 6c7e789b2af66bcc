//! `iamctl stats`.

mod chart;
mod document;

use crate::noun::noun;

noun! {
    /// Figures: the same database and the same question give the same bytes
    Verbs {
        Legco(legco),
        Usage(usage),
        Top(top),
        Accounts(accounts),
        Trend(trend),
        Definitions(definitions),
        Freeze(freeze),
        Restate(restate),
        Verify(verify),
        Export(export),
        Import(import),
        Run(run),
    }
}

//! `iamctl rp`.

use crate::noun::noun;

noun! {
    /// Relying parties: organisations and their services, brought on board from files
    Verbs {
        Plan(plan),
        Apply(apply),
        Diff(diff),
        List(list),
        Show(show),
        History(history),
        Suspend(suspend),
        Resume(resume);
        Credential(credential),
    }
}

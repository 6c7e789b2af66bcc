//! Figures. The same database and the same question give the same bytes.

mod accounts;
mod events;
mod ledger;
mod legco;
mod months;
mod question;
mod trend;
mod usage;

pub use accounts::{AccountsBy, AccountsReport, AccountsRow};
pub use events::{ExportEvents, ImportUses, ImportedUse, MAX_USES, RawEvent, RawEvents, RawOf, UsesImported};
pub use ledger::{DefinitionRow, ListDefinitions, RecordDefinitions};
pub use legco::{
    Chart, LegcoAnswer, LegcoDefinition, LegcoFigure, LegcoNote, LegcoPart, LegcoReply, LegcoReport, LegcoRow, LegcoTable, Share,
    Unit, View,
};
pub use months::{
    CellDifference, FreezeMonth, FrozenMonth, ListFrozen, RestateMonth, RestateReason, RestateRow, Restatement, Verification,
    VerifyMonth,
};
pub use question::{Asked, Denominator, Planned, Question, QuestionPart, ServiceTotal, ShareOf};
pub use trend::{Trend, TrendMonth, TrendOf, TrendReport};
pub use usage::{TopRow, TopServices, UsageBy, UsageReport, UsageRow};

use crate::Role;

/// Who may see figures.
pub(crate) const READERS: &[Role] = &[Role::Statistician, Role::Administrator, Role::RpOfficer, Role::Auditor];
/// Who makes them final.
pub(crate) const KEEPERS: &[Role] = &[Role::Statistician, Role::Administrator];

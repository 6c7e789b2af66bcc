//! What citizens' apps and the stations of the registration service speak: `/app/v1`, JSON, with problem documents for errors.

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Its paths.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
}

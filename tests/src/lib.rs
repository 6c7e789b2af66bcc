//! Acceptance tests and the world they run in.
//!
//! A behaviour is written once and runs on both engines, see [`both_engines`]. A [`World`] is one instance in a temporary folder
//! with a clock that only moves when a test moves it; when a test is over, the world seals and verifies its audit log and
//! holds the database to the invariants of [`world::invariants`].
//!
//! Invariant: a test that cannot run fails. Nothing here skips.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "support for tests: what cannot go on stops the test"
)]

pub mod browser;
pub mod daemon;
pub mod described;
pub mod fixtures;
pub mod measured;
pub mod party;
pub mod qr;
pub mod soft_token;
pub mod under_way;
pub mod world;

pub use world::{Engine, Setup, World};

/// Writes each behaviour once and runs it on SQLite and on PostgreSQL, as `NAME::sqlite` and `NAME::postgres`.
///
/// ```text
/// both_engines! {
///     async fn an_auditor_may_not_rotate(world: &World) {
///         let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
///         …
///     }
/// }
/// ```
/// `both_engines! { from Setup::today(); async fn …` makes the world another way.
#[macro_export]
macro_rules! both_engines {
    (from $setup:expr; $($(#[$attribute:meta])* async fn $name:ident($world:ident: &World) $body:block)*) => {
        $(
            $(#[$attribute])*
            async fn $name($world: &$crate::World) $body

            mod $name {
                #[test]
                fn sqlite() {
                    $crate::world::run($crate::Engine::Sqlite, { use $crate::Setup; $setup }, super::$name);
                }

                #[test]
                fn postgres() {
                    $crate::world::run($crate::Engine::Postgres, { use $crate::Setup; $setup }, super::$name);
                }
            }
        )*
    };
    ($($(#[$attribute:meta])* async fn $name:ident($world:ident: &World) $body:block)*) => {
        $crate::both_engines! { from Setup::default(); $($(#[$attribute])* async fn $name($world: &World) $body)* }
    };
}

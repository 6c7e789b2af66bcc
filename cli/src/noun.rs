//! One macro for all nouns: a module a verb, a variant a verb, and running it.

/// `noun! { /// help\n Verbs { List(list), Show(show) } }` declares the verbs' modules and the enum clap reads. Nouns below this
/// one stand behind a semicolon, with a `Verbs` of their own: `Verbs { Show(show); Credential(credential) }`.
macro_rules! noun {
    (
        $(#[$meta:meta])* $name:ident {
            $($(#[$of:meta])* $verb:ident($module:ident)),+ $(,)?
            $(; $($noun:ident($below:ident)),+ $(,)?)?
        }
    ) => {
        $(pub mod $module;)+
        $($(pub mod $below;)+)?

        #[derive(Debug, clap::Subcommand)]
        $(#[$meta])*
        pub enum $name {
            $($(#[$of])* $verb($module::$verb),)+
            $($(
                #[command(subcommand)]
                $noun($below::Verbs),
            )+)?
        }

        impl $name {
            /// Runs the verb.
            pub async fn perform(self, session: &$crate::session::Session) -> api::Exit {
                match self {
                    $(Self::$verb(verb) => $crate::verb::perform(verb, session).await,)+
                    $($(Self::$noun(verbs) => verbs.perform(session).await,)+)?
                }
            }
        }
    };
}

pub(crate) use noun;

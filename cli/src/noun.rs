//! One macro for all nouns: a module a verb, a variant a verb, and running it.

/// `noun! { /// help\n Verbs { List(list), Show(show) } }` declares the verbs' modules and the enum clap reads.
macro_rules! noun {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $verb:ident($module:ident)),+ $(,)? }) => {
        $(pub mod $module;)+

        $(#[$meta])*
        #[derive(Debug, clap::Subcommand)]
        pub enum $name {
            $($(#[$of])* $verb($module::$verb),)+
        }

        impl $name {
            /// Runs the verb.
            pub async fn perform(self, session: &$crate::session::Session) -> api::Exit {
                match self {
                    $(Self::$verb(verb) => $crate::verb::perform(verb, session).await,)+
                }
            }
        }
    };
}

pub(crate) use noun;

//! A grammar with the shape of the command line's own: the dashboard is given that one when it is opened.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgGroup, Command, value_parser};
use domain::{
    AccountId, ActivateAt, CallRef, CertificateState, HolderKind, JobId, KeyAlgorithm, KeyPurpose, Kid, PlanRef, RelyingPartyId,
    RevocationReason, Serial, SuspensionReason,
};

fn word<T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(serde_json::Value::String(word)))
}

fn activate(text: &str) -> Result<ActivateAt, String> {
    if text == "now" {
        Ok(ActivateAt::Now)
    } else {
        text.parse().map(ActivateAt::Time).map_err(|_| "a time is wanted".to_owned())
    }
}

/// Text of eighty columns, as the command line's help has it.
const AS_WIDE_AS_A_TERMINAL: &str = "Columns: rp, organisation.en, organisation.zh-Hant, sector, industry, state, ends.";

/// The nouns and verbs that the dashboard knows.
pub fn grammar() -> Command {
    let verb = |name: &'static str, arguments: Vec<Arg>| Command::new(name).args(arguments);
    let rp = || Arg::new("rp").required(true).value_parser(value_parser!(RelyingPartyId));
    let reason_text = || Arg::new("reason").long("reason").required(true);
    let plan = || Arg::new("plan").required(true).value_parser(value_parser!(PlanRef));
    let purpose = || Arg::new("purpose").long("purpose").value_parser(word::<KeyPurpose>(KeyPurpose::WORDS));
    let algorithm = || Arg::new("algorithm").long("algorithm").value_parser(word::<KeyAlgorithm>(KeyAlgorithm::WORDS));
    let line = || Arg::new("line").long("line");
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let kid = || Arg::new("kid").required(true).value_parser(value_parser!(Kid));
    let call = || Arg::new("call").long("call").required(true).value_parser(value_parser!(CallRef));
    let account = || Arg::new("account").required(true).value_parser(value_parser!(AccountId));
    let why = || Arg::new("reason").long("reason").required(true).value_parser(word::<SuspensionReason>(SuspensionReason::WORDS));
    let note = || Arg::new("note").long("note");
    let noun = |name: &'static str, verbs: Vec<Command>| Command::new(name).subcommand_required(true).subcommands(verbs);
    Command::new("iamctl")
        .disable_help_subcommand(true)
        .arg(Arg::new("dry_run").long("dry-run").global(true).action(ArgAction::SetTrue))
        .arg(Arg::new("color").long("color").global(true).default_value("auto"))
        .subcommand(noun(
            "rp",
            vec![
                verb("list", vec![Arg::new("limit").long("limit")]).after_help(AS_WIDE_AS_A_TERMINAL),
                verb("show", vec![rp()]),
                verb("suspend", vec![rp(), reason_text()]),
                verb("resume", vec![rp(), reason_text()]),
            ],
        ))
        .subcommand(noun(
            "key",
            vec![
                verb("list", vec![]),
                verb("show", vec![kid()]),
                verb(
                    "rotate",
                    vec![
                        purpose(),
                        algorithm(),
                        line(),
                        reason_text().required(false),
                        Arg::new("activate").long("activate").value_parser(activate),
                        Arg::new("plan").long("plan").value_parser(value_parser!(PlanRef)),
                        flag("override"),
                        flag("emergency"),
                    ],
                )
                .group(ArgGroup::new("what").args(["purpose", "plan", "emergency"]).required(true).multiple(true)),
                verb(
                    "plan",
                    vec![
                        plan().required(false),
                        purpose(),
                        algorithm(),
                        line(),
                        Arg::new("at").long("at").value_parser(activate),
                        flag("list"),
                    ],
                ),
                verb("pause", vec![plan()]),
                verb("resume", vec![plan(), flag("override"), reason_text().required(false)]),
                verb("abort", vec![plan()]),
                verb(
                    "revoke",
                    vec![
                        kid(),
                        Arg::new("reason")
                            .long("reason")
                            .required(true)
                            .value_parser(word::<RevocationReason>(RevocationReason::WORDS)),
                    ],
                ),
            ],
        ))
        .subcommand(noun(
            "cert",
            vec![
                verb(
                    "list",
                    vec![
                        Arg::new("kind").long("kind").value_parser(word::<HolderKind>(HolderKind::WORDS)),
                        Arg::new("holder").long("holder"),
                        Arg::new("issuer").long("issuer"),
                        Arg::new("profile").long("profile"),
                        Arg::new("state").long("state").value_parser(word::<CertificateState>(CertificateState::WORDS)),
                        Arg::new("within").long("within").value_parser(value_parser!(u32)),
                    ],
                ),
                verb("show", vec![Arg::new("serial").required(true).value_parser(value_parser!(Serial))]),
            ],
        ))
        .subcommand(noun(
            "hotline",
            vec![
                verb("open", vec![]),
                verb(
                    "find",
                    vec![
                        call(),
                        Arg::new("hkic").long("hkic").allow_hyphen_values(true),
                        Arg::new("phone").long("phone").allow_hyphen_values(true),
                        Arg::new("account").long("account").value_parser(value_parser!(AccountId)),
                    ],
                ),
                verb("suspend", vec![account(), call(), why(), note()]),
                verb("close", vec![Arg::new("call").required(true).value_parser(value_parser!(CallRef))]),
            ],
        ))
        .subcommand(noun("account", vec![verb("suspend", vec![account(), call().required(false), why(), note()])]))
        .subcommand(noun(
            "job",
            vec![verb("list", vec![]), verb("cancel", vec![Arg::new("job").required(true).value_parser(value_parser!(JobId))])],
        ))
        .subcommand(noun("stats", vec![verb("legco", vec![])]))
        .subcommand(Command::new("whoami"))
}

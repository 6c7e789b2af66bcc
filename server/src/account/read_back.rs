//! What the agent reads back to the caller: what has happened, the references to write down, and how to come back.

use std::sync::LazyLock;

use anyhow::{Context, anyhow};
use domain::{Account, Bilingual, CallRef, Standing, SuspensionReason, Tier, Timestamp};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

type Words = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<anyhow::Result<Words>> = LazyLock::new(|| words("en", include_str!("read_back.en.ftl")));
static CHINESE: LazyLock<anyhow::Result<Words>> = LazyLock::new(|| words("zh-Hant", include_str!("read_back.zh-Hant.ftl")));

const MINUTE: i64 = 60_000_000;

fn words(language: &str, text: &str) -> anyhow::Result<Words> {
    let language: LanguageIdentifier = language.parse()?;
    let resource =
        FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| anyhow!("the words do not parse: {errors:?}"))?;
    let mut words = Words::new_concurrent(vec![language]);
    // The invisible marks around what is filled in would be read out, or shown as escapes.
    words.set_use_isolating(false);
    words.add_resource(resource).map_err(|errors| anyhow!("the words contradict each other: {errors:?}"))?;
    Ok(words)
}

/// The sentences for a suspended account; `parties` is how many are being told.
pub(super) fn read_back(account: &Account, since: Timestamp, call: Option<CallRef>, parties: usize) -> anyhow::Result<Bilingual> {
    let ids = sentences(account, call, parties);
    let (day, minutes) = (since.hk_day(), (since.micros() - since.hk_day().start().micros()) / MINUTE);
    let (hour, minute) = (minutes / 60, minutes % 60);
    let mut facts = FluentArgs::new();
    facts.set("account", account.id.spoken());
    facts.set("call", call.map(CallRef::spoken).unwrap_or_default());
    facts.set("parties", parties);
    facts.set("day", day.english());
    facts.set("time", format!("{hour:02}:{minute:02}"));
    let en = say(&ENGLISH, &ids, &facts, " ")?;
    facts.set("day", day.chinese());
    facts.set("time", format!("{hour}時{minute:02}分"));
    let zh_hant = say(&CHINESE, &ids, &facts, "")?;
    Ok(Bilingual { en, zh_hant })
}

/// Which sentences fit, in their order.
fn sentences(account: &Account, call: Option<CallRef>, parties: usize) -> Vec<&'static str> {
    let deceased = matches!(account.standing, Standing::Suspended { reason: SuspensionReason::Deceased, .. });
    let mut ids = vec![if deceased { "deceased" } else { "suspended" }];
    if parties > 0 {
        ids.push("told");
    }
    if call.is_some() {
        ids.push("call");
    }
    if !deceased {
        ids.push("come-back");
        if account.tier == Tier::IamSmartPlus {
            ids.push("come-back-plus");
        }
    }
    ids
}

fn say(words: &anyhow::Result<Words>, ids: &[&str], facts: &FluentArgs<'_>, between: &str) -> anyhow::Result<String> {
    let words = words.as_ref().map_err(|error| anyhow!("the read-back has no words: {error}"))?;
    let mut said = Vec::with_capacity(ids.len());
    for id in ids {
        let pattern =
            words.get_message(id).and_then(|message| message.value()).with_context(|| format!("no words for '{id}'"))?;
        let mut errors = Vec::new();
        let sentence = words.format_pattern(pattern, Some(facts), &mut errors).into_owned();
        anyhow::ensure!(errors.is_empty(), "the words for '{id}' do not fill: {errors:?}");
        said.push(sentence);
    }
    Ok(said.join(between))
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, Channel};

    use super::*;

    fn account(tier: Tier, reason: SuspensionReason, since: Timestamp) -> Account {
        Account {
            id: AccountId::from_number(1).unwrap(),
            tier,
            channel: Channel::Kiosk,
            location: Some("post-offices".parse().unwrap()),
            registered_at: since,
            standing: Standing::Suspended { since, reason, call: None },
        }
    }

    fn since() -> Timestamp {
        "2022-05-31T16:05:59Z".parse().unwrap()
    }

    #[test]
    fn a_lost_phone_is_read_back_with_both_references_and_the_way_back() {
        let lost = account(Tier::IamSmart, SuspensionReason::LostDevice, since());
        let said = read_back(&lost, since(), CallRef::from_number(1), 2).unwrap();
        assert_eq!(
            said.en,
            "Your account A 000 000 001 2 has been suspended since 00:05 on 1 June 2022, Hong Kong time. Nobody can log in, fill \
             in forms or sign with it any more. The 2 online services that know this account are being told. The reference of \
             this call is HC 000 001 2. To use it again, register again with your identity card: with the app on your own \
             phone, at a self-service registration kiosk, at a registration service counter or with a mobile registration team. \
             It cannot be restored over the telephone."
        );
        assert_eq!(
            said.zh_hant,
            "你的帳戶 A 000 000 001 2 已於香港時間2022年6月1日0時05分起暫停使用，任何人都不能再用它登入、填表或簽署。\
             我們正通知與這個帳戶有聯繫的 2 個網上服務機構。這次通話的編號是 HC 000 001 2。\
             如要再次使用，請帶同身份證重新登記：可用自己手機上的應用程式，或親臨自助登記站、登記服務櫃位或流動登記隊辦理。帳戶不能經電話恢復。"
        );
    }

    #[test]
    fn only_what_fits_is_said() {
        let plus = account(Tier::IamSmartPlus, SuspensionReason::StolenDevice, since());
        let said = read_back(&plus, since(), None, 1).unwrap();
        assert!(said.en.contains("The online service that knows this account is being told."), "{}", said.en);
        assert!(said.en.ends_with("register at a kiosk, at a counter or with a mobile team."), "{}", said.en);
        assert!(!said.en.contains("call"), "{}", said.en);
        let deceased = account(Tier::IamSmartPlus, SuspensionReason::Deceased, since());
        let said = read_back(&deceased, since(), None, 0).unwrap();
        assert!(said.en.ends_with("Thank you for telling us."), "{}", said.en);
        assert!(said.zh_hant.ends_with("多謝你通知我們。"), "{}", said.zh_hant);
    }

    #[test]
    fn both_languages_have_the_same_sentences() {
        let ids = |text: &str| -> Vec<String> {
            let ids = text.lines().filter(|line| !line.starts_with([' ', '}'])).filter_map(|line| line.split_once(" = "));
            ids.map(|(id, _)| id.to_owned()).collect()
        };
        assert_eq!(ids(include_str!("read_back.en.ftl")), ids(include_str!("read_back.zh-Hant.ftl")));
    }
}

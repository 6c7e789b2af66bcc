//! The renderer's own words, in both languages.

/// A word in both languages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    pub(crate) en: &'static str,
    pub(crate) zh_hant: &'static str,
}

pub(crate) const SYNTHETIC: Word = Word { en: "SYNTHETIC DATA", zh_hant: "模擬數據" };
pub(crate) const NOT_FOR_PUBLICATION: Word =
    Word { en: "AUDITOR’S VIEW, NOT FOR PUBLICATION", zh_hant: "審計版本，不得公開" };
pub(crate) const ASKED: Word = Word { en: "Question", zh_hant: "問題" };
pub(crate) const EXACTLY: Word = Word { en: "exactly", zh_hant: "實數" };
pub(crate) const NOTES: Word = Word { en: "Notes", zh_hant: "附註" };
pub(crate) const DEFINITIONS: Word = Word { en: "Definitions", zh_hant: "定義" };
pub(crate) const DIGEST: Word = Word { en: "Digest", zh_hant: "摘要值" };
pub(crate) const SUPPRESSED: Word = Word {
    en: "–: suppressed, so that nobody learns of a few people.",
    zh_hant: "–：為免透露少數人士的資料，數字不予公布。",
};
pub(crate) const NOT_GIVEN: Word = Word { en: "..: not available.", zh_hant: "..：沒有資料。" };
pub(crate) const SOURCE: Word = Word { en: "Source", zh_hant: "資料來源" };
pub(crate) const VERSION: Word = Word { en: "version", zh_hant: "版本" };

//! The font of a PDF: a Noto face for Hong Kong or Taiwan out of the system, regular and bold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use skrifa::raw::FileRef;
use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider};

/// Where Debian and its relatives put the Noto fonts.
const FOLDERS: &[&str] =
    &["/usr/share/fonts/opentype/noto", "/usr/share/fonts/truetype/noto", "/usr/share/fonts/noto-cjk", "/usr/local/share/fonts"];
/// Files in the order in which they are liked: the regular face, the bold one.
const FILES: &[(&str, &str)] =
    &[("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"), ("NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc")];
/// Endings of the families whose characters are those of Hong Kong, the best first.
const FAMILIES: &[&str] = &[" HK", " TC"];

/// Why there is no font.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// None was found.
    #[error("no font with Chinese characters was found: looked for NotoSansCJK-Regular.ttc and NotoSerifCJK-Regular.ttc in {}", FOLDERS.join(", "))]
    None,
    /// A file that was named cannot be used.
    #[error("the font {} cannot be used: {reason}", file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A face in a file that may hold several.
#[derive(Clone)]
pub(crate) struct Face {
    pub(crate) data: Arc<Vec<u8>>,
    pub(crate) index: u32,
}

impl Face {
    pub(crate) fn font(&self) -> Option<FontRef<'_>> {
        FontRef::from_index(&self.data, self.index).ok()
    }
}

/// The faces of a document.
#[derive(Clone)]
pub struct Fonts {
    pub(crate) regular: Face,
    pub(crate) bold: Face,
    /// What is used, for `doctor`.
    pub name: String,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fonts").field(&self.name).finish()
    }
}

impl Fonts {
    /// The fonts of the system, or the one that is named.
    ///
    /// # Errors
    /// When there is none with Chinese characters.
    pub fn find(named: Option<&Path>) -> Result<Self, FontError> {
        if let Some(file) = named {
            let (face, name) = open(file)?;
            return Ok(Self { regular: face.clone(), bold: face, name });
        }
        for (regular, bold) in FILES {
            for folder in FOLDERS {
                let file = Path::new(folder).join(regular);
                if !file.is_file() {
                    continue;
                }
                let (regular, name) = open(&file)?;
                let bold = Path::new(folder).join(bold);
                let bold = if bold.is_file() { open(&bold)?.0 } else { regular.clone() };
                return Ok(Self { regular, bold, name });
            }
        }
        Err(FontError::None)
    }
}

/// The face of a file for Hong Kong; the only one of a file that has one.
fn open(file: &Path) -> Result<(Face, String), FontError> {
    let unusable = |reason: String| FontError::Unusable { file: file.to_owned(), reason };
    let data = Arc::new(std::fs::read(file).map_err(|error| unusable(error.to_string()))?);
    let parsed = FileRef::new(&data).map_err(|error| unusable(error.to_string()))?;
    let faces: Vec<(u32, String)> =
        (0_u32..).zip(parsed.fonts()).filter_map(|(index, font)| Some((index, family(&font.ok()?)))).collect();
    let liked = FAMILIES.iter().find_map(|ending| faces.iter().find(|(_, family)| family.ends_with(ending)));
    let (index, name) = liked.or(faces.first()).ok_or_else(|| unusable("it holds no face".to_owned()))?.clone();
    let face = Face { data: Arc::clone(&data), index };
    // A font without these would print empty boxes.
    let has = |character: char| face.font().is_some_and(|font| font.charmap().map(character).is_some());
    if !['智', '截', 'a', '0'].into_iter().all(has) {
        return Err(unusable("it has no Chinese characters".to_owned()));
    }
    Ok((face, name))
}

fn family(font: &FontRef<'_>) -> String {
    font.localized_strings(StringId::FAMILY_NAME).english_or_first().map(|name| name.chars().collect()).unwrap_or_default()
}

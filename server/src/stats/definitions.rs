//! What the figures mean. A changed meaning is a new version; the version is printed with the figures.

use std::sync::OnceLock;

use domain::Categories;

/// How many services are named as frequently used.
pub const FREQUENT: u32 = 10;

/// The categories of the catalogue with their planned numbers.
///
/// # Errors
/// When the file that is compiled in cannot be read; a test reads it.
pub fn categories() -> anyhow::Result<&'static Categories> {
    static CATEGORIES: OnceLock<Result<Categories, String>> = OnceLock::new();
    let text = include_str!("../../../fixtures/catalogue/categories.yaml");
    CATEGORIES
        .get_or_init(|| serde_yaml::from_str(text).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| anyhow::anyhow!("the catalogue of categories cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use domain::Category;

    use super::*;

    #[test]
    fn the_catalogue_plans_for_every_category() {
        let categories = categories().unwrap();
        assert!(Category::ALL.iter().all(|category| categories.get(*category).is_some()));
        assert_eq!((categories.planned_sum(), categories.planned.sum, categories.planned.stated), (114, 114, 110));
    }
}

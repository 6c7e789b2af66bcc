//! The command that lets an operator come again.

use crate::store::{OperatorRow, StoreError};

/// The command that makes another enrolment code for somebody on record, as a shell takes it: with the name and the roles that they
/// have, for it gives them those that it names.
///
/// # Errors
/// When the row is damaged.
pub(crate) fn invite_again(row: &OperatorRow) -> Result<String, StoreError> {
    let roles: Vec<&str> = row.roles()?.iter().map(|role| role.as_str()).collect();
    let (id, name, roles) = (&row.id, quoted(&row.name), roles.join(","));
    Ok(format!("'iamctl operator add {id} --name {name} --role {roles}'"))
}

/// In double quotes, within which a shell reads four characters as its own.
fn quoted(name: &str) -> String {
    let mut quoted = String::from('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_quoted_as_a_shell_reads_it() {
        assert_eq!(quoted("Wong's desk"), "\"Wong's desk\"");
        assert_eq!(quoted("a \"b\" $HOME `id` \\"), "\"a \\\"b\\\" \\$HOME \\`id\\` \\\\\"");
    }
}

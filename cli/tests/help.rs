//! The help of every command, as it is printed: a change of words shows in review. Nothing is wider than 80 columns.

use clap::Command;

fn every_help(command: &Command, path: &str, told: &mut String) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" || path == "iamctl") {
        let path = format!("{path} {}", inner.get_name());
        // The flags of every command stand in the help of `iamctl` itself.
        let own = inner.clone().mut_args(|flag| if flag.is_global_set() { flag.hide(true) } else { flag });
        told.push_str(&format!("### {path}\n{}\n", own.clone().render_help()));
        every_help(inner, &path, told);
    }
}

#[test]
fn the_help_of_every_command_is_as_it_was() {
    let mut root = cli::command();
    root.build();
    let mut told = format!("### iamctl\n{}\n", root.clone().render_help());
    every_help(&root, "iamctl", &mut told);
    insta::assert_snapshot!("help", told);
}

#[test]
fn no_help_is_wider_than_eighty_columns_and_every_verb_has_an_example() {
    fn look(command: &Command, path: &str, wide: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name());
            let help = inner.clone().render_help().to_string();
            wide.extend(help.lines().filter(|line| line.chars().count() > 80).map(|line| format!("{path}: {line}")));
            // A line that clap had to break was too long to begin with.
            let after = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
            wide.extend(after.lines().filter(|line| line.chars().count() > 80).map(|line| format!("{path}: {line}")));
            if !inner.has_subcommands() && !inner.is_hide_set() && !after.contains("Examples:") {
                wide.push(format!("{path}: no example"));
            }
            look(inner, &path, wide);
        }
    }
    let mut root = cli::command();
    root.build();
    let mut wide = Vec::new();
    look(&root, "iamctl", &mut wide);
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn the_command_line_holds_together() {
    cli::command().debug_assert();
}

//! Writes the seeds of every target to `corpus/TARGET/`, where cargo-fuzz looks for them.

use std::path::Path;

#[cfg(feature = "server")]
#[path = "../src/browser.rs"]
mod browser;

fn main() -> std::io::Result<()> {
    for target in fuzz::TARGETS {
        write(target.name, (target.seeds)())?;
    }
    #[cfg(feature = "server")]
    write(browser::AUTHORIZE.name, (browser::AUTHORIZE.seeds)())?;
    Ok(())
}

fn write(name: &str, seeds: Vec<Vec<u8>>) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}

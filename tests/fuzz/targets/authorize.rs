#![no_main]

#[path = "../src/browser.rs"]
mod browser;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (browser::AUTHORIZE.run)(bytes);
});

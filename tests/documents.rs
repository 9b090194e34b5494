//! Documents that are made from the table.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

#[test]
fn isa_document_is_what_the_table_says() {
    let path = cbp_system_tests::repository().join("docs/isa.md");
    let mut text = String::new();
    cbp_isa::doc::write_markdown(&mut text).unwrap();
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/isa.md is out of date: run `cbp isa doc --out docs/isa.md`");
}

//! No circle of files inside a crate is new: files that need each other can't be read one after the other. Which file
//! needs which is told by its imports and paths; re-exports are seen through to the file that defines the item.

mod circles;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use circles::Crate;

/// Circles that are still there: the crate, the sizes of its circles from the largest down, and why. Sizes only go
/// down.
const KNOWN: &[(&str, &[usize], &str)] = &[
    ("sender", &[8], "the steps of a partition's work are methods of one type in mod.rs"),
    ("store", &[2], "installing a snapshot replaces what the store holds, and opening the store finishes it"),
];

#[test]
fn no_circle_of_files_is_new() {
    let mut wrong = Vec::new();
    for (name, folder) in crates() {
        let circles = Crate::new(&sources(&folder)).circles();
        let found: Vec<usize> = circles.iter().map(Vec::len).collect();
        let known = KNOWN.iter().find(|(known, ..)| *known == name).map_or(&[][..], |(_, sizes, _)| sizes);
        if found != known {
            wrong.push(format!("{name} has circles of {found:?} files, KNOWN says {known:?}: {circles:#?}"));
        }
    }
    assert!(wrong.is_empty(), "break up new circles, and lower the sizes of those that shrank:\n{}", wrong.join("\n"));
}

#[test]
fn files_that_need_each_other_are_found_by_imports_and_by_paths() {
    let planted = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "pub struct B; fn f() { super::c::g() }"),
        ("c.rs", "use super::{d, a::{self, A as Other}}; pub fn g() { a::h() }"),
        ("d.rs", "pub fn h() {}"),
    ];
    assert_eq!(circles(&planted), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn re_exports_are_seen_through_to_the_file_that_defines_the_item() {
    let planted = [
        ("lib.rs", "mod a; mod room; pub use a::A; pub use room::{One as First, *};"),
        ("a.rs", "use crate::First; pub struct A;"),
        ("room/mod.rs", "mod one; mod two; pub use one::*; pub(crate) use two::Two;"),
        ("room/one.rs", "use super::Two; pub struct One;"),
        ("room/two.rs", "pub struct Two(crate::A);"),
    ];
    assert_eq!(circles(&planted), [["a.rs", "room/one.rs", "room/two.rs"]]);
}

#[test]
fn a_list_of_rooms_needs_a_room_only_when_it_uses_it() {
    let room = ("room/one.rs", "pub fn one() { super::shared() }");
    let lists = ("room/mod.rs", "mod one; pub use one::one; pub fn shared() {}");
    let uses = ("room/mod.rs", "mod one; pub use one::one; pub fn shared() { one() }");
    let root = ("lib.rs", "mod room;");
    assert!(circles(&[root, lists, room]).is_empty());
    assert_eq!(circles(&[root, uses, room]), [["room/mod.rs", "room/one.rs"]]);
}

#[test]
fn names_begin_with_an_alias_or_a_room_and_super_counts_inline_modules() {
    let by_alias = [("a.rs", "use crate::b as other; fn f() { other::g() }"), ("b.rs", "fn g() { crate::a::f() }")];
    assert_eq!(circles(&by_alias), [["a.rs", "b.rs"]]);
    let by_room = [("a.rs", "mod b; fn f() { b::g() }"), ("a/b.rs", "mod inside { fn g() { super::super::f() } }")];
    assert_eq!(circles(&by_room), [["a.rs", "a/b.rs"]]);
    let in_itself =
        [("a.rs", "mod b; fn f() { b::g() }"), ("a/b.rs", "fn f() {} mod inside { fn g() { super::f() } }")];
    assert!(circles(&in_itself).is_empty());
}

#[test]
fn comments_literals_and_unit_tests_are_not_looked_at() {
    let a = ("a.rs", "use crate::b::B; pub struct A;");
    for innocent in [
        "/// As [`crate::a::A`].\npub struct B; // crate::a::A",
        "/* crate::a::A /* crate::a */ crate::a::A */ pub struct B;",
        r##"const B: (&str, char, &str) = ("\" crate::a::A", '"', r#"" crate::a::A"#);"##,
        "pub struct B; #[cfg(test)] mod tests { use crate::a::A; fn f() { {} } }",
    ] {
        assert!(circles(&[a, ("b.rs", innocent)]).is_empty(), "{innocent}");
    }
    for guilty in [
        "#[cfg(test)] mod tests { fn f() { {} } } use crate::a::A;",
        "fn f<'a>(quote: &'a char) -> bool { *quote == '\\'' } use crate::a::A;",
        "fn f() -> impl Sized + use<> { crate::a::A }",
    ] {
        assert_eq!(circles(&[a, ("b.rs", guilty)]), [["a.rs", "b.rs"]], "{guilty}");
    }
}

#[test]
fn binaries_beside_a_library_and_other_crates_make_no_circle() {
    let planted = [
        ("lib.rs", "mod a; pub use a::A;"),
        ("a.rs", "use other::lib::A as B; pub struct A;"),
        ("main.rs", "use product::A;"),
        ("bin/tool.rs", "use product::A;"),
    ];
    assert!(circles(&planted).is_empty());
}

fn circles(planted: &[(&str, &str)]) -> Vec<Vec<String>> {
    let owned = planted.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Crate::new(&owned.collect()).circles()
}

/// Lists the crates of the workspace with their sources.
fn crates() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    let inside = std::fs::read_dir(root.join("crates")).expect("the folder can be read");
    let crates = inside.map(|entry| entry.expect("the folder can be read").path());
    let all = crates.chain(["sandbox", "tests", "bench"].map(|name| root.join(name)));
    all.map(|folder| (name_of(&folder), folder.join("src"))).collect()
}

/// Returns the texts of the sources in a folder by their paths in it.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = name_of(&path);
        if path.is_dir() {
            sources.extend(self::sources(&path).into_iter().map(|(inside, text)| (format!("{name}/{inside}"), text)));
        } else if name.ends_with(".rs") {
            sources.insert(name, std::fs::read_to_string(&path).expect("the source can be read"));
        }
    }
    sources
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("entries have names").to_string_lossy().into_owned()
}

//! What code cites is written down in this repository: every rule that a comment or a message names is defined in
//! `docs/` or among the invariants of ARCHITECTURE.md, nothing cites a text from elsewhere, links lead somewhere, and
//! the glossary has each word once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Where rules may be defined: a list item `- **R1** ...`, or a row `| I1 | ...` of the table of invariants.
const DEFINITIONS: &[&str] = &["docs/lease.md", "docs/promises.md", "ARCHITECTURE.md"];

/// The folders whose files cite rules.
const CITING: &[&str] = &["crates", "sandbox", "tests", "bench", "proto"];

/// The kinds of files that cite rules.
const CITING_EXTENSIONS: &[&str] = &["rs", "proto", "py"];

/// Families of rules, by letter, with the largest number that a citation can have. `P256` is no promise.
const FAMILIES: &[(char, u32)] = &[('R', 99), ('P', 9), ('I', 9)];

/// A text that isn't in this repository. In two parts, because this file is searched by people too.
const ELSEWHERE: &str = concat!("DES", "IGN");

/// This file, whose planted faults are not citations.
const SELF: &str = "t02_docs.rs";

#[test]
fn every_cited_rule_is_defined() {
    let defined = defined();
    let mut faults = Vec::new();
    for file in citing_files() {
        let text = prose_of(&file);
        faults.extend(undefined(&text, &defined).into_iter().map(|fault| format!("{}:{fault}", shown(&file))));
    }
    assert!(faults.is_empty(), "cited, and defined nowhere in {DEFINITIONS:?}:\n{}", faults.join("\n"));
}

#[test]
fn every_rule_is_defined_once() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in DEFINITIONS {
        for rule in definitions(&read(&root().join(file))) {
            places.entry(rule).or_default().push((*file).to_owned());
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "defined more than once: {twice:?}");
    for expected in (1..=14).map(|number| format!("R{number}")).chain((1..=7).map(|number| format!("P{number}"))) {
        assert!(places.contains_key(&expected), "{expected} is defined nowhere");
    }
}

#[test]
fn nothing_cites_a_text_from_elsewhere() {
    let mut faults = Vec::new();
    for file in citing_files() {
        for (number, line) in numbered(&read(&file)) {
            if words(line).any(|word| word == ELSEWHERE) {
                faults.push(format!("{}:{number}: {}", shown(&file), line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{ELSEWHERE} is not in this repository:\n{}", faults.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    for file in files(&root(), &["md"]) {
        for (number, link) in links(&read(&file)) {
            if let Some(fault) = broken(&file, &link) {
                faults.push(format!("{}:{number}: {link}: {fault}", shown(&file)));
            }
        }
    }
    assert!(faults.is_empty(), "broken links:\n{}", faults.join("\n"));
}

#[test]
fn the_glossary_has_each_word_once_and_in_order() {
    let faults = glossary_faults(&read(&root().join("docs/glossary.md")));
    assert!(faults.is_empty(), "docs/glossary.md:\n{}", faults.join("\n"));
}

// --- Rules.

/// Returns every rule that is defined.
fn defined() -> BTreeSet<String> {
    DEFINITIONS.iter().flat_map(|file| definitions(&read(&root().join(file)))).collect()
}

/// Lists the rules that a text defines, in their order.
fn definitions(markdown: &str) -> Vec<String> {
    let item = |line: &str| line.strip_prefix("- **").and_then(|rest| rest.split_once("**")).map(first);
    let row = |line: &str| line.strip_prefix("| ").and_then(|rest| rest.split_once(" |")).map(first);
    // Tables about promises and rules define none; only the invariants stand in one.
    let invariant = |line: &str| row(line).filter(|name| name.starts_with('I'));
    let named = markdown.lines().filter_map(|line| item(line).or_else(|| invariant(line)));
    named.filter(|name| is_rule(name)).collect()
}

fn first((before, _): (&str, &str)) -> String {
    before.to_owned()
}

/// Lists the citations of a text that nothing defines, each with its line.
fn undefined(prose: &str, defined: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in numbered(prose) {
        let cited = words(line).filter(|word| is_rule(word) && !defined.contains(*word));
        faults.extend(cited.map(|rule| format!("{number}: {rule}")));
    }
    faults
}

/// Says whether a word names a rule: a letter of a family and a number from 1 on, without a leading zero.
fn is_rule(word: &str) -> bool {
    FAMILIES.iter().any(|(letter, largest)| {
        let number = word.strip_prefix(*letter).filter(|digits| !digits.starts_with(['0', '+']));
        number.and_then(|digits| digits.parse().ok()).is_some_and(|number: u32| number <= *largest)
    })
}

/// Splits a line into words of letters, digits and underscores.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

// --- What of a file is prose.

/// Returns what of a file is read for citations: comments and texts of Rust and protobuf, all of Python.
fn prose_of(file: &Path) -> String {
    let text = read(file);
    if file.extension().is_some_and(|extension| extension == "py") { text } else { prose(&text) }
}

/// Where the reader of a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    LineComment,
    /// How deep it is nested.
    BlockComment(usize),
    Text,
    /// How many `#` end it.
    RawText(usize),
}

/// Blanks everything but comments and string literals; lines stay where they are.
fn prose(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut kept = String::with_capacity(source.len());
    let mut place = Place::Code;
    let mut at = 0;
    while at < characters.len() {
        let (next, len) = step(place, &characters, at);
        for character in &characters[at..at + len] {
            let blank = place == Place::Code && *character != '\n';
            kept.push(if blank { ' ' } else { *character });
        }
        place = next;
        at += len;
    }
    kept
}

/// Returns where the reader stands after the next few characters, and how many these are.
fn step(place: Place, characters: &[char], at: usize) -> (Place, usize) {
    let rest = &characters[at..];
    match place {
        Place::Code => step_in_code(characters, at),
        Place::LineComment if rest[0] == '\n' => (Place::Code, 1),
        Place::BlockComment(depth) if rest.starts_with(&['*', '/']) => match depth {
            0 | 1 => (Place::Code, 2),
            deeper => (Place::BlockComment(deeper - 1), 2),
        },
        Place::BlockComment(depth) if rest.starts_with(&['/', '*']) => (Place::BlockComment(depth + 1), 2),
        Place::Text if rest[0] == '\\' => (Place::Text, rest.len().min(2)),
        Place::Text if rest[0] == '"' => (Place::Code, 1),
        Place::RawText(hashes) if rest[0] == '"' && hashes_of(&rest[1..]) >= hashes => (Place::Code, 1 + hashes),
        same => (same, 1),
    }
}

fn step_in_code(characters: &[char], at: usize) -> (Place, usize) {
    let rest = &characters[at..];
    let in_a_word = at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
    match rest[0] {
        '/' if rest.starts_with(&['/', '/']) => (Place::LineComment, 2),
        '/' if rest.starts_with(&['/', '*']) => (Place::BlockComment(1), 2),
        '"' => (Place::Text, 1),
        // `br"..."` comes here as well: its `b` is code that was passed over.
        'r' if !in_a_word || characters[at - 1] == 'b' => {
            let hashes = hashes_of(&rest[1..]);
            if rest.get(1 + hashes) == Some(&'"') { (Place::RawText(hashes), 2 + hashes) } else { (Place::Code, 1) }
        }
        '\'' => (Place::Code, character_len(rest)),
        _ => (Place::Code, 1),
    }
}

fn hashes_of(characters: &[char]) -> usize {
    characters.iter().take_while(|character| **character == '#').count()
}

/// Returns how many characters a character literal takes, so that a quote in it begins no text; 1 for a lifetime.
fn character_len(rest: &[char]) -> usize {
    let escaped = rest.get(1) == Some(&'\\');
    let end = match escaped {
        // The character after the backslash may itself be a quote.
        true => rest.iter().skip(3).take(8).position(|character| *character == '\'').map(|found| found + 4),
        false => (rest.get(2) == Some(&'\'')).then_some(3),
    };
    end.unwrap_or(1)
}

// --- Links.

/// Lists the relative links of a Markdown text with their lines, outside of code.
fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in without_code_blocks(markdown) {
        let line = without_code_spans(line);
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let reference = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
        let targets = inline.chain(reference).filter_map(|target| target.split_whitespace().next());
        let relative = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
        found.extend(relative.map(|target| (number, target.to_owned())));
    }
    found
}

/// Says why a link of a file leads nowhere; nothing when it leads somewhere.
fn broken(file: &Path, link: &str) -> Option<String> {
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() { file.to_owned() } else { resolved(file.parent()?, path) };
    if !target.exists() {
        return Some(format!("there is no {}", shown(&target)));
    }
    let fragment = fragment.filter(|_| target.extension().is_some_and(|extension| extension == "md"))?;
    let known = slugs(&read(&target)).iter().any(|slug| slug == fragment);
    (!known).then(|| format!("{} has no heading #{fragment}", shown(&target)))
}

/// Joins a folder and a relative path.
fn resolved(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => drop(joined.pop()),
            Component::CurDir => {}
            other => joined.push(other),
        }
    }
    joined
}

/// Lists the anchors of a Markdown text as GitHub makes them: lower case, without punctuation, hyphens for spaces, a
/// number behind one that was there before.
fn slugs(markdown: &str) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (_, line) in without_code_blocks(markdown) {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if !(1..=6).contains(&level) || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        let slug: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = counts.entry(slug.clone()).or_default();
        found.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    found
}

fn without_code_blocks(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    numbered(markdown).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

fn without_code_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

// --- The glossary.

/// Lists the words of a glossary that stand twice or out of order; a glossary without words is one fault.
fn glossary_faults(markdown: &str) -> Vec<String> {
    let rows = markdown.lines().filter_map(|line| line.strip_prefix("| **"));
    let words: Vec<String> = rows.filter_map(|row| Some(row.split_once("**")?.0.to_lowercase())).collect();
    if words.is_empty() {
        return vec!["there are no words".to_owned()];
    }
    let mut faults = Vec::new();
    for pair in words.windows(2) {
        if pair[0] > pair[1] {
            faults.push(format!("{} stands before {}", pair[0], pair[1]));
        }
    }
    let mut seen = BTreeSet::new();
    faults.extend(words.iter().filter(|word| !seen.insert(*word)).map(|word| format!("{word} stands twice")));
    faults
}

// --- Files.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// Returns a path as it is from the root.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("failed to read {}: {error}", file.display()))
}

fn citing_files() -> Vec<PathBuf> {
    let all = CITING.iter().flat_map(|folder| files(&root().join(folder), CITING_EXTENSIONS));
    all.filter(|file| file.file_name().is_none_or(|name| name != SELF)).collect()
}

/// Lists the files of these kinds below a folder, in order; not what is hidden or built.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
            found.push(path);
        }
    }
    found
}

// --- That the checks fail when they should.

#[test]
fn citations_are_words_of_comments_and_texts() {
    let source =
        "fn f<R1>(p: P2) { // keeps R3, I4-I5\n    let s = \"as P6 \\\" says R7\"; /* R8 /* R9 */ R10 */ R11;\n}";
    let none = BTreeSet::new();
    let cited = undefined(&prose(source), &none);
    assert_eq!(cited, ["1: R3", "1: I4", "1: I5", "2: P6", "2: R7", "2: R8", "2: R9", "2: R10"]);
}

#[test]
fn quotes_in_literals_and_lifetimes_begin_no_text() {
    let source = "let a = '\"'; let b = R1; let c = '\\''; let d: &'static str = R2; let e = r#\"R3 \"R4\"#; R5 // R6";
    assert_eq!(undefined(&prose(source), &BTreeSet::new()), ["1: R3", "1: R4", "1: R6"]);
    assert_eq!(undefined(&prose("br\"R1\" var\"R2\" R3"), &BTreeSet::new()), ["1: R1", "1: R2"]);
}

#[test]
fn only_numbers_of_a_family_are_rules() {
    for rule in ["R1", "R13", "R99", "P9", "I1"] {
        assert!(is_rule(rule), "{rule}");
    }
    for other in ["R0", "R01", "R100", "P10", "P256", "I", "r1", "Q1", "R1a", "P1_", "R+1", ""] {
        assert!(!is_rule(other), "{other}");
    }
}

#[test]
fn a_citation_without_a_definition_is_found() {
    let items = "- **R1** something\n  - **R2** nested is none\n- **R4**: a colon\nsee **R5**";
    let rows = "| I3 | a row | of a table |\n| P8 | no invariant |";
    assert_eq!(definitions(items), ["R1", "R4"]);
    assert_eq!(definitions(rows), ["I3"]);
    let defined = definitions(items).into_iter().collect();
    assert_eq!(undefined("by R1\nby R1-R6", &defined), ["2: R6"]);
}

#[test]
fn broken_links_are_found() {
    let markdown =
        "[a](b.md) `[no](code.md)` [c](d/e.md#f-g \"title\")\n```\n[no](block.md)\n```\n[h]: i.md\n[w](https://x.y/z)";
    let found: Vec<_> = links(markdown).into_iter().map(|(line, link)| format!("{line} {link}")).collect();
    assert_eq!(found, ["1 b.md", "1 d/e.md#f-g", "5 i.md"]);
    let readme = root().join("README.md");
    assert_eq!(broken(&readme, "docs/glossary.md#glossary"), None);
    assert_eq!(broken(&readme, "crates"), None, "a folder is fine");
    assert!(broken(&readme, "docs/no_such_file.md").is_some());
    assert!(broken(&readme, "docs/glossary.md#no-such-heading").is_some());
    assert!(broken(&root().join("docs/lease.md"), "../docs/no_such_file.md").is_some());
    assert!(broken(&readme, "#no-such-heading").is_some());
}

#[test]
fn headings_become_anchors() {
    let markdown = "# What `apply` does, twice\n```\n# code\n```\n## Same\n## Same\n#tag\n### snake_case: P1-P7";
    assert_eq!(slugs(markdown), ["what-apply-does-twice", "same", "same-1", "snake_case-p1-p7"]);
}

#[test]
fn a_word_that_stands_twice_or_out_of_order_is_found() {
    let glossary = |words: &[&str]| words.iter().map(|word| format!("| **{word}** | x | y |\n")).collect::<String>();
    assert_eq!(glossary_faults(&glossary(&["claim", "Group", "held"])), Vec::<String>::new());
    assert_eq!(glossary_faults(&glossary(&["claim", "claim"])), ["claim stands twice"]);
    assert_eq!(glossary_faults(&glossary(&["held", "claim"])), ["held stands before claim"]);
    assert_eq!(glossary_faults("no table"), ["there are no words"]);
}

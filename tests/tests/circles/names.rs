//! What one file says of others: its imports, the paths in its code, and the items that it defines itself.

use std::collections::BTreeSet;

use super::tokens::tokens;

/// A path as it is written, with the module in which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The module, from the root of the crate.
    pub module: Vec<String>,
    /// The words of the path; `*` at the end stands for everything.
    pub words: Vec<String>,
}

/// One name that a `use` brings in.
#[derive(Debug)]
pub struct Import {
    /// Whether others may use it through this file.
    pub public: bool,
    /// The name here; `*` for everything.
    pub name: String,
    /// Where it comes from.
    pub path: Path,
}

/// A file's names.
#[derive(Debug, Default)]
pub struct Names {
    /// What it imports.
    pub imports: Vec<Import>,
    /// The paths in its code; those of one word are left out.
    pub paths: Vec<Path>,
    /// The items that it defines, methods among them.
    pub items: BTreeSet<String>,
    /// Every word of its code outside of imports and module declarations.
    pub words: BTreeSet<String>,
}

/// Words after which an item's name stands.
const ITEMS: [&str; 8] = ["struct", "enum", "trait", "type", "fn", "const", "static", "union"];

/// Reads a file's names; `module` is the one that the file holds.
pub fn names(module: &[String], text: &str) -> Names {
    let tokens = tokens(text);
    let mut names = Names::default();
    // The modules written out inside the file, with the depth of brackets in which each stands.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    while at < tokens.len() {
        let here = || module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        match tokens[at] {
            "use" if next != "<" => {
                let end = at + tokens[at..].iter().position(|token| *token == ";").unwrap_or(tokens.len() - at);
                names.imports.extend(imports(here(), is_public(&tokens[..at]), &tokens[at + 1..end]));
                at = end;
                continue;
            }
            "mod" => {
                if tokens.get(at + 2) == Some(&"{") {
                    inline.push((next.to_owned(), depth));
                }
                at += 2;
                continue;
            }
            "macro_rules" => names.items.extend(tokens.get(at + 2).map(|name| (*name).to_owned())),
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, outer)| *outer < depth);
            }
            word if is_word(word) => {
                if ITEMS.contains(&word) {
                    names.items.insert(next.to_owned());
                }
                let words = path_from(&tokens[at..]);
                at += 2 * (words.len() - 1);
                names.words.extend(words.iter().cloned());
                if words.len() > 1 {
                    names.paths.push(Path { module: here(), words });
                }
            }
            _ => {}
        }
        at += 1;
    }
    names
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Says whether `pub`, or `pub` with its scope, ends these tokens.
fn is_public(before: &[&str]) -> bool {
    match before.last() {
        Some(&")") => before.iter().rev().take(6).any(|token| *token == "pub"),
        last => last == Some(&"pub"),
    }
}

/// Returns the words that `::` joins from here on; at least one.
fn path_from(tokens: &[&str]) -> Vec<String> {
    let mut words = vec![tokens[0].to_owned()];
    let mut rest = &tokens[1..];
    while let [sign, word, after @ ..] = rest
        && *sign == "::"
        && is_word(word)
    {
        words.push((*word).to_owned());
        rest = after;
    }
    words
}

/// Unfolds the tree of one `use`.
fn imports(module: Vec<String>, public: bool, tree: &[&str]) -> Vec<Import> {
    let mut imports = Vec::new();
    // What stands in front of each open bracket, and the path of the branch that is being read.
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut alias = None;
    let mut at = 0;
    while at <= tree.len() {
        match tree.get(at).copied().unwrap_or(",") {
            "{" => open.push(words.clone()),
            "as" => {
                at += 1;
                alias = Some(tree[at].to_owned());
            }
            sign @ ("," | "}") => {
                let leaf = words.len() > open.last().map_or(0, Vec::len);
                if leaf {
                    imports.push(import(&module, public, &words, alias.take()));
                }
                words = open.last().cloned().unwrap_or_default();
                if sign == "}" {
                    open.pop();
                }
            }
            "::" => {}
            word => words.push(word.to_owned()),
        }
        at += 1;
    }
    imports
}

fn import(module: &[String], public: bool, words: &[String], alias: Option<String>) -> Import {
    let mut words = words.to_vec();
    // `a::b::{self}` brings in b, but `self` alone begins a path.
    if words.len() > 1 && words.last().is_some_and(|last| last == "self") {
        words.pop();
    }
    let name = alias.or_else(|| words.last().cloned()).unwrap_or_default();
    Import { public, name, path: Path { module: module.to_vec(), words } }
}

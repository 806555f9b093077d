//! Which file of a crate needs which, and the circles of that.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Import, Names, Path, names};

/// A module's path from the root of the crate.
type Module = Vec<String>;

/// How many re-exports in a row are followed.
const REEXPORTS_MAX: usize = 8;

/// The files of one crate.
pub struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    name: String,
    names: Names,
}

impl Crate {
    /// Reads the sources of a crate: their texts by their paths in its `src`. Of a crate with a library, its binaries
    /// are left out: nothing can need them.
    pub fn new(sources: &BTreeMap<String, String>) -> Crate {
        let root = if sources.contains_key("lib.rs") { "lib.rs" } else { "main.rs" };
        let mut files = BTreeMap::new();
        for (name, text) in sources {
            if let Some(module) = module_of(name, root) {
                let names = names(&module, text);
                files.insert(module, File { name: name.clone(), names });
            }
        }
        Crate { files }
    }

    /// Returns the circles, the largest first: the files of each, in order.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let needs: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|module| (module, self.needs(module))).collect();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            needs.keys().map(|module| (*module, reached_from(module, &needs))).collect();
        let mut circles = BTreeSet::new();
        for (module, reaches) in reached.iter().filter(|(module, reaches)| reaches.contains(*module)) {
            let back = |other: &&&Module| reached[**other].contains(*module);
            let circle: Vec<String> =
                reaches.iter().filter(back).map(|other| self.files[*other].name.clone()).collect();
            circles.insert(circle);
        }
        let mut circles: Vec<Vec<String>> = circles.into_iter().collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    /// Lists the other files that a file needs.
    fn needs(&self, module: &Module) -> BTreeSet<&Module> {
        let names = &self.files[module].names;
        let imported = names.imports.iter().filter(|import| !self.only_passes_on(module, import));
        let imported = imported.filter_map(|import| self.absolute(&import.path));
        let named = names.paths.iter().filter_map(|path| self.absolute_here(names, path));
        let definers = imported.chain(named).filter_map(|path| self.definer(&path, REEXPORTS_MAX));
        definers.filter(|definer| *definer != module).collect()
    }

    /// Says whether an import is there for others alone: a file with rooms of its own re-exports it and doesn't use it.
    fn only_passes_on(&self, module: &Module, import: &Import) -> bool {
        let has_rooms = self.files.keys().any(|other| other.len() == module.len() + 1 && other.starts_with(module));
        import.public && has_rooms && !self.files[module].names.words.contains(&import.name)
    }

    /// Returns a path from the root of the crate; nothing for other crates.
    fn absolute(&self, path: &Path) -> Option<Module> {
        let mut from = path.module.clone();
        let mut words = path.words.as_slice();
        match words {
            [first, rest @ ..] if first == "crate" => (from, words) = (Vec::new(), rest),
            [first, rest @ ..] if first == "self" => words = rest,
            [first, ..] if first == "super" => {
                while let [first, rest @ ..] = words
                    && first == "super"
                {
                    from.pop();
                    words = rest;
                }
            }
            [first, ..] => {
                let room: Module = from.iter().chain([first]).cloned().collect();
                self.files.get(&room)?;
            }
            [] => return None,
        }
        Some(from.into_iter().chain(words.iter().cloned()).collect())
    }

    /// As [`Crate::absolute`], for a path in the code, which may begin with an imported name.
    fn absolute_here(&self, names: &Names, path: &Path) -> Option<Module> {
        let import = names.imports.iter().find(|import| import.name == path.words[0]);
        let Some(import) = import else { return self.absolute(path) };
        let from = self.absolute(&import.path)?;
        Some(from.into_iter().chain(path.words[1..].iter().cloned()).collect())
    }

    /// Returns the file that defines what a path names, through at most `left` re-exports.
    fn definer(&self, path: &[String], left: usize) -> Option<&Module> {
        let len = (0..=path.len()).rev().find(|len| self.files.contains_key(&path[..*len]))?;
        let (module, file) = self.files.get_key_value(&path[..len])?;
        let Some(item) = path.get(len) else { return Some(module) };
        if left == 0 || file.names.items.contains(item) {
            return Some(module);
        }
        let absolute = |import: &Import| self.absolute(&import.path);
        let exact = file.names.imports.iter().find(|import| import.name == *item).and_then(absolute);
        if let Some(found) = exact.filter(|found| found != path) {
            return self.definer(&found, left - 1);
        }
        let globs = file.names.imports.iter().filter(|import| import.name == "*");
        let rooms: Vec<Module> = globs.filter_map(absolute).map(|glob| glob[..glob.len() - 1].to_vec()).collect();
        let defines = |room: &&Module| self.files.get(*room).is_some_and(|file| file.names.items.contains(item));
        match (rooms.iter().find(defines), rooms.as_slice()) {
            (Some(room), _) => self.files.get_key_value(room).map(|(module, _)| module),
            // What a macro defines is not seen: with one glob it can only come from there.
            (None, [room]) => self.definer(room, left - 1),
            _ => Some(module),
        }
    }
}

/// Returns the module that a file holds; nothing for other roots than the one.
fn module_of(name: &str, root: &str) -> Option<Module> {
    let stem = name.strip_suffix(".rs")?;
    let mut module: Module = stem.split('/').map(str::to_owned).collect();
    if name == root {
        return Some(Vec::new());
    }
    if name == "main.rs" || module[0] == "bin" {
        return None;
    }
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    Some(module)
}

fn reached_from<'a>(module: &'a Module, needs: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Module> = needs[module].iter().copied().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(&needs[module]);
        }
    }
    reached
}

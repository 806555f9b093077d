//! The words and signs of a source, without comments, literals, lifetimes and unit tests.

/// Splits a source into words, `::`, and single signs.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skipped_len(rest, first);
        if skipped > 0 {
            rest = &rest[skipped..];
            continue;
        }
        let len = match first {
            _ if is_of_word(first) => word_len(rest),
            _ if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        tokens.push(&rest[..len]);
        rest = &rest[len..];
    }
    without_tests(&tokens)
}

/// Returns the length of what is no token at the start of `rest`; 0 when a token stands there.
fn skipped_len(rest: &str, first: char) -> usize {
    match first {
        _ if first.is_whitespace() => first.len_utf8(),
        '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
        '/' if rest.starts_with("/*") => block_comment_len(rest),
        '"' => string_len(rest),
        '\'' => quote_len(rest),
        'r' | 'b' | 'c' => raw_string_len(rest),
        _ => 0,
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_len(rest: &str) -> usize {
    rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
}

fn block_comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        match (here.starts_with(b"/*"), here.starts_with(b"*/")) {
            (true, _) => (depth, at) = (depth + 1, at + 2),
            (_, true) if depth == 1 => return at + 2,
            (_, true) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn string_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A quote begins a character or a lifetime.
fn quote_len(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => rest[3..].find('\'').map_or(rest.len(), |end| 3 + end + 1),
        (Some(c), Some('\'')) => 1 + c.len_utf8() + 1,
        _ => 1 + word_len(&rest[1..]),
    }
}

fn raw_string_len(rest: &str) -> usize {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix)).unwrap_or_default();
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    if prefix.is_empty() || !after[hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = prefix.len() + hashes + 1;
    rest[inside..].find(&end).map_or(rest.len(), |found| inside + found + end.len())
}

/// Leaves out the blocks of `#[cfg(test)] mod name { .. }`.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if rest.starts_with(&MARK) && rest.get(7) == Some(&"mod") && rest.get(9) == Some(&"{") {
            at += 9 + block_len(&rest[9..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Returns how many tokens the block has that begins here, its brackets included.
fn block_len(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

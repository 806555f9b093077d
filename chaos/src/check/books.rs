//! P3: the accounting closes in every region, and says what callers know. The witness has no listener that is asked.

use super::index::Index;
use super::report::{Check, Promise, Seen};
use crate::history::{Answer, Books, Op};

/// What isn't at an end, in the words of the API and of the accounting.
const OPEN: [&str; 2] = ["waiting", "pending"];

/// accepted = delivered + failed + opted out + expired + held + pending.
pub const BOOKS_CLOSE: Check = Check {
    name: "p3_books_close",
    promise: Promise::P3,
    title: "Every region's accounting adds up",
    of: "regions",
    look: books_close,
};

/// All listeners show the same accounting, and each shows one.
pub const BOOKS_AGREE: Check = Check {
    name: "p3_books_agree",
    promise: Promise::P3,
    title: "All regions have the same accounting",
    of: "regions",
    look: books_agree,
};

/// As many messages were accepted as callers were told, or more by those calls whose outcome they don't know.
pub const BOOKS_COUNT_WHAT_WAS_ACCEPTED: Check = Check {
    name: "p3_books_count_what_was_accepted",
    promise: Promise::P3,
    title: "The accounting has as many messages as callers were told",
    of: "regions",
    look: books_count_what_was_accepted,
};

/// Nothing waits any more once everything is mended, load has ended and time has passed.
pub const EVERYTHING_COMES_TO_REST: Check = Check {
    name: "p3_everything_comes_to_rest",
    promise: Promise::P3,
    title: "No message still waits at the end",
    of: "regions",
    look: everything_comes_to_rest,
};

fn books_close(index: &Index<'_>) -> Seen {
    look(index, |books, listener| {
        let (accepted, sum) = (books.accepted, books.by_status.values().sum::<u64>());
        let apart = tell(books);
        (accepted != sum).then(|| format!("{listener} accepted {accepted} messages and accounts for {sum}: {apart}."))
    })
}

fn books_agree(index: &Index<'_>) -> Seen {
    let Some(first) = index.history.books.first() else { return Seen::default() };
    let mut seen = look(index, |books, listener| {
        let same = books.accepted == first.accepted && statuses(books).eq(statuses(first));
        let (a, b) = (tell(books), tell(first));
        (!same).then(|| format!("{listener} accounts for {a}, but {} for {b}.", index.name(first.listener)))
    });
    for region in index.history.setting.serving() {
        if !index.history.books.iter().any(|books| books.listener == region) {
            seen.violations.push(format!("{} showed no accounting at the end.", index.name(region)));
        }
    }
    seen
}

fn books_count_what_was_accepted(index: &Index<'_>) -> Seen {
    let unknown = index
        .history
        .calls
        .iter()
        .filter(|call| matches!(call.op, Op::Send { .. }) && matches!(call.answer, Answer::Unknown { .. }));
    let least = index.sent.len() as u64;
    let most = least + unknown.count() as u64;
    look(index, |books, listener| {
        let accepted = books.accepted;
        let told = format!("{listener} accepted {accepted} messages, callers know of {least} to {most}.");
        (!(least..=most).contains(&accepted)).then_some(told)
    })
}

fn everything_comes_to_rest(index: &Index<'_>) -> Seen {
    look(index, |books, listener| {
        let open: u64 = OPEN.iter().filter_map(|status| books.by_status.get(*status)).sum();
        (open > 0).then(|| format!("{open} messages still wait at the end, as {listener} accounts for them."))
    })
}

fn look(index: &Index<'_>, mut wrong: impl FnMut(&Books, &str) -> Option<String>) -> Seen {
    let mut seen = Seen::default();
    for books in &index.history.books {
        seen.looked_at += 1;
        seen.violations.extend(wrong(books, &index.name(books.listener)));
    }
    seen
}

/// Returns what there is of each status; one that is missing is zero.
fn statuses(books: &Books) -> impl Iterator<Item = (&String, &u64)> {
    books.by_status.iter().filter(|(_, count)| **count > 0)
}

fn tell(books: &Books) -> String {
    let parts: Vec<String> = statuses(books).map(|(status, count)| format!("{count} {status}")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

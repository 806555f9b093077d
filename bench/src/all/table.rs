//! The table of what was found, as Markdown.

use std::fmt;

/// What is compared with the peers: writes of one size, by one kind of client.
#[derive(Debug, Clone, PartialEq)]
pub struct Writes {
    /// Who wrote them.
    pub who: &'static str,
    /// How many clients there were, each with one write under way.
    pub clients: u64,
    /// Writes per processor second of the servers.
    pub per_cpu_second: f64,
    /// Writes per second.
    pub per_second: f64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
    writes: Vec<Writes>,
}

/// Who is compared with the others.
pub const PRODUCT: &str = "signalbox";

impl Table {
    /// Adds a row, and says it at once, so that a long run shows how far it is.
    pub fn add(&mut self, what: &str, aim: &str, found: String, command: &str) {
        eprintln!("{what}: {found}");
        self.rows.push([what.to_owned(), aim.to_owned(), found, format!("`{command}`")]);
    }

    /// Remembers writes for the comparison.
    pub fn compare(&mut self, writes: Writes) {
        self.writes.push(writes);
    }

    /// Says how the product's writes compare with each peer's at the same number of clients.
    pub fn ratios(&self) -> String {
        let mut lines = Vec::new();
        for ours in self.writes.iter().filter(|writes| writes.who == PRODUCT) {
            let peers = self.writes.iter().filter(|peer| peer.who != PRODUCT && peer.clients == ours.clients);
            lines.extend(peers.map(|peer| {
                format!(
                    "- {} clients: signalbox does {:.2} times as many writes per CPU second as {}, and {:.2} times as \
                     many per second",
                    ours.clients,
                    ours.per_cpu_second / peer.per_cpu_second,
                    peer.who,
                    ours.per_second / peer.per_second
                )
            }));
        }
        lines.join("\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | aim | found | command |\n|---|---|---|---|")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_ratios_are_written() {
        let mut table = Table::default();
        table.add("a", "b", "c".to_owned(), "d");
        assert_eq!(table.to_string(), "| what | aim | found | command |\n|---|---|---|---|\n| a | b | c | `d` |\n");
        for (who, clients, per_second) in [(PRODUCT, 64, 300.0), ("etcd", 64, 100.0), ("etcd", 256, 1.0)] {
            table.compare(Writes { who, clients, per_second, per_cpu_second: per_second / 2.0 });
        }
        let expected = "- 64 clients: signalbox does 3.00 times as many writes per CPU second as etcd, and 3.00 times \
                        as many per second";
        assert_eq!(table.ratios(), expected);
    }
}

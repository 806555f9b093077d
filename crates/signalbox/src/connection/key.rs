//! Which key the calls carry: flags and our own variables first, then AWS's, then the development key, and that only
//! towards this machine.

use std::fmt;

use tonic::metadata::{Ascii, MetadataValue};

use super::address::ListenerAddress;
use crate::dev;
use crate::failure::Failure;

/// The metadata that names the key.
pub const KEY_ID_METADATA: &str = "x-signalbox-key-id";

/// The metadata that holds its secret.
pub const SECRET_METADATA: &str = "x-signalbox-secret";

/// A key and its secret, as metadata values.
#[derive(Clone)]
pub struct Key {
    /// The access key id.
    pub id: MetadataValue<Ascii>,
    /// The secret; marked sensitive.
    pub secret: MetadataValue<Ascii>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Key {
    /// Chooses the key: what was given, else AWS's variables, else the development key if all listeners are on this
    /// machine.
    ///
    /// # Errors
    /// `Usage` when only half of a key is given, when there is none, or when it has characters that no key has.
    pub fn choose(
        given: (Option<&str>, Option<&str>),
        environment: impl Fn(&str) -> Option<String>,
        listeners: &[ListenerAddress],
    ) -> Result<Key, Failure> {
        match given {
            (Some(id), Some(secret)) => return Key::new(id, secret),
            (Some(_), None) => return Err(usage("--key-id is given without --secret (SIGNALBOX_SECRET)")),
            (None, Some(_)) => return Err(usage("--secret is given without --key-id (SIGNALBOX_KEY_ID)")),
            (None, None) => {}
        }
        let aws = |name| environment(name).filter(|value| !value.is_empty());
        match (aws("AWS_ACCESS_KEY_ID"), aws("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Key::new(&id, &secret),
            _ if listeners.iter().all(ListenerAddress::is_loopback) => Ok(Key::development()),
            _ => Err(usage(
                "no key is given: use --key-id and --secret, SIGNALBOX_KEY_ID and SIGNALBOX_SECRET, or \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (the development key serves 127.0.0.1 only)",
            )),
        }
    }

    /// Returns the key of development clusters.
    pub fn development() -> Key {
        Key::new(dev::KEY_ID, dev::SECRET).expect("the development key is of letters, digits and hyphens")
    }

    fn new(id: &str, secret: &str) -> Result<Key, Failure> {
        let id = id.parse().map_err(|_| usage("the key id has characters that no key id has"))?;
        let mut secret: MetadataValue<Ascii> =
            secret.parse().map_err(|_| usage("the secret has characters that no secret has"))?;
        secret.set_sensitive(true);
        Ok(Key { id, secret })
    }
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(given: (Option<&str>, Option<&str>), aws: bool, listener: &str) -> Result<String, Failure> {
        let environment = |name: &str| aws.then(|| format!("value-of-{name}"));
        let key = Key::choose(given, environment, &[listener.parse().unwrap()])?;
        Ok(key.id.to_str().unwrap().to_owned())
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_development_key() {
        assert_eq!(choose((Some("a"), Some("b")), true, "10.0.0.1:1").unwrap(), "a");
        assert_eq!(choose((None, None), true, "127.0.0.1:1").unwrap(), "value-of-AWS_ACCESS_KEY_ID");
        assert_eq!(choose((None, None), false, "127.0.0.1:1").unwrap(), dev::KEY_ID);
    }

    #[test]
    fn the_development_key_never_leaves_this_machine() {
        assert!(matches!(choose((None, None), false, "10.0.0.1:1"), Err(Failure::Usage(_))));
    }

    #[test]
    fn half_a_key_is_refused_and_secrets_are_not_printed() {
        assert!(matches!(choose((Some("a"), None), true, "127.0.0.1:1"), Err(Failure::Usage(_))));
        assert!(matches!(choose((None, Some("b")), true, "127.0.0.1:1"), Err(Failure::Usage(_))));
        assert!(matches!(choose((Some("a\n"), Some("b")), true, "127.0.0.1:1"), Err(Failure::Usage(_))));
        let key = Key::new("a", "hidden").unwrap();
        assert!(!format!("{key:?}{:?}", key.secret).contains("hidden"));
    }
}

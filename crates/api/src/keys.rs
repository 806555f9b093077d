//! The access keys that both listeners accept. Secrets stay in here and in the signature check; they are never printed.

use std::collections::BTreeMap;
use std::fmt;

use policy::{Action, Denied, Grant, Principal, authorize};
use subtle::ConstantTimeEq;

/// An access key: who has it and what it allows.
#[derive(Clone)]
pub struct Key {
    /// The public part, such as `AKIAIOSFODNN7EXAMPLE`.
    pub id: String,
    /// The secret part.
    pub secret: String,
    /// Whose key it is.
    pub principal: Principal,
    /// What its holder may do.
    pub grant: Grant,
}

/// The keys of a cluster by their ids.
#[derive(Debug, Clone, Default)]
pub struct KeyStore {
    keys: BTreeMap<String, Key>,
}

/// Says that two keys have one id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("access key id {0} is given twice")]
pub struct DuplicateKey(pub String);

/// Whoever proved to hold a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What it may do.
    pub grant: Grant,
}

impl KeyStore {
    /// Takes the keys.
    ///
    /// # Errors
    /// When two of them have the same id.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<KeyStore, DuplicateKey> {
        let mut store = KeyStore::default();
        for key in keys {
            if let Some(before) = store.keys.insert(key.id.clone(), key) {
                return Err(DuplicateKey(before.id));
            }
        }
        Ok(store)
    }

    /// Returns the key of an id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// Returns who holds a key, if the secret is the key's; compares in constant time.
    pub fn authenticate(&self, id: &str, secret: &str) -> Option<Caller> {
        let key = self.find(id)?;
        let same: bool = key.secret.as_bytes().ct_eq(secret.as_bytes()).into();
        same.then(|| key.caller())
    }
}

impl Key {
    /// Returns who calls with this key.
    pub fn caller(&self) -> Caller {
        Caller { principal: self.principal.clone(), grant: self.grant.clone() }
    }
}

impl Caller {
    /// Decides whether the caller may perform an action.
    ///
    /// # Errors
    /// When its grant doesn't hold it.
    pub fn may(&self, action: Action) -> Result<(), Denied> {
        authorize(&self.principal, &self.grant, action)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        let principal = Principal { name: "jo".into() };
        Key { id: id.into(), secret: "s3cret".into(), principal, grant: Grant::Everything }
    }

    #[test]
    fn only_the_right_secret_authenticates() {
        let store = KeyStore::new([key("A")]).unwrap();
        assert_eq!(store.authenticate("A", "s3cret").unwrap().principal.name, "jo");
        assert!(store.authenticate("A", "s3cre").is_none());
        assert!(store.authenticate("B", "s3cret").is_none());
    }

    #[test]
    fn one_id_is_one_key() {
        assert_eq!(KeyStore::new([key("A"), key("A")]).unwrap_err(), DuplicateKey("A".into()));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let store = KeyStore::new([key("A")]).unwrap();
        assert!(!format!("{store:?} {:?}", key("A")).contains("s3cret"));
    }
}

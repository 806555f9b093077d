//! The access keys that both listeners accept. Secrets stay in here and in the signature check; they are never printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use policy::{Action, Denied, Grant, Principal, authorize};
use subtle::ConstantTimeEq;

/// An access key: who has it and what it allows.
#[derive(Clone, PartialEq, Eq)]
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

/// The keys of a cluster by their ids. They can be replaced while requests are served.
#[derive(Debug, Default)]
pub struct KeyStore {
    keys: RwLock<ByKeyId>,
}

/// A key of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownKey {
    pub(crate) key: Key,
    /// Its place among the keys of the store, from 0 on; quotas are counted by it. A key keeps it as long as it is
    /// there.
    pub(crate) place: usize,
}

type ByKeyId = BTreeMap<String, Arc<KnownKey>>;

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
        Ok(KeyStore { keys: RwLock::new(placed(keys, &ByKeyId::new())?) })
    }

    /// Puts other keys in the place of the present ones, for all requests that come from now on; says whether anything
    /// differs.
    ///
    /// # Errors
    /// When two of them have the same id; the present ones stay.
    pub fn replace(&self, keys: impl IntoIterator<Item = Key>) -> Result<bool, DuplicateKey> {
        let mut present = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let next = placed(keys, &present)?;
        let changed = *present != next;
        *present = next;
        Ok(changed)
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns the key of an id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<KnownKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Returns a key, if the secret is the key's; compares in constant time.
    pub(crate) fn authenticate(&self, id: &str, secret: &str) -> Option<Arc<KnownKey>> {
        let known = self.find(id)?;
        let same: bool = known.key.secret.as_bytes().ct_eq(secret.as_bytes()).into();
        same.then_some(known)
    }
}

/// Gives each key a place: the one that it has, else the lowest that none has.
fn placed(keys: impl IntoIterator<Item = Key>, present: &ByKeyId) -> Result<ByKeyId, DuplicateKey> {
    let keys: Vec<Key> = keys.into_iter().collect();
    let kept = keys.iter().filter_map(|key| present.get(&key.id)).map(|known| known.place);
    let taken: BTreeSet<usize> = kept.collect();
    let mut free = (0..).filter(|place| !taken.contains(place));
    let mut found = ByKeyId::new();
    for key in keys {
        let place = present.get(&key.id).map(|known| known.place).or_else(|| free.next()).unwrap_or_default();
        if let Some(before) = found.insert(key.id.clone(), Arc::new(KnownKey { key, place })) {
            return Err(DuplicateKey(before.key.id.clone()));
        }
    }
    Ok(found)
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
        assert_eq!(store.authenticate("A", "s3cret").unwrap().key.principal.name, "jo");
        assert!(store.authenticate("A", "s3cre").is_none());
        assert!(store.authenticate("B", "s3cret").is_none());
    }

    #[test]
    fn keys_are_replaced_as_a_whole_or_not_at_all() {
        let store = KeyStore::new([key("A")]).unwrap();
        assert!(!store.replace([key("A")]).unwrap());
        assert!(store.replace([key("B"), key("B")]).is_err());
        assert!(store.authenticate("A", "s3cret").is_some());
        assert!(store.replace([key("B")]).unwrap());
        assert!(store.authenticate("A", "s3cret").is_none());
        assert!(store.authenticate("B", "s3cret").is_some());
    }

    #[test]
    fn a_key_keeps_its_place_and_a_new_one_takes_the_lowest_that_is_free() {
        let store = KeyStore::new(["A", "B", "C"].map(key)).unwrap();
        let place = |id: &str| store.find(id).unwrap().place;
        assert_eq!(["A", "B", "C"].map(place), [0, 1, 2]);
        store.replace(["C", "D", "A", "E"].map(key)).unwrap();
        assert_eq!(["A", "C", "D", "E"].map(place), [0, 2, 1, 3]);
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

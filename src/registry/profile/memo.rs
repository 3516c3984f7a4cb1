//! Compiled profiles that are kept from one version of the registry to the next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::slug::ProfileId;
use crate::integration::{Fault, Profile};

/// Texts kept of one profile: the one in use, and the one that is to take its place.
const TEXTS_MAX: usize = 2;

/// The last texts of each profile as they were compiled, so that a text is compiled once and not with
/// every change of something else. What it gives is what compiling gives.
#[derive(Default)]
pub struct ProfileMemo(Mutex<BTreeMap<ProfileId, Vec<Arc<Profile>>>>);

impl ProfileMemo {
    /// The profile of this text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(&self, id: &ProfileId, text: &str) -> Result<Arc<Profile>, Vec<Fault>> {
        if let Some(known) = self.known(id, text) {
            return Ok(known);
        }
        let compiled = Arc::new(Profile::compile(text)?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(id.clone()).or_default();
        known.truncate(TEXTS_MAX - 1);
        known.insert(0, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// The profile of this text if it was among the last ones compiled under this name.
    #[must_use]
    pub fn known(&self, id: &ProfileId, text: &str) -> Option<Arc<Profile>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id)?.iter().find(|known| known.text() == text).cloned()
    }
}

impl fmt::Debug for ProfileMemo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ProfileMemo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compiled_once_and_another_one_anew() {
        let memo = ProfileMemo::default();
        let id = ProfileId::parse("own").unwrap();
        let text = "profile = \"own\"\n[post.request]\nbody = \"json\"\nfields = { zip = \"zip\" }\n\
                    [post.reply]\nrules = [{ outcome = \"accept\" }]\n";
        let first = memo.compile(&id, text).unwrap();
        assert!(Arc::ptr_eq(&first, &memo.compile(&id, text).unwrap()));
        let other = text.replace("zip = ", "code = ");
        assert_eq!(memo.compile(&id, &other).unwrap().text(), other);
        assert!(memo.known(&id, text).is_some());
        let third = text.replace("zip = ", "area = ");
        memo.compile(&id, &third).unwrap();
        assert!(memo.known(&id, text).is_none());
        assert!(memo.compile(&id, "profile = 7").is_err());
        assert!(memo.known(&id, &other).is_some(), "what is refused takes nothing away");
    }
}

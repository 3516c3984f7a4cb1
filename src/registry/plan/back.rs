//! Going back to an earlier version: what every object was then, it becomes again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::difference::changed_fields;
use super::{Plan, PlanAction, PlanChange};
use crate::domain::object::ObjectKind;
use crate::domain::slug::Slug;
use crate::registry::objects::{RegistryObjects, Stored};

/// What would happen to the objects of `current` so that they are those of `then`, and how they are
/// afterwards. What came later is archived; standings stay as they are.
#[must_use]
pub fn back(current: &RegistryObjects, then: &RegistryObjects) -> (Plan, RegistryObjects) {
    let mut next = current.clone();
    let mut changes = Vec::new();
    go_back(ObjectKind::Vertical, &mut next.verticals, &then.verticals, &mut changes);
    go_back(ObjectKind::Vendor, &mut next.vendors, &then.vendors, &mut changes);
    go_back(ObjectKind::Buyer, &mut next.buyers, &then.buyers, &mut changes);
    go_back(ObjectKind::Campaign, &mut next.campaigns, &then.campaigns, &mut changes);
    go_back(ObjectKind::Tree, &mut next.trees, &then.trees, &mut changes);
    go_back(ObjectKind::Profile, &mut next.profiles, &then.profiles, &mut changes);
    (Plan { changes }, next)
}

fn go_back<K, T: Clone + PartialEq + Serialize>(
    kind: ObjectKind,
    objects: &mut BTreeMap<Slug<K>, Stored<T>>,
    then: &BTreeMap<Slug<K>, Stored<T>>,
    changes: &mut Vec<PlanChange>,
) {
    for (id, now) in objects.iter_mut() {
        let was = then.get(id);
        let becomes = match was {
            Some(was) => was.clone(),
            None => Stored { value: now.value.clone(), is_archived: true },
        };
        if *now == becomes {
            continue;
        }
        let action = match (now.is_archived, becomes.is_archived) {
            (false, true) => PlanAction::Archive,
            (true, false) => PlanAction::Restore,
            _ => PlanAction::Update,
        };
        let fields = changed_fields(&now.value, &becomes.value);
        changes.push(PlanChange { kind, id: id.to_string(), action, fields, kept: Vec::new() });
        *now = becomes;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::vendor::Vendor;

    fn objects(vendors: &[(&str, &str, bool)]) -> RegistryObjects {
        let mut objects = RegistryObjects::default();
        for (id, name, is_archived) in vendors {
            let value: Vendor = serde_json::from_value(json!({"name": name})).unwrap();
            let is_archived = *is_archived;
            objects.vendors.insert(Slug::parse(id).unwrap(), Stored { value, is_archived });
        }
        objects
    }

    #[test]
    fn every_object_becomes_what_it_was_and_what_came_later_is_archived() {
        let then = objects(&[("a", "A", false), ("b", "B", false), ("c", "C", true)]);
        let now =
            objects(&[("a", "A", false), ("b", "Bee", true), ("c", "C", false), ("d", "D", false)]);
        let (plan, next) = back(&now, &then);
        let lines: Vec<_> = plan
            .changes
            .iter()
            .map(|change| format!("{} {} {:?}", change.action.as_str(), change.id, change.fields))
            .collect();
        assert_eq!(lines, [r#"restore b ["name"]"#, "archive c []", "archive d []"]);
        let mut expect = then;
        let d = objects(&[("d", "D", true)]).vendors;
        expect.vendors.extend(d);
        assert!(next == expect);
        assert!(back(&next, &expect).0.is_empty());
    }
}

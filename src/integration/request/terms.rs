//! What a profile defines once for all its requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::source::Vocabulary;
use super::step::ValueMap;
use crate::domain::time::Zone;

/// Named maps and lists, and the zone of times.
#[derive(Debug, Clone, Default)]
pub(in crate::integration) struct Terms {
    /// The zone in which times are written.
    pub(in crate::integration) zone: Zone,
    /// `[value_maps]`.
    pub(in crate::integration) maps: BTreeMap<String, ValueMap>,
    /// What the names of sources mean.
    pub(in crate::integration) vocabulary: Vocabulary,
    /// `[lists]`.
    pub(in crate::integration) lists: BTreeMap<String, Arc<BTreeSet<String>>>,
}

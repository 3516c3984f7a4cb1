//! How much of a reply, and of what a profile says about replies, is ever looked at.

/// The deepest nesting of a document that is read.
pub const DEPTH_MAX: usize = 32;
/// The most nodes of a document: values of JSON, elements and texts of XML.
pub const NODES_MAX: usize = 20_000;
/// The most attributes of one XML element.
pub const ATTRIBUTES_MAX: usize = 64;
/// The most pairs of a reply in form format.
pub const PAIRS_MAX: usize = 512;
/// The most places that one path finds; the rest are not looked at.
pub const MATCHES_MAX: usize = 256;
/// The longest text that a source brings, in bytes; a longer one breaks what it is used for.
pub const VALUE_BYTES_MAX: usize = 16_384;
/// The longest path or pattern of a profile, in bytes.
pub const PATH_BYTES_MAX: usize = 1_024;
/// The most steps of one path, its predicates counted.
pub const PATH_STEPS_MAX: usize = 32;
/// The largest compiled pattern, in bytes, and what matching it may keep.
pub const PATTERN_BYTES_MAX: usize = 1 << 17;
/// The most matching of one reply: of every use of a pattern its compiled size in 4,096 bytes, rounded up
/// to a power of two, times the bytes of the text.
pub const MATCH_WORK_MAX: usize = 400_000;
/// The most patterns of one reply: each takes memory as long as the profile is in use.
pub const PATTERNS_MAX: usize = 64;
/// The most visits of values or elements on the ways of all paths through one document; a reply on
/// which they need more is broken.
pub const VISITS_MAX: usize = 5_000_000;
/// The most sources of one reply: paths, names, and what is made from them.
pub const SOURCES_MAX: usize = 1_024;
/// The most sources that one is made from.
pub const ALTERNATIVES_MAX: usize = 64;
/// The longest way from a source to the reply, over the sources that it is made from.
pub const SOURCE_DEPTH_MAX: usize = 16;
/// The most documents of one reply: the body, and texts in it.
pub const DOCUMENTS_MAX: usize = 16;
/// The most named extracts of one reply.
pub const EXTRACTS_MAX: usize = 64;
/// The most rules of one reply.
pub const RULES_MAX: usize = 64;
/// The most comparisons of one rule, nested ones counted.
pub const COMPARISONS_MAX: usize = 64;
/// The deepest nesting of `any`, `all` and `not`.
pub const CONDITION_DEPTH_MAX: usize = 8;
/// The most steps that prepare a reply's text.
pub const STEPS_MAX: usize = 8;
/// The most bids taken from one reply, as in the native format.
pub const BIDS_PER_REPLY_MAX: usize = 16;
/// The most items of a reply that are looked at for bids.
pub const ITEMS_MAX: usize = 64;
/// The longest reference of a bid, in bytes, all its parts together.
pub const REFERENCE_BYTES_MAX: usize = 512;
/// The most named parts of a reference.
pub const REFERENCE_PARTS_MAX: usize = 8;
/// The longest legal name of a bid, in bytes.
pub const LEGAL_NAME_BYTES_MAX: usize = 200;
/// The longest telephone number of a bid for a call, in bytes.
pub const PHONE_BYTES_MAX: usize = 64;
/// The longest buyer's lead id, redirect URL, token or captured text, in bytes.
pub const ANSWER_TEXT_BYTES_MAX: usize = 2_048;
/// The most texts captured for a further call.
pub const CAPTURES_MAX: usize = 16;
/// What is kept of a buyer's own words, in bytes.
pub const REASON_BYTES_MAX: usize = 500;
/// The longest life of a bid or token that is believed, in seconds: one day.
pub const LIFE_S_MAX: u32 = 86_400;

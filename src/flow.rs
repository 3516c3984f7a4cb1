//! The flow: the only place where the steps of a sale are put in order.
//!
//! Read [`sell`] first: it is the whole business on one page. [`fanout`] asks, [`cascade`] fills a
//! seat, [`deliver`] sends a post, `by_profile` either in
//! the buyer's own format, [`offer`] and [`take`] are the pause in between when a vendor
//! pings before it posts, [`resolve`] finds out what became of one, [`recover`] goes on where a dead
//! node stopped, [`leases`] knows what is ours, [`store_watch`] whether the store answers, [`custody`] shares day keys, [`outbox`] settles, [`events`] tells; [`endpoints`] registers buyers' endpoints and [`challenge`]
//! proves them. The rules themselves stand in the pure stages; this module must not know any wire
//! format, database, web framework or file.

pub mod administer;
pub mod breaker;
mod by_call;
mod by_profile;
pub mod cascade;
pub mod challenge;
pub mod closing;
pub mod custody;
pub mod deliver;
pub mod endpoints;
pub mod event_endpoints;
pub mod events;
pub mod exchange;
pub mod fanout;
mod holds;
pub mod leases;
mod news;
pub mod offer;
pub mod operator_word;
pub mod outbox;
pub mod outcomes;
pub mod plan;
mod posting;
pub mod recover;
pub mod rehearsal;
pub mod resolve;
pub mod room;
pub mod run;
pub mod sell;
pub mod stop;
pub mod store_time;
pub mod store_watch;
pub mod take;
pub mod tasks;
pub mod unknown;
pub mod waiting;

pub use exchange::{Exchange, ExchangeParts};
pub use sell::SellReply;

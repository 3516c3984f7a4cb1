//! The scripts: one file for each operation, with what several of them share before it.
//!
//! The first line says what a script may do, and the server holds it to that. None may touch two
//! slots.

use std::sync::LazyLock;

/// One script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Read,
    Due,
    Claim,
    Renew,
    Postpone,
    Decide,
    Offer,
    Take,
    ExpireOffer,
    Intent,
    Outcome,
    Finish,
    Unresolved,
    Append,
    Hold,
    Capture,
    Void,
    Credit,
    Balance,
    ClaimDuplicate,
    FreeDuplicate,
    IndexAccount,
    Install,
}

/// When a server may run a script.
#[derive(Debug, Clone, Copy)]
enum Admission {
    /// It writes nothing: always.
    Reads,
    /// It finishes what was taken in before: also while there is no memory for more.
    Finishes,
    /// It brings new work: not while there is no memory for more.
    Begins,
}

/// A script by its text and by the digest that servers know it by.
#[derive(Debug)]
pub(super) struct Script {
    /// The operation.
    pub(super) name: &'static str,
    /// The whole text.
    pub(super) text: String,
    /// Its SHA-1 in hexadecimal.
    pub(super) sha: String,
}

/// What a script is made of: its name, when it may run, what it shares with others, its own text.
struct Source(&'static str, Admission, &'static [&'static str], &'static str);

const CLOCK: &str = include_str!("scripts/clock.lua");
const LEAD: &str = include_str!("scripts/lead.lua");
const RANKING: &str = include_str!("scripts/ranking.lua");
const ACCOUNT: &str = include_str!("scripts/account.lua");
const CAPS: &str = include_str!("scripts/caps.lua");
const SETTLE: &str = include_str!("scripts/settle.lua");

/// In the order of [`Operation`].
const SOURCES: [Source; 24] = {
    use Admission::{Begins, Finishes, Reads};
    const ON_LEADS: &[&str] = &[LEAD];
    const ON_RANKINGS: &[&str] = &[LEAD, RANKING];
    const ON_HOLDS: &[&str] = &[ACCOUNT, CAPS, SETTLE];
    [
        Source("create", Begins, ON_LEADS, include_str!("scripts/create.lua")),
        Source("read", Reads, &[], include_str!("scripts/read.lua")),
        Source("due", Reads, &[], include_str!("scripts/due.lua")),
        Source("claim", Finishes, ON_LEADS, include_str!("scripts/claim.lua")),
        Source("renew", Finishes, ON_LEADS, include_str!("scripts/renew.lua")),
        Source("postpone", Finishes, ON_LEADS, include_str!("scripts/postpone.lua")),
        Source("decide", Finishes, ON_RANKINGS, include_str!("scripts/decide.lua")),
        Source("offer", Finishes, ON_RANKINGS, include_str!("scripts/offer.lua")),
        Source("take", Begins, ON_LEADS, include_str!("scripts/take.lua")),
        Source("expire_offer", Finishes, ON_LEADS, include_str!("scripts/expire_offer.lua")),
        Source("intent", Finishes, ON_LEADS, include_str!("scripts/intent.lua")),
        Source("outcome", Finishes, ON_LEADS, include_str!("scripts/outcome.lua")),
        Source("finish", Finishes, ON_LEADS, include_str!("scripts/finish.lua")),
        Source("unresolved", Finishes, ON_LEADS, include_str!("scripts/unresolved.lua")),
        Source("append", Finishes, ON_LEADS, include_str!("scripts/append.lua")),
        Source("hold", Finishes, &[ACCOUNT, CAPS], include_str!("scripts/hold.lua")),
        Source("capture", Finishes, ON_HOLDS, include_str!("scripts/capture.lua")),
        Source("void", Finishes, ON_HOLDS, include_str!("scripts/void.lua")),
        Source("credit", Finishes, &[ACCOUNT], include_str!("scripts/credit.lua")),
        Source("balance", Reads, &[ACCOUNT], include_str!("scripts/balance.lua")),
        Source("claim_duplicate", Begins, &[], include_str!("scripts/claim_duplicate.lua")),
        Source("free_duplicate", Finishes, &[], include_str!("scripts/free_duplicate.lua")),
        Source("index_account", Finishes, &[], include_str!("scripts/index_account.lua")),
        // A node must start while there is no memory for more: it has leads to finish.
        Source("install", Finishes, &[], include_str!("scripts/install.lua")),
    ]
};

static SCRIPTS: LazyLock<Vec<Script>> = LazyLock::new(|| SOURCES.iter().map(Script::of).collect());

impl Script {
    fn of(source: &Source) -> Self {
        let Source(name, admission, shared, own) = source;
        let first_line = match admission {
            Admission::Reads => "#!lua flags=no-writes",
            Admission::Finishes => "#!lua flags=allow-oom",
            Admission::Begins => "#!lua",
        };
        let mut parts = vec![first_line, CLOCK];
        parts.extend_from_slice(shared);
        parts.push(own);
        let text = parts.join("\n");
        let sha = redis::Script::new(&text).get_hash().to_owned();
        Self { name, text, sha }
    }
}

impl Operation {
    /// Its script.
    pub(super) fn script(self) -> &'static Script {
        &SCRIPTS[self as usize]
    }
}

/// All of them.
pub(super) fn all() -> &'static [Script] {
    &SCRIPTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_own_script() {
        let names = [
            (Operation::Create, "create"),
            (Operation::Take, "take"),
            (Operation::Append, "append"),
            (Operation::Credit, "credit"),
            (Operation::Install, "install"),
        ];
        for (operation, name) in names {
            assert_eq!(operation.script().name, name);
        }
        assert_eq!(Operation::Install as usize + 1, SOURCES.len());
    }
}

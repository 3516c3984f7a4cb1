//! The calls of a profile, and what each of them may see.

use std::fmt;

use serde::Serialize;

/// One of the calls that are made to a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Gets a token for the calls that follow; of no lead.
    Login,
    /// Asks or tells something before the ping, of the same anonymous lead.
    Preping,
    /// Asks for a bid.
    Ping,
    /// Sends the lead to a winner.
    Post,
    /// A second post, which a reply to the first asked for.
    Confirm,
    /// Asks what became of a post.
    Status,
    /// Tells a loser what the lead was sold for.
    LoserNotice,
    /// Tells the buyer how a sale went on, for instance how long a call was.
    Completion,
}

/// Every phase, in the order of a lead's way.
pub const PHASES: [Phase; 8] = [
    Phase::Login,
    Phase::Preping,
    Phase::Ping,
    Phase::Post,
    Phase::Confirm,
    Phase::Status,
    Phase::LoserNotice,
    Phase::Completion,
];

/// What of a lead a call may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing of it.
    Nothing,
    /// What redaction and the campaign's disclosures leave.
    Redacted,
    /// All of it: the buyer has bought it.
    Whole,
}

impl Phase {
    /// The phase's table in a profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Preping => "preping",
            Self::Ping => "ping",
            Self::Post => "post",
            Self::Confirm => "confirm",
            Self::Status => "status",
            Self::LoserNotice => "loser_notice",
            Self::Completion => "completion",
        }
    }

    /// What of a lead the call may see.
    #[must_use]
    pub const fn sight(self) -> Sight {
        match self {
            Self::Login | Self::Status | Self::LoserNotice => Sight::Nothing,
            Self::Preping | Self::Ping => Sight::Redacted,
            Self::Post | Self::Confirm | Self::Completion => Sight::Whole,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

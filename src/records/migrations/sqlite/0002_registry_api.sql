-- States of campaigns are worked out from their standings, which are registry objects.
DROP TABLE campaign_states;

-- What an operator wrote beside a credit, and whose key it was.
CREATE TABLE credit_notes (
    account_kind TEXT NOT NULL CHECK (account_kind IN ('buyer', 'vendor')),
    account_id TEXT NOT NULL,
    op_id TEXT NOT NULL,
    note TEXT,
    actor TEXT NOT NULL,
    PRIMARY KEY (account_kind, account_id, op_id)
) STRICT;

CREATE INDEX auctions_by_vertical ON auctions (vertical, received_at_us, lead_id);

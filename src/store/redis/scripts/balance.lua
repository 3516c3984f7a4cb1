-- An account's counters.
--   KEYS[1] account
return account_reply(load_account(KEYS[1]), '')

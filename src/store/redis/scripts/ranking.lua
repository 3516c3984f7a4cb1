-- Appends a round's ranking. `index` names campaign, buyer and legal entity of each entry for the
-- scripts, `entries` has the whole for whoever reads the lead.
local function append_round(lead, count, index, entries)
  lead.rounds = lead.rounds + 1
  lead.ranked = lead.ranked + count
  local known = redis.call('HGET', LEAD, 'index') or ''
  redis.call('HSET', LEAD, 'index', known .. index, 'rank:' .. int(lead.rounds), entries)
end

local function round_of(round)
  return redis.call('HGET', LEAD, 'rank:' .. round)
end

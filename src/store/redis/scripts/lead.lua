-- Operations on a lead. All keys of a lead are in its partition's slot:
--   KEYS[1] the lead    KEYS[2] its sealed parts    KEYS[3] who is due    KEYS[4] the outbox
--   ARGV[2] the lead's id as bytes    ARGV[3] how long it is kept once closed, in milliseconds
-- Two fields hold all that scripts look at; the others are bytes that only their writer reads.
--   run    state fence lease_until owner due_at sequence rounds ranked expires_at
--   seats  one part for each seat, between bars: its state, then its attempts
-- States of a lead: R received, O offered, D decided, C closed. Of a seat: O open, P posting,
-- U unknown, S sold, X unresolved. Verdicts: A accepted, R rejected, N not sent, U unknown,
-- G given up, - none.
local LEAD, SEALED, DUE, OUTBOX = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local LEAD_ID, KEPT_MS = ARGV[2], tonumber(ARGV[3])
local RANK_MAX, FACTS_MAX = 2000, 1000

local function parse_seats(text)
  local seats = {}
  for part in string.gmatch(text, '[^|]+') do
    local state, k = string.match(part, '^([OPUSX])(%d*)')
    if not state then error('CORRUPT seats') end
    local seat = { state = state, k = tonumber(k), attempts = {} }
    local attempts = ',(%d+):([^:]+):([^:]+):(%d+):([ARNUG%-]):([01]):(%d+):(%u*)'
    for index, campaign, post, at, verdict, conflict, fence, late in string.gmatch(part, attempts) do
      seat.attempts[#seat.attempts + 1] = {
        k = tonumber(index), campaign = campaign, post = post, at = at, verdict = verdict,
        conflict = conflict, fence = tonumber(fence), late = late,
      }
    end
    seats[#seats + 1] = seat
  end
  return seats
end

local function write_seats(seats)
  local parts = {}
  for _, seat in ipairs(seats) do
    local part = seat.state
    if seat.state ~= 'O' then part = part .. int(seat.k) end
    for _, tried in ipairs(seat.attempts) do
      part = part .. ',' .. table.concat({
        int(tried.k), tried.campaign, tried.post, tried.at, tried.verdict, tried.conflict,
        int(tried.fence), tried.late,
      }, ':')
    end
    parts[#parts + 1] = part
  end
  return table.concat(parts, '|')
end

-- The lead as a table, or nil.
local function load_lead()
  local fields = redis.call('HMGET', LEAD, 'run', 'seats')
  if not fields[1] then return nil end
  local run = '^([RODC]) (%d+) (%d+) (%x+) (%S+) (%d+) (%d+) (%d+) (%S+)$'
  local state, fence, lease, owner, due, sequence, rounds, ranked, expires =
    string.match(fields[1], run)
  if not state then error('CORRUPT run') end
  return {
    state = state, fence = tonumber(fence), lease_until = tonumber(lease), owner = owner,
    due_at = tonumber(due), sequence = tonumber(sequence), rounds = tonumber(rounds),
    ranked = tonumber(ranked), expires_at = tonumber(expires), seats = parse_seats(fields[2]),
  }
end

-- When somebody must look at an open lead next: a running lease means that its owner looks, a
-- post on its way needs somebody as soon as the lease is over, unknown posts wait for their time.
local function next_look(lead)
  if lead.state == 'O' then return lead.expires_at end
  local posting, unknown = false, false
  for _, seat in ipairs(lead.seats) do
    posting = posting or seat.state == 'P'
    unknown = unknown or seat.state == 'U'
  end
  if lead.due_at and unknown and not posting then
    return math.max(lead.due_at, lead.lease_until)
  end
  return lead.lease_until
end

local function optional(number)
  if number then return int(number) end
  return '-'
end

local function save_lead(lead)
  local run = table.concat({
    lead.state, int(lead.fence), int(lead.lease_until), lead.owner, optional(lead.due_at),
    int(lead.sequence), int(lead.rounds), int(lead.ranked), optional(lead.expires_at),
  }, ' ')
  redis.call('HSET', LEAD, 'run', run, 'seats', write_seats(lead.seats))
  if lead.state == 'C' then
    redis.call('ZREM', DUE, LEAD_ID)
  else
    redis.call('ZADD', DUE, int(next_look(lead)), LEAD_ID)
  end
end

-- Writes what settles to the outbox: the arguments from `first` to `last`.
local function add_effects(lead, first, last)
  for index = first, last or #ARGV do
    lead.sequence = lead.sequence + 1
    redis.call('XADD', OUTBOX, '0-*', 'l', LEAD_ID, 's', int(lead.sequence), 'e', ARGV[index])
  end
end

-- Whether an owner with `fence` may change a lead that is open and not waiting for the vendor.
local function owns(lead, fence)
  return lead.fence == tonumber(fence) and lead.state ~= 'O' and lead.state ~= 'C'
end

-- Why the lead cannot end like this, or nil. `claim` is what the end says: s sold, e expired,
-- n not sold otherwise, a anything.
local function unfit(lead, claim)
  local sold = false
  for _, seat in ipairs(lead.seats) do
    if seat.state == 'P' or seat.state == 'U' then return 'locked' end
    sold = sold or seat.state == 'S'
  end
  local fits = claim == 'a' or sold == (claim == 's')
  if not fits then return 'contradicts' end
  return nil
end

-- Ends a lead that may end; the caller saves it.
local function close_lead(lead, closing, claim)
  lead.state, lead.due_at, lead.expires_at = 'C', nil, nil
  lead.lease_until = math.min(lead.lease_until, now)
  redis.call('HSET', LEAD, 'closing', closing, 'end', claim, 'closed_at', int(now))
end

-- Lets a closed lead go after its time; once it and its sealed parts have been written.
local function keep_closed()
  redis.call('PEXPIREAT', LEAD, int(now + KEPT_MS))
  redis.call('PEXPIREAT', SEALED, int(now + KEPT_MS))
end

local function save_closed(lead)
  save_lead(lead)
  if lead.state == 'C' then keep_closed() end
end

local function attempt_of(seat, k)
  if not seat then return nil end
  for _, attempt in ipairs(seat.attempts) do
    if attempt.k == k then return attempt end
  end
  return nil
end

-- Keeps of a post only where it belongs: it is never sent again.
local function erase_post(seat, k)
  redis.call('HSET', SEALED, seat .. ':' .. k, '')
end

local function reply(code)
  return { int(now), code, redis.call('HGETALL', LEAD) }
end

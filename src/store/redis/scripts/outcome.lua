-- Writes what became of a post. It records a fact, and the first definite one counts; only where a
-- fence is given, since nobody but the owner could know, another owner's is refused.
--   ARGV[4] seat    ARGV[5] k    ARGV[6] verdict    ARGV[7] when to look again, or nothing
--   ARGV[8] closing or nothing    ARGV[9] what the end claims    ARGV[10] how many of the last effects
--   are parts of the record that are kept only if the verdict does not count
--   ARGV[11] fence or nothing    ARGV[12..] effects
local lead = load_lead()
if not lead then return reply('missing') end
if ARGV[11] ~= '' and lead.fence ~= tonumber(ARGV[11]) then return reply('fenced') end
local k, verdict = tonumber(ARGV[5]), ARGV[6]
local last_in_time = #ARGV - tonumber(ARGV[10])
local seat = lead.seats[tonumber(ARGV[4])]
local attempt = attempt_of(seat, k)
if not attempt then return reply('missing') end
if attempt.verdict == verdict then return reply('already') end

local is_over = seat.state == 'X' and seat.k == k
local is_definite = attempt.verdict ~= '-' and attempt.verdict ~= 'U'
if is_definite or (is_over and attempt.verdict ~= '-') then
  local code = 'stands ' .. attempt.verdict
  if verdict == 'A' then code = 'conflict' end
  if not string.find(attempt.late, verdict, 1, true) then
    attempt.late = attempt.late .. verdict
    if verdict == 'A' then attempt.conflict = '1' end
    add_effects(lead, last_in_time + 1)
    save_lead(lead)
  end
  return reply(code)
end

attempt.verdict = verdict
if verdict == 'U' then
  seat.state, seat.k = 'U', k
  lead.due_at = tonumber(ARGV[7])
else
  seat.state = verdict == 'A' and 'S' or 'O'
  erase_post(ARGV[4], ARGV[5])
end
add_effects(lead, 12, last_in_time)
if ARGV[8] ~= '' and not unfit(lead, ARGV[9]) then close_lead(lead, ARGV[8], ARGV[9]) end
save_closed(lead)
return reply('recorded')

-- The store's time in whole milliseconds: the server's, unless the caller names one (tests only).
local now
if ARGV[1] == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(ARGV[1])
end

-- Numbers are doubles here. All of ours are whole and below 2^53, where doubles are exact, but
-- they must never be written as 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

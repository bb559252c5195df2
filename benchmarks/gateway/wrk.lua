-- Sends one ready-made request, each time with another number at its mark, and prints one line of
-- figures at the end. Arguments after `--`: the file with the request as it travels, the mark, and
-- the first number; -1 sends it as it is.

local before, after, number

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local whole = file:read("*a")
  file:close()
  number = tonumber(args[3])
  local from, to = whole:find(args[2], 1, true)
  before, after = whole:sub(1, from - 1), whole:sub(to + 1)
  same = whole
end

function request()
  if number < 0 then
    return same
  end
  number = number + 1
  return before .. string.format("%010d", number) .. after
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'FIGURES {"requests": %d, "duration_us": %d, "p50_us": %d, "p95_us": %d, "p99_us": %d, ' ..
    '"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end

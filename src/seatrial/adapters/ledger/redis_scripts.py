"""The ledger's Lua scripts: one applies a batch, one lets what expired lapse.

Nothing else runs in Redis meanwhile. Lua counts in floats, so money is two whole numbers: USD and
units beyond them.
"""

from __future__ import annotations

# prefix:account:NAME  spent and reserved, each as USD and units, and when the window ends
# prefix:accounts      names, in order           prefix:ends  names by when their windows end
# prefix:open:ID       amount, accounts, owner, record          prefix:expiries  open ids by expiry
# prefix:closed:ID     state, amount, accounts (of one that lapsed), record
# prefix:attempts      ids of closed ones, in order of time
_COMMON = """
local prefix = KEYS[1]
local ONE = 1000000000000

local function add(a, b, sign)
  local low = a[2] + sign * b[2]
  local carry = math.floor(low / ONE)
  return {a[1] + sign * b[1] + carry, low - carry * ONE}
end

local function less(a, b)
  return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
end

local function whole(number)
  return string.format('%.0f', number)
end

local function money(high, low)
  return {tonumber(high or 0), tonumber(low or 0)}
end

local function read_account(name)
  local found = redis.call('HMGET', prefix .. ':account:' .. name, 'sh', 'sl', 'rh', 'rl')
  return {spent = money(found[1], found[2]), reserved = money(found[3], found[4])}
end

local function keep_account(name, account)
  redis.call('HSET', prefix .. ':account:' .. name,
    'sh', whole(account.spent[1]), 'sl', whole(account.spent[2]),
    'rh', whole(account.reserved[1]), 'rl', whole(account.reserved[2]))
  redis.call('ZADD', prefix .. ':accounts', 0, name)
end

local function read_open(id)
  local found = redis.call('HMGET', prefix .. ':open:' .. id, 'h', 'l', 'accounts', 'owner')
  if not found[1] then return nil end
  return {amount = money(found[1], found[2]), accounts = cjson.decode(found[3]), owner = found[4]}
end

local function drop_open(id)
  redis.call('DEL', prefix .. ':open:' .. id)
  redis.call('ZREM', prefix .. ':expiries', id)
end

local function keep_closed(id, state, amount, accounts, record)
  redis.call('HSET', prefix .. ':closed:' .. id, 'state', state, 'h', whole(amount[1]),
    'l', whole(amount[2]), 'accounts', cjson.encode(accounts), 'record', record)
  redis.call('ZADD', prefix .. ':attempts', 0, id)
end
"""

APPLY = (
    _COMMON
    + """
local function share(amount, parts)
  local high = math.floor(amount[1] / parts)
  return {high, math.floor(((amount[1] - high * parts) * ONE + amount[2]) / parts)}
end

local function reserve(op)
  if redis.call('EXISTS', prefix .. ':open:' .. op.id, prefix .. ':closed:' .. op.id) > 0 then
    return {'repeated'}
  end
  local amount, tightest, held = op.most, nil, {}
  for i, charge in ipairs(op.charges) do
    held[i] = read_account(charge[1])
    local left = add(add({charge[2], charge[3]}, held[i].spent, -1), held[i].reserved, -1)
    if op.ahead then
      local rest = add(share(left, op.shares[2]), held[i].reserved, -1)
      left = share(left, op.shares[1])
      if less(rest, left) then left = rest end
    end
    if less(left, amount) then amount = left; tightest = i end
  end
  if tightest and less(amount, op.least) then
    local charge, account = op.charges[tightest], held[tightest]
    return {'refused', charge[1], charge[2], charge[3], account.spent[1], account.spent[2],
      account.reserved[1], account.reserved[2]}
  end
  local names = {}
  for i, charge in ipairs(op.charges) do
    held[i].reserved = add(held[i].reserved, amount, 1)
    keep_account(charge[1], held[i])
    if charge[4] ~= '' then redis.call('ZADD', prefix .. ':ends', charge[4], charge[1]) end
    names[i] = charge[1]
  end
  redis.call('HSET', prefix .. ':open:' .. op.id, 'h', whole(amount[1]), 'l', whole(amount[2]),
    'accounts', cjson.encode(names), 'owner', op.owner, 'record', op.record)
  redis.call('ZADD', prefix .. ':expiries', op.expires, op.id)
  return {'granted', amount[1], amount[2]}
end

-- Takes back what is set aside for an attempt, or what it lapsed at, and pays instead.
local function close(op, paid, keep)
  local attempt = read_open(op.id)
  if attempt then
    for _, name in ipairs(attempt.accounts) do
      local account = read_account(name)
      account.reserved = add(account.reserved, attempt.amount, -1)
      account.spent = add(account.spent, paid, 1)
      keep_account(name, account)
    end
    drop_open(op.id)
  else
    local found = redis.call('HMGET', prefix .. ':closed:' .. op.id, 'state', 'h', 'l', 'accounts')
    if found[1] == 'settled' then return {'closed', 0} end
    if found[1] then
      attempt = {amount = money(found[2], found[3]), accounts = cjson.decode(found[4])}
      for _, name in ipairs(attempt.accounts) do
        local account = read_account(name)
        account.spent = add(add(account.spent, attempt.amount, -1), paid, 1)
        keep_account(name, account)
      end
      redis.call('DEL', prefix .. ':closed:' .. op.id)
      redis.call('ZREM', prefix .. ':attempts', op.id)
    elseif not keep then
      return {'closed', 0}
    end
  end
  if keep then keep_closed(op.id, 'settled', paid, {}, op.record) end
  if attempt and less(attempt.amount, paid) then
    local beyond = add(paid, attempt.amount, -1)
    return {'closed', 1, beyond[1], beyond[2]}
  end
  return {'closed', 1, 0, 0}
end

-- Pays out of an allowance, which goes on with the rest.
local function pay(op)
  if redis.call('EXISTS', prefix .. ':open:' .. op.id, prefix .. ':closed:' .. op.id) > 0 then
    return close(op, op.paid, true)
  end
  local paying, key, beyond = read_open(op.allowance), prefix .. ':open:' .. op.allowance, {0, 0}
  local lapsed = false
  if not paying then
    key = prefix .. ':closed:' .. op.allowance
    local found = redis.call('HMGET', key, 'state', 'h', 'l', 'accounts')
    if found[1] == 'lapsed' then
      lapsed = true
      paying = {amount = money(found[2], found[3]), accounts = cjson.decode(found[4])}
    end
  end
  if paying then
    local drawn = op.paid
    if less(paying.amount, drawn) then
      drawn = paying.amount
      beyond = add(op.paid, drawn, -1)
    end
    for _, name in ipairs(paying.accounts) do
      local account = read_account(name)
      if lapsed then account.spent = add(account.spent, drawn, -1)
      else account.reserved = add(account.reserved, drawn, -1) end
      account.spent = add(account.spent, op.paid, 1)
      keep_account(name, account)
    end
    local rest = add(paying.amount, drawn, -1)
    redis.call('HSET', key, 'h', whole(rest[1]), 'l', whole(rest[2]))
  end
  keep_closed(op.id, 'settled', op.paid, {}, op.record)
  return {'closed', 1, beyond[1], beyond[2]}
end

local outcomes = {}
for i, op in ipairs(cjson.decode(ARGV[1])) do
  if op.kind == 'reserve' then outcomes[i] = reserve(op)
  elseif op.kind == 'pay' then outcomes[i] = pay(op)
  elseif op.kind == 'settle' then outcomes[i] = close(op, op.paid, true)
  elseif op.kind == 'count' then
    keep_closed(op.id, 'counted', {0, 0}, {}, op.record)
    outcomes[i] = {'closed', 1, 0, 0}
  else outcomes[i] = close(op, {0, 0}, false) end
end
return cjson.encode(outcomes)
"""
)
"""Told operations as JSON; answers one outcome for each, as JSON."""

SWEEP = (
    _COMMON
    + """
local lapsed = {}
local expired = redis.call('ZRANGEBYSCORE', prefix .. ':expiries', '-inf', ARGV[1], 'LIMIT', 0, 500)
for i, id in ipairs(expired) do
  local attempt = read_open(id)
  for _, name in ipairs(attempt.accounts) do
    local account = read_account(name)
    account.reserved = add(account.reserved, attempt.amount, -1)
    account.spent = add(account.spent, attempt.amount, 1)
    keep_account(name, account)
  end
  local record = redis.call('HGET', prefix .. ':open:' .. id, 'record')
  keep_closed(id, 'lapsed', attempt.amount, attempt.accounts, record)
  drop_open(id)
  lapsed[i] = {id, attempt.owner, attempt.amount[1], attempt.amount[2]}
end
local old = redis.call('ZRANGEBYLEX', prefix .. ':attempts', '-', '(' .. ARGV[2], 'LIMIT', 0, 500)
for _, id in ipairs(old) do
  redis.call('DEL', prefix .. ':closed:' .. id)
  redis.call('ZREM', prefix .. ':attempts', id)
end
local ended = redis.call('ZRANGEBYSCORE', prefix .. ':ends', '-inf', '(' .. ARGV[3],
  'LIMIT', 0, 500)
for _, name in ipairs(ended) do
  redis.call('DEL', prefix .. ':account:' .. name)
  redis.call('ZREM', prefix .. ':accounts', name)
  redis.call('ZREM', prefix .. ':ends', name)
end
local more = 0
if #expired == 500 or #old == 500 or #ended == 500 then more = 1 end
return cjson.encode({lapsed, more})
"""
)
"""Told the time, the oldest id to keep and the oldest end to keep; answers what lapsed, and whether
there is more."""

-- `channel`: hands values from one coroutine of a call to another, and back where they wait.
--
-- Who waits stands in a queue of the channel, in the order of arrival. One that waits on several channels (`select`)
-- stands in the queue of each with a ticket; whoever serves it first takes its places in the other queues away.

local kernel = ...
local wait, wake, current, cannot_wait = kernel.wait, kernel.wake, kernel.current, kernel.cannot_wait
local setmetatable, error, type, ipairs, math_type = setmetatable, error, type, ipairs, math.type

local channel, methods, NOBODY = {}, {}, {}
local metatable = { __index = methods, __metatable = false, __name = "channel" }
-- Apart from the channels, so that programs cannot reach it.
local states = setmetatable({}, { __mode = "k" })
local cases = setmetatable({}, { __mode = "k" })
local case_metatable = { __metatable = false, __name = "channel case" }

local function state_of(object, method)
  local state = states[object]
  if state == nil then
    error("bad argument #1 to '" .. method .. "' (channel expected, got " .. type(object) .. ")", 3)
  end
  return state
end

-- Queues: numbered places, some of them empty again.

local function queue()
  return { first = 1, last = 0 }
end

local function join(waiting, waiter)
  waiting.last = waiting.last + 1
  waiting[waiting.last] = waiter
  waiter.queue, waiter.place = waiting, waiting.last
end

local function leave(waiter)
  local waiting = waiter.queue
  waiting[waiter.place] = nil
  while waiting.first <= waiting.last and waiting[waiting.first] == nil do
    waiting.first = waiting.first + 1
  end
end

-- The first that still waits, out of all its queues.
local function take(waiting)
  while waiting.first <= waiting.last do
    local waiter = waiting[waiting.first]
    waiting[waiting.first] = nil
    waiting.first = waiting.first + 1
    if waiter ~= nil and not waiter.task.dead then
      for _, other in ipairs(waiter.ticket or NOBODY) do
        if other ~= waiter then
          leave(other)
        end
      end
      return waiter
    end
  end
end

local function serve(waiter, value, ok)
  if waiter.ticket then
    wake(waiter.task, { channel = waiter.channel, value = value, ok = ok })
  else
    wake(waiter.task, value, ok)
  end
end

-- What can be done at once

-- Whether the value went somewhere. Raises where the channel is closed.
local function try_send(state, value, level)
  if state.closed then
    error("send on closed channel", level)
  end
  local receiver = take(state.receivers)
  if receiver then
    serve(receiver, value, true)
    return true
  end
  if state.size < state.capacity then
    state.last = state.last + 1
    state.values[state.last] = value
    state.size = state.size + 1
    return true
  end
  return false
end

-- Whether there was something, the value, and whether it was sent by anybody.
local function try_receive(state)
  if state.size > 0 then
    local value = state.values[state.first]
    state.values[state.first] = nil
    state.first = state.first + 1
    state.size = state.size - 1
    local sender = take(state.senders)
    if sender then
      state.last = state.last + 1
      state.values[state.last] = sender.value
      state.size = state.size + 1
      serve(sender, sender.sent, true)
    end
    return true, value, true
  end
  local sender = take(state.senders)
  if sender then
    serve(sender, sender.sent, true)
    return true, sender.value, true
  end
  if state.closed then
    return true, nil, false
  end
  return false
end

-- Channels

local function new(size)
  if size == nil then
    size = 0
  end
  if math_type(size) ~= "integer" or size < 0 then
    error("bad argument #1 to 'new' (a size of 0 or more expected)", 2)
  end
  local object = setmetatable({}, metatable)
  states[object] = {
    capacity = size, values = {}, first = 1, last = 0, size = 0, closed = false,
    senders = queue(), receivers = queue(),
  }
  return object
end
channel.new = new

local function refuse_to_wait()
  local err = cannot_wait()
  if err then
    error(err, 3)
  end
end

function methods:send(value)
  local state = state_of(self, "send")
  if try_send(state, value, 3) then
    return true
  end
  refuse_to_wait()
  join(state.senders, { task = current(), value = value, sent = true })
  if not wait() then
    error("send on closed channel", 2)
  end
  return true
end

-- A value of the runtime's own. The program may have closed or filled the channel meanwhile: then nobody wants it.
local function offer(object, value)
  local state = states[object]
  local receiver = not state.closed and take(state.receivers)
  if receiver then
    serve(receiver, value, true)
  elseif not state.closed and state.size < state.capacity then
    state.last = state.last + 1
    state.values[state.last] = value
    state.size = state.size + 1
  end
end

function methods:receive()
  local state = state_of(self, "receive")
  local done, value, ok = try_receive(state)
  if done then
    return value, ok
  end
  refuse_to_wait()
  join(state.receivers, { task = current() })
  return wait()
end

function methods:close()
  local state = state_of(self, "close")
  if state.closed then
    return
  end
  state.closed = true
  for waiter in take, state.receivers do
    serve(waiter, nil, false)
  end
  for waiter in take, state.senders do
    if waiter.ticket then
      wake(waiter.task, { refused = true })
    else
      wake(waiter.task, false)
    end
  end
end

function methods:case_send(value)
  state_of(self, "case_send")
  local case = setmetatable({}, case_metatable)
  cases[case] = { channel = self, sends = true, value = value }
  return case
end

function methods:case_receive()
  state_of(self, "case_receive")
  local case = setmetatable({}, case_metatable)
  cases[case] = { channel = self, sends = false }
  return case
end

-- Several at once

local function try_case(case)
  local state = states[case.channel]
  if case.sends then
    if try_send(state, case.value, 4) then
      return { channel = case.channel, value = case.value, ok = true }
    end
  else
    local done, value, ok = try_receive(state)
    if done then
      return { channel = case.channel, value = value, ok = ok }
    end
  end
end

local function wait_for(wanted)
  local ticket, task = {}, current()
  for i, case in ipairs(wanted) do
    local waiter = { task = task, ticket = ticket, channel = case.channel, value = case.value, sent = case.value }
    ticket[i] = waiter
    local state = states[case.channel]
    join(case.sends and state.senders or state.receivers, waiter)
  end
  return wait()
end

function channel.select(list)
  if type(list) ~= "table" then
    error("bad argument #1 to 'select' (table of cases expected, got " .. type(list) .. ")", 2)
  end
  local wanted = {}
  for i, object in ipairs(list) do
    local case = cases[object]
    if case == nil then
      error("select: case " .. i .. " is no case; write channel:case_receive() or channel:case_send(value)", 2)
    end
    wanted[i] = case
  end
  for _, case in ipairs(wanted) do
    local result = try_case(case)
    if result then
      return result
    end
  end
  if list.default then
    return { default = true, ok = true }
  end
  refuse_to_wait()
  local result = wait_for(wanted)
  if result.refused then
    error("send on closed channel", 2)
  end
  return result
end

return { module = channel, offer = offer, new = new, close = methods.close }

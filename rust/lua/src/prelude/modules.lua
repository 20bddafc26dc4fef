-- What programs require, put together of parts in Rust and parts in Lua: those that wait are in Lua (L-6, section 4).
-- Each is made when it is first required: a worker that is made for a call is to cost little.

local kernel, native, globals = ...
local part, open, new_error, setmetatable = native.part, native.open, native.new_error, setmetatable
local await, attend, cannot_wait = kernel.await, kernel.attend, kernel.cannot_wait

-- Gives what `make` has made the first time.
local function once(make)
  local made
  return function()
    if made == nil then
      made = make()
    end
    return made
  end
end

local channels = once(function() return part("channel")(kernel) end)
local calls = once(function() return part("calls")(kernel, native, channels()) end)
local errors = once(function() return open("errors") end)

-- Waiting operations: `start` gives an operation, or nil and an error.
local function waiting(start)
  return function(...)
    local err = cannot_wait()
    if err then
      return nil, err
    end
    return await(start(...))
  end
end

-- A channel that gets one value when an operation is done.
local function later(start, value_of)
  return function(...)
    local operation, err = start(...)
    if operation == nil then
      return nil, err
    end
    local object, offer = channels().new(1), channels().offer
    attend(operation, function(...)
      offer(object, value_of(...))
    end)
    return object
  end
end

-- Processes come later: code that only looks whether it is one gets an answer.
local function no_process()
  return nil, new_error("Unavailable", "processes are not supported here")
end
local process = setmetatable({}, { __index = function() return no_process end, __metatable = false })

local openers = { errors = errors }

function openers.channel() return channels().module end
function openers.funcs() return calls().funcs end
function openers.payload() return calls().payload end
function openers.process() return process end
function openers.coroutine() return globals.coroutine end
function openers.logger() return part("logger")(native) end
function openers.fs() return part("fs")(native, waiting) end
function openers.http_client() return part("http_client")(kernel, native, waiting, channels()) end

function openers.time()
  local time = open("time")
  local sleep = time.sleep
  time.sleep, time.after = waiting(sleep), later(sleep, time.now)
  return time
end

function openers.env()
  local env = open("env")
  return { get = waiting(env.get), set = waiting(env.set), get_all = waiting(env.get_all) }
end

globals.process, globals.subscribe, globals.unsubscribe = process, no_process, no_process
-- A program that never says these names has no other way to these globals.
for _, name in next, { "channel", "errors", "payload" } do
  if native.mentions[name] then
    globals[name] = openers[name]()
  end
end

return openers

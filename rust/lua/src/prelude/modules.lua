-- What programs require, put together of parts in Rust and parts in Lua: those that wait are in Lua (L-6, section 4).

local kernel, native, globals, channels, calls, fs, http_client = ...
local waiting, later, channel = calls.waiting, calls.later, channels.module
local new_error, log, type, setmetatable, next = native.new_error, native.log, type, setmetatable, next

-- Made when they are first required; by name.
local openers = { fs = fs, http_client = http_client }

-- Processes come later: code that only looks whether it is one gets an answer.
local function no_process()
  return nil, new_error("Unavailable", "processes are not supported here")
end
local process = setmetatable({}, { __index = function() return no_process end, __metatable = false })

globals.channel, globals.payload, globals.process = channel, calls.payload, process
globals.errors = native.open("errors")
globals.subscribe, globals.unsubscribe = no_process, no_process

local ready = {
  funcs = calls.funcs, channel = channel, payload = calls.payload, process = process,
  errors = globals.errors, coroutine = globals.coroutine,
}

function openers.time()
  local time = native.open("time")
  time.sleep = waiting(native.start_sleep)
  time.after = later(native.start_sleep, time.now)
  return time
end

function openers.env()
  return {
    get = waiting(native.start_env_get), set = waiting(native.start_env_set), get_all = waiting(native.start_env_all),
  }
end

function openers.ctx()
  return { get = native.ctx_get, all = native.ctx_all }
end

-- Loggers: methods that may be called with a colon or with a dot (L-38).

local loggers = setmetatable({}, { __mode = "k" })

local function new_logger(name, fields)
  local logger = {}
  loggers[logger] = { name = name, fields = fields }
  -- A call with a dot has no logger in first place.
  local function own(first, ...)
    if loggers[first] then
      return first, ...
    end
    return logger, first, ...
  end
  local function logs(level)
    local function write(self, message, more)
      local state = loggers[self]
      log(level, state.name, message, native.merge(state.fields, type(more) == "table" and more or {}))
    end
    return function(...)
      return write(own(...))
    end
  end
  for _, level in next, { "debug", "info", "warn", "error" } do
    logger[level] = logs(level)
  end
  local function with(self, more)
    local state = loggers[self]
    return new_logger(state.name, native.merge(state.fields, type(more) == "table" and more or {}))
  end
  function logger.with(...)
    return with(own(...))
  end
  local function named(self, part)
    local state = loggers[self]
    part = type(part) == "string" and part or ""
    return new_logger(state.name and state.name .. "." .. part or part, state.fields)
  end
  function logger.named(...)
    return named(own(...))
  end
  return logger
end

function openers.logger()
  return new_logger(nil, nil)
end

return { ready = ready, openers = openers }

-- `logger`: methods that may be called with a colon or with a dot (L-38).

local native = ...
local log, merge, type, next, setmetatable = native.log, native.merge, type, next, setmetatable

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
      log(level, state.name, message, merge(state.fields, type(more) == "table" and more or {}))
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
    return new_logger(state.name, merge(state.fields, type(more) == "table" and more or {}))
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

return new_logger(nil, nil)

-- `funcs`, futures and payloads: calls of other functions of the registry (L-24, L-30, L-31, L-33).

local kernel, native, channels = ...
local await, attend, forget, cannot_wait = kernel.await, kernel.attend, kernel.forget, kernel.cannot_wait
local merge, new_error, rust = native.merge, native.new_error, native.open("funcs")
local call, start_call, transcode = rust.call, rust.start_call, rust.transcode
local setmetatable, type, error, next, select = setmetatable, type, error, next, select

-- Payloads

local payload_methods, payload_values = {}, setmetatable({}, { __mode = "k" })
local payload_metatable = { __index = payload_methods, __metatable = false, __name = "payload" }
local payload = { format = { LUA = "lua/any", JSON = "json/plain", YAML = "yaml/plain", STRING = "text/plain", BYTES = "application/octet-stream", GOLANG = "golang/any", ERROR = "golang/error" } }

local function new_payload(value, format)
  local object = setmetatable({}, payload_metatable)
  payload_values[object] = { value = value, format = format or payload.format.LUA }
  return object
end

function payload.new(value)
  return new_payload(value, type(value) == "string" and payload.format.STRING or payload.format.LUA)
end

local function payload_of(self)
  local found = payload_values[self]
  if found == nil then
    error("bad argument #1 (payload expected, got " .. type(self) .. ")", 3)
  end
  return found
end

function payload_methods:data()
  return payload_of(self).value
end

function payload_methods:get_format()
  return payload_of(self).format
end

-- From a Lua value to JSON, YAML or text, and back.
function payload_methods:transcode(format)
  local from = payload_of(self)
  local value, err = transcode(from.value, from.format, format)
  if err then
    return nil, err
  end
  return new_payload(value, format)
end

-- Futures

local futures, future_methods = setmetatable({}, { __mode = "k" }), {}
local future_metatable = { __index = future_methods, __metatable = false, __name = "future" }

local function future_of(self)
  local state = futures[self]
  if state == nil then
    error("bad argument #1 (future expected, got " .. type(self) .. ")", 3)
  end
  return state
end

local function new_future(operation)
  local future = setmetatable({}, future_metatable)
  local state = { channel = channels.new(1), operation = operation }
  futures[future] = state
  attend(operation, function(value, err)
    state.operation, state.complete = nil, true
    if err ~= nil then
      state.err = err
    else
      state.payload = payload.new(value)
      channels.offer(state.channel, state.payload)
    end
    channels.close(state.channel)
  end)
  return future
end

function future_methods:response()
  return future_of(self).channel
end
future_methods.channel = future_methods.response

function future_methods:is_complete()
  return future_of(self).complete == true
end

function future_methods:is_canceled()
  return future_of(self).canceled == true
end

function future_methods:result()
  local state = future_of(self)
  return state.payload, state.err
end

function future_methods:error()
  local state = future_of(self)
  return state.err, state.err ~= nil
end

function future_methods:cancel()
  local state = future_of(self)
  if state.operation then
    forget(state.operation)
    state.operation, state.canceled, state.complete = nil, true, true
    state.err = new_error("Canceled", "the call was canceled")
    channels.close(state.channel)
  end
  return true
end

-- Calls

-- More arguments than this are a list, not arguments; Rust holds each of them apart.
local MOST_ARGUMENTS = 250

local function too_many(...)
  if select("#", ...) > MOST_ARGUMENTS then
    return new_error("Invalid", "too many arguments: " .. select("#", ...) .. ", at most " .. MOST_ARGUMENTS .. "; pass a table")
  end
end

local function call_with(options, target, ...)
  local err = cannot_wait() or too_many(...)
  if err then
    return nil, err
  end
  return await(call(options, target, ...))
end

local function async_with(options, target, ...)
  local refused = too_many(...)
  if refused then
    return nil, refused
  end
  local operation, err = start_call(options, target, ...)
  if operation == nil then
    return nil, err
  end
  return new_future(operation)
end

local funcs = {}

function funcs.call(target, ...)
  return call_with(nil, target, ...)
end

function funcs.async(target, ...)
  return async_with(nil, target, ...)
end

local executors, executor_methods = setmetatable({}, { __mode = "k" }), {}
local executor_metatable = { __index = executor_methods, __metatable = false, __name = "executor" }

local function new_executor(options)
  local executor = setmetatable({}, executor_metatable)
  executors[executor] = options
  return executor
end

local function options_of(self)
  local options = executors[self]
  if options == nil then
    error("bad argument #1 (executor expected, got " .. type(self) .. ")", 3)
  end
  return options
end

function funcs.new()
  return new_executor({})
end

local function with(self, field, values)
  local options = options_of(self)
  if type(values) ~= "table" then
    return nil, new_error("Invalid", "table expected, got " .. type(values))
  end
  local changed = {}
  for name, value in next, options do
    changed[name] = value
  end
  changed[field] = merge(changed[field], values)
  return new_executor(changed)
end

function executor_methods:with_context(values)
  return with(self, "context", values)
end

function executor_methods:with_options(values)
  return with(self, "options", values)
end

function executor_methods:with_actor()
  return nil, new_error("PermissionDenied", "not allowed to call functions with custom security context")
end
executor_methods.with_scope = executor_methods.with_actor

function executor_methods:call(target, ...)
  return call_with(options_of(self), target, ...)
end

function executor_methods:async(target, ...)
  return async_with(options_of(self), target, ...)
end

return { funcs = funcs, payload = payload }

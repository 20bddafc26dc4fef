-- What programs get of Lua's own library (L-6, L-7), guarded where one of its functions could work for long without an
-- instruction that the hook sees, or reach out of the worker.

local kernel, native = ...

-- Before the names that follow, some of which are those of other functions.
local globals = {
  _VERSION = _VERSION, assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next,
  pairs = pairs, rawequal = rawequal, rawget = rawget, rawset = rawset, select = select, tonumber = tonumber,
  tostring = tostring, type = type,
}

local check, error, type, select, tostring, next = kernel.check, error, type, select, tostring, next
local getmetatable, rawget, rawset, tointeger = debug.getmetatable, rawget, rawset, math.tointeger
local mentions = native.mentions
-- What may raise for its arguments is called as a field of these, or as a global: the error then has its name.
local string, table, coroutine = string, table, coroutine

local LARGE = kernel.LARGE
-- As much as a string may be made of at once.
local MOST_BYTES = 1 << 30

globals.pcall, globals.xpcall = kernel.pcall, kernel.xpcall

-- Finalizers would run where no limit holds, so a metatable's `__gc` is not looked at.
function globals.setmetatable(object, metatable)
  if type(metatable) ~= "table" then
    return setmetatable(object, metatable)
  end
  local finalizer = rawget(metatable, "__gc")
  if finalizer == nil then
    return setmetatable(object, metatable)
  end
  rawset(metatable, "__gc", nil)
  local ok, result = kernel.pcall(setmetatable, object, metatable)
  rawset(metatable, "__gc", finalizer)
  if not ok then
    error(result, 2)
  end
  return result
end

function globals.print(...)
  local parts = { ... }
  for i = 1, select("#", ...) do
    parts[i] = tostring(parts[i])
    if i % 4096 == 0 then
      check()
    end
  end
  native.log("info", nil, table.concat(parts, " "), nil)
end

-- string

local strings = {
  byte = string.byte, char = string.char, format = string.format, len = string.len, lower = string.lower,
  pack = string.pack, packsize = string.packsize, reverse = string.reverse, sub = string.sub, unpack = string.unpack,
  upper = string.upper,
}

function strings.rep(text, count, separator)
  local n = tointeger(count)
  if type(text) ~= "string" or n == nil or n <= 1 then
    return string.rep(text, count, separator)
  end
  local length = #text + (separator ~= nil and #tostring(separator) or 0)
  if length == 0 then
    return ""
  end
  if n > MOST_BYTES // length then
    error("resulting string too large", 2)
  end
  if n * length > LARGE then
    check()
  end
  return string.rep(text, n, separator)
end

-- The matchers take a while to load, and many programs have no use for them: unless one speaks of them, they are loaded
-- when it first comes by one all the same (`string["fi" .. "nd"]`).
local matchers
local function matcher(name)
  matchers = matchers or native.part("patterns")(native.open("patterns"), string)
  return matchers[name]
end

local speaks_of_them = mentions.find or mentions.match or mentions.gsub
for _, name in next, { "find", "match", "gmatch", "gsub" } do
  strings[name] = speaks_of_them and matcher(name) or function(...)
    return matcher(name)(...)
  end
end

globals.string, globals.unpack = strings, table.unpack
getmetatable("").__index = strings

-- coroutine, table, math, os

globals.coroutine = {
  create = coroutine.create, isyieldable = coroutine.isyieldable, running = coroutine.running,
  status = coroutine.status, yield = coroutine.yield,
  resume = kernel.resume, wrap = kernel.wrap, close = kernel.close, spawn = kernel.spawn,
}

-- A program that never says these names has no other way to these globals.
if mentions.table then
  globals.table = native.part("tables")(kernel)
end
if mentions.math then
  globals.math = native.part("math")()
end
if mentions.os then
  globals.os = { clock = os.clock, date = os.date, difftime = os.difftime, time = os.time }
end

return globals

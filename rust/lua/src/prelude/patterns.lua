-- `string.find`, `match`, `gmatch` and `gsub`. Lua's own matcher tries every way to match, in a loop that no limit sees:
-- ten times `.-` over a hundred characters take years. So it gets only what cannot take long by a count made once for
-- each pattern; for the rest there is a matcher of ours that counts its steps and looks at the clock.
--
-- Lua's functions get no pattern and no argument that they would refuse: their errors would point at lines in here. Each
-- function calls its helpers by tail calls, so that at level 2 there is the program.

local native, string = ...
local getmetatable = getmetatable
local find, match, gmatch, gsub, byte, sub = string.find, string.match, string.gmatch, string.gsub, string.byte, string.sub
local type, error, pcall, next, setmetatable = type, error, pcall, next, setmetatable
local math_type, tointeger, concat = math.type, math.tointeger, table.concat

-- Steps of a search for a plain text that Lua's own function may take.
local MOST_STEPS = 1 << 18
-- As much as a string may be made of at once.
local MOST_BYTES = 1 << 30
-- Longer patterns are not worth a look, and still shorter ones are worth keeping.
local LONGEST, KEPT, MOST_KEPT = 4096, 256, 256

local CARET = 94

-- A table of what `measure` gives for texts, kept for some; `otherwise` for all that is no text, or too long a one.
local function memo(measure, otherwise)
  local known, count = {}, 0
  return setmetatable(known, { __index = function(_, text)
    if type(text) ~= "string" or #text > LONGEST then
      return otherwise
    end
    local value = measure(text)
    if #text <= KEPT then
      if count >= MOST_KEPT then
        for key in next, known do
          known[key] = nil
        end
        count = 0
      end
      count = count + 1
      known[text] = value
    end
    return value
  end })
end

-- The longest subject that Lua's own functions may get with a pattern, negative where it is wrong; how many captures it
-- has; how many a replacement asks for.
local reach, captures, asks = memo(native.reach, -1), memo(native.captures, 0), memo(native.asks, 255)

local function text(value)
  if type(value) == "number" then
    return value .. ""
  end
  return value
end

local function are_bad(subject, pattern, number)
  return type(subject) ~= "string" or type(pattern) ~= "string" or number ~= nil and tointeger(number) == nil
end

-- Raises what one of Lua's functions says of arguments that it does not take.
local function refuse(name, f, ...)
  local _, message = pcall(f, ...)
  if type(message) == "string" then
    message = gsub(message, "'[^']*'", "'" .. name .. "'", 1)
  end
  error(message, 2)
end

-- What a function of ours has given, or the error it tells of.
local function given(first, ...)
  if first == false then
    error((...), 2)
  end
  return first, ...
end

local patterns = {}

local function find_slowly(subject, pattern, from, plain)
  local s, p = text(subject), text(pattern)
  if are_bad(s, p, from) then
    return refuse("find", find, subject, pattern, from)
  end
  from = from and tointeger(from)
  if plain then
    if #s * #p <= MOST_STEPS then
      return find(s, p, from, true)
    end
    return given(native.find_plain(s, p, from))
  elseif #s <= reach[p] then
    return find(s, p, from)
  end
  return given(native.find(s, p, from))
end

function patterns.find(subject, pattern, from, plain)
  if type(subject) == "string" and (from == nil or math_type(from) == "integer") then
    if not plain then
      if #subject <= reach[pattern] then
        return find(subject, pattern, from)
      end
    elseif type(pattern) == "string" and #subject * #pattern <= MOST_STEPS then
      return find(subject, pattern, from, true)
    end
  end
  return find_slowly(subject, pattern, from, plain)
end

local function match_slowly(subject, pattern, from)
  local s, p = text(subject), text(pattern)
  if are_bad(s, p, from) then
    return refuse("match", match, subject, pattern, from)
  end
  from = from and tointeger(from)
  if #s <= reach[p] then
    return match(s, p, from)
  end
  return given(native.match(s, p, from))
end

function patterns.match(subject, pattern, from)
  if type(subject) == "string" and #subject <= reach[pattern] and (from == nil or math_type(from) == "integer") then
    return match(subject, pattern, from)
  end
  return match_slowly(subject, pattern, from)
end

-- An iterator that searches with our matcher.
local function each_match(subject, pattern, position)
  local search, last_end = native.search, nil
  local function take(first, last, ...)
    if not first then
      if first == false then
        error(last, 2)
      end
      return
    elseif last == last_end then
      -- Empty, where the match before has ended.
      position = position + 1
      return take(search(subject, pattern, position))
    end
    position, last_end = last + 1, last
    if (...) == nil then
      return sub(subject, first, last)
    end
    return ...
  end
  return function()
    return take(search(subject, pattern, position))
  end
end

local function gmatch_slowly(subject, pattern, from)
  local s, p = text(subject), text(pattern)
  if are_bad(s, p, from) then
    return refuse("gmatch", gmatch, subject, pattern, from)
  end
  from = from and tointeger(from)
  -- For `gmatch` it is a character like any other.
  local searched = byte(p) == CARET and "%" .. p or p
  if #s <= reach[searched] then
    return gmatch(s, p, from)
  end
  return each_match(s, searched, from or 1)
end

function patterns.gmatch(subject, pattern, from)
  if type(subject) == "string" and #subject <= reach[pattern] and byte(pattern) ~= CARET
    and (from == nil or math_type(from) == "integer") then
    return gmatch(subject, pattern, from)
  end
  return gmatch_slowly(subject, pattern, from)
end

-- A function for Lua's own `gsub` in place of what it is to replace matches by: for it would tell of a bad value as if that
-- came from a line in here.
local function checked(replacement)
  local looks_up = type(replacement) == "table"
  return function(capture, ...)
    local value
    if looks_up then
      value = replacement[capture]
    else
      value = replacement(capture, ...)
    end
    if value then
      local kind = type(value)
      if kind ~= "string" and kind ~= "number" then
        error("invalid replacement value (a " .. kind .. ")", 4)
      end
    end
    return value
  end
end

-- What a match of more than three captures is replaced by.
local function call_with_all(replacement, _, _, ...)
  return (replacement(...))
end

-- Replaces matches by what a table has for them or a function gives, with our matcher. This is Lua and not Rust: what the
-- function raises stays what it is, and it can be interrupted.
local function substitute(subject, pattern, replacement, most)
  local search, looks_up, anchored = native.search, type(replacement) == "table", byte(pattern) == CARET
  local parts, n, size, count, position, copied, last_end = {}, 0, 0, 0, 1, 1, nil
  while count < most do
    local first, last, a, b, c, more = search(subject, pattern, position)
    if not first then
      if first == false then
        error(last, 2)
      end
      break
    elseif last == last_end then
      -- Empty, where the match before has ended.
      position = position + 1
    else
      local value
      if a == nil then
        a = sub(subject, first, last)
      end
      if looks_up then
        value = replacement[a]
      elseif b == nil then
        value = replacement(a)
      elseif c == nil then
        value = replacement(a, b)
      elseif more == nil then
        value = replacement(a, b, c)
      else
        value = call_with_all(replacement, search(subject, pattern, position))
      end
      if value then
        local kind = type(value)
        if kind == "number" then
          value = value .. ""
        elseif kind ~= "string" then
          error("invalid replacement value (a " .. kind .. ")", 2)
        end
        size = size + (first - copied) + #value
        if size > MOST_BYTES then
          error("resulting string too large", 2)
        elseif first > copied then
          n = n + 1
          parts[n] = sub(subject, copied, first - 1)
        end
        n = n + 1
        parts[n] = value
        copied = last + 1
      end
      count, position, last_end = count + 1, last + 1, last
    end
    if anchored then
      break
    end
  end
  if n == 0 then
    return subject, count
  end
  if copied <= #subject then
    if size + #subject - copied >= MOST_BYTES then
      error("resulting string too large", 2)
    end
    parts[n + 1] = sub(subject, copied)
  end
  return concat(parts), count
end

-- Ours gives a long result in parts.
local function joined(result, count)
  if result == false then
    error(count, 2)
  elseif type(result) == "table" then
    result = concat(result)
  end
  return result, count
end

local function gsub_slowly(subject, pattern, replacement, most)
  local s, p, kind = text(subject), text(pattern), type(replacement)
  if are_bad(s, p, most)
    or kind ~= "string" and kind ~= "number" and kind ~= "table" and kind ~= "function" then
    return refuse("gsub", gsub, subject, pattern, replacement, most)
  end
  most = most and tointeger(most)
  local is_cheap = #s <= reach[p]
  if kind == "table" or kind == "function" then
    if is_cheap and kind == "table" and getmetatable(replacement) == nil then
      return gsub(s, p, checked(replacement), most)
    end
    return substitute(s, p, replacement, most or #s + 1)
  end
  local r = text(replacement)
  local asked = asks[r]
  if is_cheap and (asked <= 1 or asked <= captures[p]) then
    return gsub(s, p, r, most)
  end
  return joined(native.gsub(s, p, r, most))
end

function patterns.gsub(subject, pattern, replacement, most)
  if type(subject) == "string" and #subject <= reach[pattern] and (most == nil or math_type(most) == "integer") then
    local kind = type(replacement)
    if kind == "string" then
      local asked = asks[replacement]
      if asked <= 1 or asked <= captures[pattern] then
        return gsub(subject, pattern, replacement, most)
      end
    elseif kind == "table" and getmetatable(replacement) == nil then
      -- Nothing of the program's runs in there. A function would, where it can neither wait nor be suspended.
      return gsub(subject, pattern, checked(replacement), most)
    end
  end
  return gsub_slowly(subject, pattern, replacement, most)
end

return patterns

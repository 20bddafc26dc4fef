-- `table`, guarded as the rest of the sandbox is.

local kernel = ...
local check, error, type, select, getmetatable = kernel.check, error, type, select, debug.getmetatable
local rawget, rawlen, tointeger = rawget, rawlen, math.tointeger
-- What may raise for its arguments is called as a field of this: the error then has its name.
local table = table

local LARGE = kernel.LARGE
-- Elements that one call moves at most.
local MOST_MOVED = 1 << 24

local tables = { pack = table.pack }
local move = table.move

-- A length that a metamethod makes up, or a range far beyond the elements there are, would have one of these functions
-- go on for as long as it says.
local function check_range(list, name, from, to)
  if type(list) ~= "table" then
    return
  end
  local metatable = getmetatable(list)
  if metatable ~= nil and rawget(metatable, "__len") ~= nil then
    error("bad argument #1 to '" .. name .. "' (a table whose metatable has no __len expected)", 3)
  end
  local span = rawlen(list)
  if from ~= nil and to ~= nil and to > from then
    if to - from < 0 or to - from > span + MOST_MOVED then
      error("bad argument to '" .. name .. "' (too many elements)", 3)
    end
    span = to - from
  end
  if span > LARGE then
    check()
  end
end

function tables.concat(list, separator, from, to)
  if from ~= nil or to ~= nil then
    check_range(list, "concat", tointeger(from) or 1, tointeger(to))
  else
    check_range(list, "concat")
  end
  return table.concat(list, separator, from, to)
end

function tables.insert(list, ...)
  if type(list) == "table" and getmetatable(list) ~= nil or select("#", ...) > 1 then
    check_range(list, "insert")
  end
  return table.insert(list, ...)
end

function tables.remove(list, ...)
  if type(list) == "table" and getmetatable(list) ~= nil or ... then
    check_range(list, "remove")
  end
  return table.remove(list, ...)
end

function tables.move(list, from, to, at, other)
  local first, last = tointeger(from), tointeger(to)
  if first and last and last >= first then
    if last - first < 0 or last - first > MOST_MOVED then
      error("too many elements to move", 2)
    end
    if last - first > LARGE then
      check()
    end
  end
  return table.move(list, from, to, at, other)
end

local function is_less(x, y)
  return x < y
end

-- Merges two sorted runs of `from` into `to`.
local function merge(from, to, left, middle, right, less)
  local i, j = left, middle
  for k = left, right - 1 do
    local takes_left = i < middle
    if takes_left and j < right then
      takes_left = not less(from[j], from[i])
    end
    if takes_left then
      to[k], i = from[i], i + 1
    else
      to[k], j = from[j], j + 1
    end
    if k % 4096 == 0 then
      check()
    end
  end
end

-- Runs so long are put in order one by one.
local SHORT = 16

local function sort_run(list, first, last, less)
  for i = first + 1, last do
    local x, j = list[i], i - 1
    while j >= first do
      local y = list[j]
      if not less(x, y) then
        break
      end
      list[j + 1], j = y, j - 1
    end
    list[j + 1] = x
  end
end

-- Lua's own would call `less` where it can neither wait nor be suspended, and would sort millions of elements without a
-- look at the clock.
local function sort_merging(list, less)
  local count, from, to = rawlen(list), {}, {}
  move(list, 1, count, 1, from)
  for first = 1, count, SHORT do
    sort_run(from, first, first + SHORT - 1 < count and first + SHORT - 1 or count, less)
    if first % 4096 == 1 then
      check()
    end
  end
  local width = SHORT
  while width < count do
    for left = 1, count, 2 * width do
      local middle, right = left + width, left + 2 * width
      merge(from, to, left, middle <= count and middle or count + 1, right <= count and right or count + 1, less)
    end
    from, to, width = to, from, 2 * width
  end
  for first = 1, count, LARGE do
    check()
    move(from, first, first + LARGE - 1 < count and first + LARGE - 1 or count, first, list)
  end
end

function tables.sort(list, less)
  check_range(list, "sort")
  if type(list) == "table" and (type(less) == "function" or less == nil and rawlen(list) > LARGE) then
    return sort_merging(list, less or is_less)
  end
  return table.sort(list, less)
end

-- As many results as fit a stack: that is checked before they are taken.
tables.unpack = table.unpack

return tables

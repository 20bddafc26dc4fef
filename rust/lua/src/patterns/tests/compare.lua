-- Compares what the engine's functions do with what ours do: results, and errors without their place.

local function show(ok, ...)
  local t = {tostring(ok), ...}
  for i = 1, select("#", ...) + 1 do t[i] = tostring(t[i]) end
  return (table.concat(t, "|"):gsub("[%w_=]+:%d+: ", ""))
end
local function told(first, ...)
  if first == false then return false, ... end
  return true, first, ...
end
local function all(iterate, s, p, from)
  local t = {}
  for a, b, c in iterate(s, p, from) do
    t[#t + 1] = tostring(a) .. "," .. tostring(b) .. "," .. tostring(c)
    if #t > 100 then error("endless") end
  end
  return table.concat(t, ";")
end
local function log(replace, s, p, r, most)
  local calls = {}
  local text, n = replace(s, p, function(...)
    local t = table.pack(...)
    for i = 1, t.n do t[i] = tostring(t[i]) end
    calls[#calls + 1] = table.concat(t, ",")
    if #calls % 3 == 0 then return false end
    return #calls % 2 == 0 and #calls or r
  end, most)
  return text, n, table.concat(calls, ";")
end
return function(s, p, r, from, most)
  local function same(what, one, other)
    if one ~= other then
      error(("%s of %q in %q, %s, %s, %s:\n%s\n%s"):format(what, p, s, r, from, most, one, other), 0)
    end
  end
  same("find", show(pcall(string.find, s, p, from)), show(told(native.find(s, p, from))))
  same("match", show(pcall(string.match, s, p, from)), show(told(native.match(s, p, from))))
  same("plain", show(pcall(string.find, s, p, from, true)), show(told(native.find_plain(s, p, from))))
  same("gsub", show(pcall(string.gsub, s, p, r, most)), show(told(native.gsub(s, p, r, most))))
  for name, library in next, {ours = ours, checked = checked} do
    local function both(what, f, ...) same(name .. " " .. what, show(pcall(f, string, ...)), show(pcall(f, library, ...))) end
    both("find", function(l, ...) return l.find(...) end, s, p, from)
    both("match", function(l, ...) return l.match(...) end, s, p, from)
    both("gsub", function(l, ...) return l.gsub(...) end, s, p, r, most)
    both("gmatch", function(l, ...) return all(l.gmatch, ...) end, s, p, from)
    both("function", function(l, ...) return log(l.gsub, ...) end, s, p, r, most)
    local ok, text = pcall(library.gsub, s, p, {a = "x", b = 1, ab = false}, most)
    if ok or text ~= "unfinished capture" then
      same(name .. " table", show(pcall(string.gsub, s, p, {a = "x", b = 1, ab = false}, most)),
        show(pcall(library.gsub, s, p, {a = "x", b = 1, ab = false}, most)))
    end
  end
end

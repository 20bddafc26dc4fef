-- `fs`: volumes, files and scanners. What they do is in `modules/fs.rs`, which knows volumes and files by number.

local native, waiting = ...
local new_error = native.new_error
local setmetatable, type, error, next = setmetatable, type, error, next
local find, sub, byte, match = string.find, string.sub, string.byte, string.match

-- Objects of a kind: their methods, how to make one with a state, and how to get at that. A state is not in the object,
-- since a program can write there.
local function class(name)
  local states, methods = setmetatable({}, { __mode = "k" }), {}
  local metatable = { __index = methods, __metatable = false, __name = name }
  local function make(state)
    local object = setmetatable({}, metatable)
    states[object] = state
    return object
  end
  local function of(self, level)
    local state = states[self]
    if state == nil then
      error("bad argument #1 (" .. name .. " expected, got " .. type(self) .. ")", level or 4)
    end
    return state
  end
  return methods, make, of, states, metatable
end

-- Scanners

-- Bytes that are read at once, and that a token has at most.
local CHUNK, LONGEST = 1 << 16, 1 << 16

-- Each looks for a token from a position on: where it begins and ends, and where the next one is looked for; or nothing,
-- where more has to be read before that can be said.
local splits = {}

function splits.lines(text, from, at_end)
  local found = find(text, "\n", from, true)
  if found then
    local last = found - 1
    if last >= from and byte(text, last) == 13 then
      last = last - 1
    end
    return from, last, found + 1
  elseif at_end and from <= #text then
    return from, byte(text, #text) == 13 and #text - 1 or #text, #text + 1
  end
end

function splits.words(text, from, at_end)
  local first, last = find(text, "[^ \t-\r]+", from)
  if first and (at_end or last < #text) then
    return first, last, last + 1
  end
end

function splits.bytes(text, from)
  if from <= #text then
    return from, from, from + 1
  end
end

function splits.runes(text, from, at_end)
  local lead = byte(text, from)
  if lead == nil then
    return
  end
  local size = lead < 0x80 and 1 or lead < 0xC2 and 1 or lead < 0xE0 and 2 or lead < 0xF0 and 3 or lead < 0xF5 and 4 or 1
  if from + size - 1 > #text and not at_end then
    return
  end
  -- What is not UTF-8 is passed on byte by byte.
  local last = from + size - 1
  if size > 1 and not match(sub(text, from, last), "^.[\x80-\xBF]+$") or last > #text then
    last = from
  end
  return from, last, last + 1
end

local scanner_methods, new_scanner, scanner_of = class("scanner")

-- Puts what was read behind what is left. Whether there may be more tokens.
local function refill(state, data, err)
  if data then
    state.buffer, state.from = sub(state.buffer, state.from) .. data, 1
    return true
  end
  state.at_end = true
  if err:kind() ~= "NotFound" then
    state.failed = new_error("Internal", err:message())
    return false
  end
  return true
end

local function fail(state, text)
  state.failed, state.token = new_error("Internal", text), nil
  return false
end

local function scan_with(read)
  return function(self)
    local state = scanner_of(self, 3)
    while not state.failed do
      local first, last, after = state.split(state.buffer, state.from, state.at_end)
      if first then
        state.token, state.from = sub(state.buffer, first, last), after
        return true
      elseif state.at_end then
        break
      elseif state.split == splits.words then
        -- The blanks before a word are no part of it.
        state.from = find(state.buffer, "[^ \t-\r]", state.from) or #state.buffer + 1
      end
      if #state.buffer - state.from + 1 > LONGEST then
        return fail(state, "token too long")
      end
      if not refill(state, read(state.file, CHUNK)) then
        break
      end
    end
    state.token = nil
    return false
  end
end

function scanner_methods:text()
  return scanner_of(self, 3).token or ""
end

function scanner_methods:err()
  return scanner_of(self, 3).failed
end

-- Files

local file_methods, new_file, file_of, files, file_metatable = class("file")

local function open_files(rust)
  local function method(start)
    return waiting(function(self, ...)
      return start(file_of(self), ...)
    end)
  end
  file_methods.read, file_methods.write = method(rust.file_read), method(rust.file_write)
  file_methods.seek, file_methods.stat = method(rust.file_seek), method(rust.file_stat)
  file_methods.sync = method(rust.file_sync)
  file_methods.flush = file_methods.sync
  function file_methods:close()
    return rust.file_close(file_of(self, 3))
  end
  function file_metatable.__close(self)
    rust.file_close(files[self])
  end
  scanner_methods.scan = scan_with(file_methods.read)
  function file_methods:scanner(split)
    local err = rust.file_check(file_of(self, 3))
    if err then
      return nil, new_error("Invalid", err:message())
    end
    split = splits[split == nil and "lines" or split]
    if split == nil then
      return nil, new_error("Invalid", "invalid split: expected lines, words, bytes or runes")
    end
    return new_scanner({ file = self, split = split, buffer = "", from = 1 })
  end
end

-- Volumes

local volume_methods, new_volume, volume_of = class("volume")

-- Writes what is left of a file. Each piece is read and written by itself, so that a long copy can be given up.
local function copy_file(read, write, from, to)
  while true do
    local data, err = read(from, 1 << 18)
    if not data then
      if err:kind() == "NotFound" then
        return true
      end
      return nil, err
    end
    local _, failed = write(to, data)
    if failed then
      return nil, failed
    end
  end
end

-- An iterator over entries, each a name behind a letter for its type.
local function entries(found, err)
  if not found then
    return nil, err
  end
  local n = 0
  return function()
    n = n + 1
    local entry = found[n]
    if entry then
      return { name = sub(entry, 2), type = byte(entry) == 100 and "directory" or "file" }
    end
  end
end

local function open_volumes(rust)
  local function method(start, level)
    return waiting(function(self, ...)
      local volume = volume_of(self, level)
      return start(volume.number, volume.working, ...)
    end)
  end
  for _, name in next, { "readfile", "exists", "isdir", "stat", "mkdir", "remove" } do
    volume_methods[name] = method(rust[name])
  end
  local list, open = method(rust.readdir, 5), method(rust.open, 5)
  local write, change = method(rust.writefile, 5), method(rust.chdir, 5)
  function volume_methods:readdir(path)
    return entries(list(self, path))
  end
  function volume_methods:open(path, mode)
    local number, err = open(self, path, mode)
    if not number then
      return nil, err
    end
    return new_file(number)
  end
  function volume_methods:writefile(path, data, mode)
    if files[data] == nil then
      return write(self, path, data, mode)
    end
    mode = mode == nil and "w" or mode
    if mode ~= "w" and mode ~= "a" and mode ~= "wx" then
      return nil, new_error("Invalid", "invalid mode: writefile takes w, a or wx")
    end
    local file, err = volume_methods.open(self, path, mode)
    if not file then
      return nil, err
    end
    local ok, failed = copy_file(file_methods.read, file_methods.write, data, file)
    file:close()
    return ok, failed
  end
  function volume_methods:chdir(path)
    local working, err = change(self, path)
    if not working then
      return nil, err
    end
    volume_of(self).working = working
    return true
  end
  function volume_methods:pwd()
    return volume_of(self, 3).working
  end
  volume_methods.read_file, volume_methods.write_file = volume_methods.readfile, volume_methods.writefile
end

local rust = native.open("fs")
open_files(rust)
open_volumes(rust)
local get = waiting(rust.get)
local fs = { type = { FILE = "file", DIR = "directory" }, seek = { SET = "set", CUR = "cur", END = "end" } }
function fs.get(id)
  local number, err = get(id)
  if not number then
    return nil, err
  end
  return new_volume({ number = number, working = "/" })
end
return fs

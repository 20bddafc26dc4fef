-- The program of a worker: its chunk and those of the libraries it imports, each with globals of its own, run when they
-- are first wanted (L-1 to L-4, L-6).

local kernel, native, globals, openers = ...
local next, error, type = next, error, type

-- By unit; a unit is an entry's chunk, the program's own the first.
local loaded, loading = {}, {}

local load_unit

local ready = {}

local function open(name)
  local module = ready[name]
  if module == nil then
    local opener = openers[name]
    module = opener and opener() or native.open(name)
    ready[name] = module
  end
  return module
end

local function requirer(unit)
  return function(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
    end
    local kind, found = native.resolve(unit, name)
    if kind == "module" then
      return open(name)
    elseif kind == "import" then
      return load_unit(found)
    end
    error(found, 2)
  end
end

local function environment(unit)
  local env = {}
  for name, value in next, globals do
    env[name] = value
  end
  env._G = env
  env.require = requirer(unit)
  return env
end

-- However loading has ended, those who waited for it look again.
local function finish(unit)
  local waiting = loading[unit]
  loading[unit] = nil
  for i = 1, #waiting do
    kernel.wake(waiting[i])
  end
end

function load_unit(unit)
  while loaded[unit] == nil and loading[unit] do
    local err = kernel.cannot_wait()
    if err then
      error(err, 3)
    end
    local waiting = loading[unit]
    waiting[#waiting + 1] = kernel.current()
    kernel.wait()
  end
  if loaded[unit] == nil then
    loading[unit] = {}
    local ok, value = kernel.pcall(native.load(unit, environment(unit)))
    finish(unit)
    if not ok then
      error(value, 0)
    end
    -- A chunk that returns nothing is not run again.
    loaded[unit] = value == nil and true or value
  end
  return loaded[unit]
end

local entry

-- Finds the function at the first call, and calls it.
local function boot(...)
  local module = load_unit(1)
  if type(module) == "function" then
    entry = module
  elseif type(module) == "table" and type(module[native.method]) == "function" then
    entry = module[native.method]
  else
    error(native.no_method())
  end
  native.booted(entry)
  return entry(...)
end

return boot

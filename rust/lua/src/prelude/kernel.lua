-- The kernel of a worker: runs one call at a time, and the coroutines it spawns, until its function returns.
--
-- The embedder resumes one coroutine, in which `serve` runs. It yields a signal and what belongs to it:
--   DONE value, error      the function has returned
--   FAILED error, trace    it has raised
--   PARK                   every task waits for the embedder: it resumes with the number of an operation and its results
--   PAUSE                  time is up: it resumes soon, with what has finished meanwhile or nothing
--   FATAL                  memory has run out: it does not resume
-- Tasks are coroutines that the kernel alone resumes. One that waits yields WAIT, a value no program can get at; where it
-- runs in coroutines of its own, those who resume them pass WAIT on (`relay`). The hook yields without any value.
--
-- Mostly the embedder does not come here at all: it resumes the coroutine of the main task itself, and only what it does
-- not understand it hands over (`adopt`). So everything is ready for that beforehand, and the embedder is told where it
-- is no longer (`native.stir`).
--
-- A program may replace every function it can reach, so all that is used here was taken beforehand.

local native = ...
local preempted, checkpoint, log_failure = native.preempted, native.checkpoint, native.log_failure
local is_over, stir = native.is_over, native.stir
local new_error, cancel = native.new_error, native.cancel

local create, resume, yield, status = coroutine.create, coroutine.resume, coroutine.yield, coroutine.status
local isyieldable, coroutine = coroutine.isyieldable, coroutine
-- What may raise for its arguments is called as a field of `coroutine`, or as a global: the error then has its name.
local error, select, type, setmetatable = error, select, type, setmetatable
local next, traceback, unpack, sub = next, debug.traceback, table.unpack, string.sub

local DONE, FAILED, PARK, PAUSE, FATAL = 1, 2, 3, 4, 5
-- What tasks yield to the kernel; a program may yield any number, but none of these.
local WAIT, IDLE, REST, SPENT, NO_MEMORY = {}, {}, {}, {}, "not enough memory"
-- What an error of the prelude's own begins with.
local PLACE = "?:-1: "
-- Coroutines that run inside one of Lua's own functions, where nobody can wait.
local blocked = 0

local kernel = {}

-- Tasks

local ready, first, last = {}, 1, 0
local live, count = {}, 0
local operations, pending = {}, 0
-- Results of operations that nobody waits for yet: whoever started one was suspended by the hook before it could wait.
local early = {}
local current, main
-- Coroutines that nobody but the kernel, or the one who waits for them, may resume.
local held = setmetatable({}, { __mode = "k" })

local function push(task)
  last = last + 1
  ready[last] = task
end

-- Lets a task go on, with what it waited for.
local function wake(task, a, b, c)
  if not task.dead then
    task.a, task.b, task.c = a, b, c
    push(task)
  end
end

-- Lets a task that the clock has suspended go on before all others: programs change hands only where they wait or yield.
local function go_on(task)
  if not task.dead then
    first = first - 1
    ready[first] = task
  end
end

local function new_task(co)
  stir()
  local task = { co = co }
  held[co] = true
  live[task] = true
  count = count + 1
  return task
end

local function end_task(task)
  task.dead = true
  live[task] = nil
  count = count - 1
end

-- Suspends the running task; gives what it is woken with. Who calls it has checked that it can be.
local function wait()
  return yield(WAIT)
end

-- Says what keeps a task from waiting here, or nil.
local function cannot_wait()
  if blocked > 0 or not isyieldable() then
    return new_error("Invalid", "cannot wait here: inside a callback of string.gsub or table.sort, or a metamethod "
      .. "that one of Lua's own functions has called")
  end
end

-- Waits for an operation of the embedder: its number; or `true`, its value and its error, if it is done; or nil and an error.
local function await(operation, value, err)
  if operation == nil then
    return nil, value
  elseif operation == true then
    return value, err
  end
  local result = early[operation]
  if result then
    early[operation] = nil
    return result.a, result.b, result.c
  end
  stir()
  operations[operation] = current
  pending = pending + 1
  return yield(WAIT)
end

-- Has `finish` called with the results of an operation.
local function attend(operation, finish)
  local result = early[operation]
  if result then
    early[operation] = nil
    return finish(result.a, result.b, result.c)
  end
  stir()
  operations[operation] = finish
  pending = pending + 1
end

local function forget(operation)
  if operations[operation] then
    operations[operation] = nil
    pending = pending - 1
    cancel(operation)
  end
end

local function accept(operation, a, b, c)
  local waiting = operations[operation]
  if waiting == nil then
    early[operation] = { a = a, b = b, c = c }
    return
  end
  operations[operation] = nil
  pending = pending - 1
  if type(waiting) == "function" then
    waiting(a, b, c)
  else
    wake(waiting, a, b, c)
  end
end

-- What the embedder resumes with: nothing, or an operation that has finished.
local function accept_any(operation, ...)
  if operation then
    accept(operation, ...)
  end
end

kernel.wait, kernel.wake, kernel.await, kernel.attend, kernel.forget = wait, wake, await, attend, forget
kernel.cannot_wait = cannot_wait
function kernel.current() return current end

-- Guards on what programs use

local function out_of_memory(err)
  return err == NO_MEMORY or type(err) == "userdata" and native.is_memory_error(err)
end

-- A limit is not for a program to catch and to run into again.
local function refuse_memory(ok, err, ...)
  if ok then
    return ok, err, ...
  elseif out_of_memory(err) then
    if isyieldable() then
      yield(SPENT)
    end
    error(NO_MEMORY, 0)
  elseif type(err) == "string" and sub(err, 1, #PLACE) == PLACE then
    -- Nobody knows the places of this file.
    err = sub(err, #PLACE + 1)
  end
  return ok, err, ...
end

function kernel.pcall(...)
  return refuse_memory(pcall(...))
end

-- A handler runs inside what has raised. Where that was the hook, nothing would interrupt the handler: so it is not run
-- once the call is over.
function kernel.xpcall(f, handler, ...)
  if type(handler) ~= "function" then
    return xpcall(f, handler, ...)
  end
  return refuse_memory(xpcall(f, function(err)
    if out_of_memory(err) or is_over() then
      return err
    end
    return handler(err)
  end, ...))
end

-- Looks at the clock before something costly that the hook does not see.
local function check()
  if checkpoint() then
    if isyieldable() then
      yield(REST)
    elseif is_over() then
      error("the call is over", 0)
    end
  end
end
kernel.check = check
-- From here on something is large enough for that: some tens of microseconds of work.
kernel.LARGE = 1 << 16

local relay
local function relayed(co, ok, tag, ...)
  if ok then
    if tag == WAIT then
      held[co] = true
      return relay(co, yield(WAIT))
    elseif tag == REST or tag == nil and status(co) == "suspended" and preempted() then
      held[co] = true
      yield(REST)
      return relay(co)
    elseif tag == SPENT then
      return yield(SPENT)
    end
    return ok, tag, ...
  end
  return refuse_memory(ok, tag, ...)
end

function relay(co, ...)
  held[co] = nil
  return relayed(co, resume(co, ...))
end

-- The same where whoever resumes cannot yield: the coroutine goes on at once.
local function relayed_here(co, ok, tag, ...)
  if ok and (tag == REST or tag == nil and status(co) == "suspended" and preempted()) then
    if is_over() then
      blocked = blocked - 1
      error("the call is over", 0)
    end
    return relayed_here(co, resume(co))
  end
  blocked = blocked - 1
  if ok and tag == SPENT then
    error(NO_MEMORY, 0)
  end
  return refuse_memory(ok, tag, ...)
end

function kernel.resume(co, ...)
  if held[co] then
    return false, "cannot resume a coroutine that waits"
  elseif isyieldable() then
    return relayed(co, coroutine.resume(co, ...))
  end
  if type(co) == "thread" then
    blocked = blocked + 1
  end
  return relayed_here(co, coroutine.resume(co, ...))
end

local function unwrap(co, ok, err, ...)
  if ok then
    return err, ...
  end
  if status(co) == "dead" then
    coroutine.close(co)
  end
  if type(err) == "string" then
    error(err, 0)
  end
  error(err)
end

function kernel.wrap(f)
  local co = coroutine.create(f)
  return function(...)
    return unwrap(co, kernel.resume(co, ...))
  end
end

function kernel.close(co)
  if held[co] then
    return false, "cannot close a coroutine that waits"
  end
  return coroutine.close(co)
end

function kernel.spawn(f, ...)
  if type(f) ~= "function" then
    error("bad argument #1 to 'spawn' (function expected, got " .. type(f) .. ")", 2)
  end
  local n = select("#", ...)
  local co
  if n <= 3 then
    co = create(f)
    wake(new_task(co), ...)
  else
    local arguments = { n = n, ... }
    co = create(function() return f(unpack(arguments, 1, n)) end)
    wake(new_task(co))
  end
  return co
end

-- Calls

-- Runs functions one after another in the same coroutine: making one for each call would cost more than the call.
local function work(f, ...)
  return work(yield(IDLE, f(...)))
end

local worker

local function start_worker()
  worker = create(work)
  held[worker] = true
  native.attend(worker, IDLE)
  return worker
end

local main_task = { co = nil }

-- As a call finds it.
local function prepare()
  blocked = 0
  main_task.co, main_task.dead = worker or start_worker(), nil
  main, current = main_task, main_task
  live[main_task] = true
  count = 1
end

-- Forgets all that is left of a call.
local function clear()
  for task in next, live do
    task.dead = true
  end
  for operation in next, operations do
    cancel(operation)
  end
  ready, first, last = {}, 1, 0
  live, count = {}, 0
  operations, pending, early = {}, 0, {}
  -- Another one: the last may stand in queues that the program keeps.
  main_task = { co = nil }
  prepare()
end

local function fail(err, trace)
  if out_of_memory(err) then
    -- Nothing is in order any more, and nothing may be made.
    return FATAL
  end
  worker = nil
  clear()
  return FAILED, err, trace
end

local function succeed(value, err)
  -- Mostly the one task of the call is all there was.
  if count > 1 or pending > 0 or last >= first then
    clear()
  end
  return DONE, value, err
end

local function step(task, ok, tag, a, b)
  if not ok then
    if out_of_memory(tag) then
      return fail(tag)
    elseif task == main then
      return fail(tag, traceback(task.co))
    end
    end_task(task)
    log_failure(tag, traceback(task.co))
  elseif tag == IDLE and task == main then
    return succeed(a, b)
  elseif tag == SPENT then
    return fail(NO_MEMORY)
  elseif status(task.co) == "dead" then
    end_task(task)
  elseif tag == REST or tag == nil and preempted() then
    go_on(task)
    accept_any(yield(PAUSE))
  elseif tag ~= WAIT then
    -- It yielded to nobody in particular: others go first.
    wake(task)
  end
end

-- Runs tasks until the main one is done.
local function run()
  while true do
    if first <= last then
      local task = ready[first]
      ready[first] = nil
      first = first + 1
      if not task.dead then
        current = task
        local a, b, c = task.a, task.b, task.c
        task.a, task.b, task.c = nil, nil, nil
        local signal, x, y = step(task, resume(task.co, a, b, c))
        if signal then
          return signal, x, y
        end
        -- Each of very many may be too short for the hook.
        if checkpoint() then
          accept_any(yield(PAUSE))
        end
      end
    elseif pending > 0 then
      accept_any(yield(PARK))
    else
      local text = "deadlock: all " .. count .. " coroutines blocked with no pending operations"
      return fail(new_error("Internal", text), traceback(main.co))
    end
  end
end

local function begun(task, ...)
  local signal, x, y = step(task, ...)
  if signal then
    return signal, x, y
  end
  return run()
end

local function call(f, ...)
  if f == true then
    -- A call that has begun without us: what its coroutine has yielded or raised.
    return begun(main_task, ...)
  end
  prepare()
  return begun(main_task, resume(main_task.co, f, ...))
end

local function serve(...)
  return serve(yield(call(...)))
end

kernel.serve = create(serve)
return kernel

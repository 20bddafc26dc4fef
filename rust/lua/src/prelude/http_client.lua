-- `http_client`: requests, one at a time or several at once. What a request is made of is in `modules/http_client.rs`.

local kernel, native, waiting, channels = ...
local cannot_wait, attend, check = kernel.cannot_wait, kernel.attend, kernel.check
local new_error = native.new_error
local type, rawget, rawlen = type, rawget, rawlen

-- Requests of one batch.
local MOST = 1000

local function field(list, index)
  if type(list) == "table" then
    return rawget(list, index)
  end
end

-- All of them at once. Their errors by position too, `false` for those that went well; nil where all did.
local function batch(start, requests)
  if type(requests) ~= "table" or rawlen(requests) > MOST then
    return nil, new_error("Invalid", "requests must be a list of at most " .. MOST)
  end
  local count, started, failed = rawlen(requests), 0, false
  local responses, errors, done = {}, {}, channels.new(MOST)
  for i = 1, count do
    -- To make one may take a while.
    check()
    local request = rawget(requests, i)
    local operation, err = start(field(request, 1), field(request, 2), field(request, 3))
    errors[i] = err or false
    failed = failed or err ~= nil
    if operation then
      started = started + 1
      attend(operation, function(response, problem)
        responses[i], errors[i] = response, problem or false
        failed = failed or problem ~= nil
        done:send(true)
      end)
    end
  end
  for _ = 1, started do
    done:receive()
  end
  return responses, failed and errors or nil
end

local rust = native.open("http_client")
local request = waiting(rust.start)
local http_client = { request = request, encode_uri = rust.encode_uri, decode_uri = rust.decode_uri }
local function method(name)
  return function(url, options)
    return request(name, url, options)
  end
end
http_client.get, http_client.post, http_client.put = method("GET"), method("POST"), method("PUT")
http_client.patch, http_client.delete, http_client.head = method("PATCH"), method("DELETE"), method("HEAD")
function http_client.request_batch(requests)
  local err = cannot_wait()
  if err then
    return nil, err
  end
  return batch(rust.start, requests)
end
return http_client

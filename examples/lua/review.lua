-- Which clients of a web server should a person look at?
local funcs = require("funcs")
local logger = require("logger")
local clients = require("clients")
local rules = require("rules")

local function why(client): string?
  for _, rule in ipairs(rules) do
    if rule.holds(client) then return rule.why end
  end
end

--- The number of a client's first line: a guest in C looks for it.
local function first_line(text: string, address: string)
  local found, err = funcs.call("app:grep", text, address .. " ")
  if err then return nil, err end
  return found[1][1]
end

local function review(text: string)
  if type(text) ~= "string" then
    return nil, errors.new{message = "the text of a log expected, got " .. type(text), kind = errors.INVALID}
  end
  local all, others = clients.of(text)
  local findings = {}
  for _, client in ipairs(all) do
    local reason = why(client)
    if reason then
      local line, err = first_line(text, client.address)
      if err then return nil, err end
      -- Asked while this goes on.
      local owner = funcs.async("app:owner", client.address)
      table.insert(findings, { address = client.address, why = reason, line = line, owner = owner })
    end
  end
  for _, finding in ipairs(findings) do
    local answer = finding.owner:response():receive()
    finding.owner = answer and answer:data() or "nobody we know"
  end
  logger:debug(string.format("%d clients, %d lines that are no requests", #all, others))
  return { findings = findings, clients = #all }
end

return { review = review }

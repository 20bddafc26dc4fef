-- Clients of a web server, by the lines of its log.
local clients = {}

type Client = { address: string, user: string, requests: number, refused: number, missing: number, bytes: number }

local LINE = '^(%S+) %S+ (%S+) %[[^%]]+%] "[^"]*" (%d+) (%d+)$'

--- The clients in the order in which they came, and how many lines are no requests.
function clients.of(text: string): ({Client}, number)
  local list, known, others = {}, {}, 0
  for line in text:gmatch("[^\n]+") do
    local address, user, status, bytes = line:match(LINE)
    if address == nil then
      others = others + 1
    else
      local client = known[address]
      if client == nil then
        client = { address = address, user = "-", requests = 0, refused = 0, missing = 0, bytes = 0 }
        known[address] = client
        table.insert(list, client)
      end
      client.requests = client.requests + 1
      client.bytes = client.bytes + math.tointeger(bytes)
      if user ~= "-" then client.user = user end
      if status == "401" then client.refused = client.refused + 1 end
      if status == "404" then client.missing = client.missing + 1 end
    end
  end
  return list, others
end

return clients

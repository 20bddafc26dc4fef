-- The findings of `app:review`, for people.
local json = require("json")

local function page(text: string)
  local report, err = json.decode(text)
  if err then return nil, errors.wrap(err, "not a report") end
  local lines = { string.format("%d of %d clients:", #report.findings, report.clients) }
  for _, finding in ipairs(report.findings) do
    table.insert(lines, string.format("  line %-3d %-15s (%s) %s", finding.line, finding.address, finding.owner, finding.why))
  end
  return table.concat(lines, "\n")
end

return { page = page }

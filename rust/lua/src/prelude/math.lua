-- `math`, with what Lua 5.1 had beside it.

local math = math

local numbers = {
  abs = math.abs, acos = math.acos, asin = math.asin, atan = math.atan, ceil = math.ceil, cos = math.cos,
  deg = math.deg, exp = math.exp, floor = math.floor, fmod = math.fmod, huge = math.huge, log = math.log,
  max = math.max, maxinteger = math.maxinteger, min = math.min, mininteger = math.mininteger, modf = math.modf,
  pi = math.pi, rad = math.rad, random = math.random, randomseed = math.randomseed, sin = math.sin, sqrt = math.sqrt,
  tan = math.tan, tointeger = math.tointeger, type = math.type, ult = math.ult,
}
numbers.atan2 = math.atan
function numbers.pow(x, y) return x ^ y end
function numbers.log10(x) return math.log(x, 10) end

return numbers

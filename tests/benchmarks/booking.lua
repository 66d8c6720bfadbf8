-- booking.lua - what wrk posts: events of one to sixty hours that book a material, in a window of
-- BOOK_HOURS hours; the fewer hours, the more are refused. BOOK_TOKEN, BOOK_USER, BOOK_MATERIAL; with
-- BOOK_FIRST and BOOK_LAST it moves the events between these ids and books one to three instead.
local user, material = os.getenv("BOOK_USER"), os.getenv("BOOK_MATERIAL")
local hours = tonumber(os.getenv("BOOK_HOURS"))
local first, last = tonumber(os.getenv("BOOK_FIRST")), tonumber(os.getenv("BOOK_LAST"))
local headers = {
    ["Authorization"] = "Bearer " .. os.getenv("BOOK_TOKEN"),
    ["Content-Type"] = "application/json",
}
local start = os.time({ year = 2027, month = 1, day = 1, hour = 0 })
local threads = {}
local known = { [200] = "made", [201] = "made", [409] = "refused" }

function setup(thread)
    table.insert(threads, thread)
    thread:set("number", #threads)
end

function init()
    math.randomseed(os.time() + number)
    made, refused, other = 0, 0, 0
end

function request()
    local from = start + 3600 * math.random(0, hours)
    local to = from + 3600 * math.random(60)
    local day = "!%Y-%m-%d %H:%M:%S"
    local quantity = first and math.random(3) or 1
    local path = first and "/api/events/" .. math.random(first, last) or "/api/events"
    return wrk.format(first and "PUT" or "POST", path, headers, string.format(
        '{"user_id":%s,"title":"Load","start_date":"%s","end_date":"%s","materials":[{"id":%s,"quantity":%d}]}',
        user, os.date(day, from), os.date(day, to), material, quantity))
end

function response(status)
    local name = known[status] or "other"
    _G[name] = _G[name] + 1
end

function done(summary, latency)
    local sums = { made = 0, refused = 0, other = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
    end
    io.write(string.format("RESULT %d decisions/s (%d made, %d refused, %d other), p50 %d ms, p99 %d ms\n",
        (sums.made + sums.refused) * 1e6 / summary.duration, sums.made, sums.refused, sums.other,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

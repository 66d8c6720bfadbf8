-- load.lua - what wrk sends, the same to every server under test. From the environment:
-- BENCH_TOKEN, BENCH_VERB (GET | POST), BENCH_FIRST and BENCH_ROWS (ids of the seeded clients).
local verb = os.getenv("BENCH_VERB") or "GET"
local first = tonumber(os.getenv("BENCH_FIRST") or "1")
local rows = tonumber(os.getenv("BENCH_ROWS") or "1")
local headers = {
    ["Authorization"] = "Bearer " .. (os.getenv("BENCH_TOKEN") or ""),
    ["Accept"] = "application/json",
}
local bodies = {}

function init()
    math.randomseed(os.time())
    if verb == "POST" then
        headers["Content-Type"] = "application/json"
        for i = 1, 64 do
            bodies[i] = string.format('{"name":"Bench Client %d","type":"company","status":"active",'
                .. '"email":"bench%d@example.test","phone":"+31 20 555 01%02d","notes":"made by the benchmark"}',
                i, i, i % 100)
        end
    end
end

function request()
    if verb == "POST" then
        return wrk.format("POST", "/api/clients", headers, bodies[math.random(#bodies)])
    end
    return wrk.format("GET", "/api/clients/" .. (first + math.random(rows) - 1), headers)
end

-- One line that the table is made from.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        "RESULT requests=%d duration_us=%d p50_us=%d p99_us=%d refused=%d broken=%d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

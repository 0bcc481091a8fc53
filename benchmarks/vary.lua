-- As wrk.lua, and NNN in the URL is another number in each request.
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", (wrk.path:gsub("NNN", tostring((n * 7919) % 50000))))
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'JSON {"requests": %d, "seconds": %.6f, "bytes": %d, "p50": %.6f, "p99": %.6f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

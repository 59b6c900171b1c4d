-- What the scripts share. wrk is started in this folder.

-- Sends the requests one after the other, and again from the first.
function rotate(requests)
   local sent = 0
   request = function()
      sent = sent + 1
      return requests[(sent - 1) % #requests + 1]
   end
end

-- Has every connection wait for a random time, `mean` milliseconds on average, before each request: with many
-- connections requests then come as independent customers send them, not in step.
function pause(mean)
   if mean > 0 then
      math.randomseed(os.time())
      delay = function() return 0.5 - mean * math.log(1 - math.random()) end
   end
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\nRESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "status": %d, "broken": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
      errors.connect + errors.read + errors.write + errors.timeout
   ))
end

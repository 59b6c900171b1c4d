-- Asks where orders stand. Arguments: the mean pause before a request (ms), and a file of order numbers.
dofile("common.lua")

function init(args)
   local requests = {}
   for number in io.lines(args[2]) do
      requests[#requests + 1] = wrk.format("GET", "/orders/" .. number .. "/status")
   end
   rotate(requests)
   pause(tonumber(args[1]))
end

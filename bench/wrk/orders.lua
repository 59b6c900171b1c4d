-- Places orders of all types, of two items each. Arguments: the mean pause before a request (ms), and after how
-- many orders to end at once (0: when the time is over).
dofile("common.lua")

local body = '{"customer_name":"Ada Lovelace","order_type":"%s",%s"items":['
   .. '{"name":"Margherita Pizza","quantity":%d,"price":15.99},{"name":"Caesar Salad","quantity":2,"price":8.99}]}'
local kinds = {
   dine_in = '"table_number":7,',
   takeout = '',
   delivery = '"delivery_address":"12 Harbour Street",',
}

function init(args)
   local requests = {}
   for quantity = 1, 5 do
      for kind, field in pairs(kinds) do
         local headers = {["Content-Type"] = "application/json"}
         requests[#requests + 1] = wrk.format("POST", "/orders", headers, body:format(kind, field, quantity))
      end
   end
   rotate(requests)
   pause(tonumber(args[1]))
   local wanted, placed = tonumber(args[2]), 0
   if wanted > 0 then
      response = function(status)
         if status == 201 then placed = placed + 1 end
         if placed == wanted then os.exit(0) end
      end
   end
end

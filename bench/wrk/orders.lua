-- Places orders of all types, of two items each. Arguments: the mean pause before a request (ms), and after how
-- many orders to end at once (0: when the time is over), and `keyed` for an Idempotency-Key of its own for each, or
-- `told` for orders whose customers are to be told by e-mail, at fifteen addresses.
dofile("common.lua")

local body = '{"customer_name":"Ada Lovelace","order_type":"%s",%s"items":['
   .. '{"name":"Margherita Pizza","quantity":%d,"price":15.99},{"name":"Caesar Salad","quantity":2,"price":8.99}]}'
local kinds = {
   dine_in = '"table_number":7,',
   takeout = '',
   delivery = '"delivery_address":"12 Harbour Street",',
}

-- Gives every request a key of 128 random bits. Done by putting three texts together, so that the driver, which
-- shares the cores with what is measured, hardly works more than without keys.
local function send_keyed(requests)
   local urandom = io.open("/dev/urandom", "rb")
   local a, b, c = urandom:read(3):byte(1, 3)
   urandom:close()
   math.randomseed((a * 256 + b) * 256 + c)
   local parts, sent = {}, 0
   for place, text in ipairs(requests) do
      local first, last = text:find("\r\n", 1, true)
      parts[place] = {text:sub(1, last) .. "Idempotency-Key: ", "\r\n" .. text:sub(last + 1)}
   end
   local random, hex = math.random, 2 ^ 32 - 1
   request = function()
      sent = sent + 1
      local part = parts[(sent - 1) % #parts + 1]
      local key = ("%08x%08x%08x%08x"):format(random(0, hex), random(0, hex), random(0, hex), random(0, hex))
      return part[1] .. key .. part[2]
   end
end

function init(args)
   local requests = {}
   for quantity = 1, 5 do
      for kind, field in pairs(kinds) do
         local headers = {["Content-Type"] = "application/json"}
         if args[3] == "told" then
            field = field .. ('"notification_email":"ada%d@example.com",'):format(#requests)
         end
         requests[#requests + 1] = wrk.format("POST", "/orders", headers, body:format(kind, field, quantity))
      end
   end
   pause(tonumber(args[1]))
   if args[3] == "keyed" then send_keyed(requests) else rotate(requests) end
   local wanted, placed = tonumber(args[2]), 0
   if wanted > 0 then
      response = function(status)
         if status == 201 then placed = placed + 1 end
         if placed == wanted then os.exit(0) end
      end
   end
end


í
!tokenward/example/v1/orders.prototokenward.example.v1"!
GetOrderRequest
id (	Rid"q
Order
id (	Rid!
requested_by (	RrequestedBy5
lines (2.tokenward.example.v1.OrderLineRlines"A
	OrderLine
article (	Rarticle
quantity (Rquantity"n
WatchOrderRequest
id (	Rid
count (Rcount3
interval_milliseconds (RintervalMilliseconds"f

OrderEvent
sequence (Rsequence
order_id (	RorderId!
requested_by (	RrequestedBy".
Note
text (	Rtext
from (	Rfrom2Ì
OrdersI
Get%.tokenward.example.v1.GetOrderRequest.tokenward.example.v1.OrderT
Watch'.tokenward.example.v1.WatchOrderRequest .tokenward.example.v1.OrderEvent0B
Chat.tokenward.example.v1.Note.tokenward.example.v1.Note(0bproto3
ù
$tokenward/example/v1/inventory.prototokenward.example.v1"+
GetStockRequest
article (	Rarticle"A
AdjustRequest
article (	Rarticle
change (Rchange"=
Stock
article (	Rarticle
quantity (Rquantity2ß
	InventoryN
GetStock%.tokenward.example.v1.GetStockRequest.tokenward.example.v1.StockJ
Adjust#.tokenward.example.v1.AdjustRequest.tokenward.example.v1.Stockbproto3
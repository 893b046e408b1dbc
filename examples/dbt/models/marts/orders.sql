select
    o.order_id,
    o.customer_id,
    o.ordered_on,
    o.status,
    p.amount
from {{ ref('stg_orders') }} as o
left join {{ ref('order_payments') }} as p on p.order_id = o.order_id
